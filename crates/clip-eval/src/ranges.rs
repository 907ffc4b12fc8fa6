//! Ranges of every choice, in one place: the command line, suite files and programs are refused alike.

use crate::frames::{Average, Frames};
use crate::laboratory::EvalOptions;

/// Resamples, at most: a minute of work for each figure.
const MOST_RESAMPLES: usize = 1_000_000;
/// Images with a picture that a result keeps, at most.
const MOST_WRONG_IMAGES: usize = 1000;
/// Strengths C; the paper searches 10^-6 to 10^6.
const STRENGTHS: std::ops::RangeInclusive<f64> = 1e-10..=1e10;
/// Examples per class, at most.
const MOST_SHOTS: usize = 1_000_000;
/// Draws of each number of shots, at most.
const MOST_DRAWS: usize = 1000;
/// Frames a second, at most.
const FASTEST: f64 = 1000.0;

/// A choice outside its range.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{option}: {reason}")]
pub struct OutOfRange {
    /// Name of the option, as in a suite file.
    pub option: &'static str,
    /// What was given, and what there is.
    pub reason: String,
}

impl EvalOptions {
    /// Refuses what no task could obey.
    ///
    /// # Errors
    /// The first option out of its range.
    pub fn validate(&self) -> Result<(), OutOfRange> {
        let refuse = |option, reason| Err(OutOfRange { option, reason });
        if !(self.level > 0.0 && self.level < 1.0) {
            let reason = format!("{} is no share between 0 and 1, such as 0.95", self.level);
            return refuse("level", reason);
        }
        whole("resamples", self.resamples, 1, MOST_RESAMPLES)?;
        whole("wrong_images", self.wrong_images, 0, MOST_WRONG_IMAGES)?;
        if let Some(c) = self.c.filter(|c| !STRENGTHS.contains(c)) {
            return refuse("c", format!("{c} is no strength from 1e-10 to 1e10"));
        }
        if self.shots.is_empty() {
            return refuse("shots", "there is none".to_owned());
        }
        for &shots in &self.shots {
            whole("shots", shots, 1, MOST_SHOTS)?;
        }
        whole("draws", self.draws, 1, MOST_DRAWS)?;
        if let Some(captions) = self.captions {
            whole("captions", captions, 1, usize::MAX)?;
        }
        if !self.caption_template.contains("{}") {
            let reason = format!("`{}` has no {{}} for the caption", self.caption_template);
            return refuse("caption_template", reason);
        }
        if let Some(fps) = self.fps.filter(|fps| !(*fps > 0.0 && *fps <= FASTEST)) {
            return refuse(
                "fps",
                format!("{fps} is no rate above 0 and up to {FASTEST} frames a second"),
            );
        }
        self.validate_frames()
    }

    /// What speaks of all frames needs them.
    fn validate_frames(&self) -> Result<(), OutOfRange> {
        let reason = || "has a meaning with frames = all only".to_owned();
        match self.frames {
            Frames::All => Ok(()),
            Frames::Middle if self.fps.is_some() => {
                Err(OutOfRange { option: "fps", reason: reason() })
            }
            Frames::Middle if self.average != Average::default() => {
                Err(OutOfRange { option: "average", reason: reason() })
            }
            Frames::Middle => Ok(()),
        }
    }
}

fn whole(option: &'static str, value: usize, least: usize, most: usize) -> Result<(), OutOfRange> {
    if (least..=most).contains(&value) {
        return Ok(());
    }
    let reason = if most == usize::MAX {
        format!("{value} is not {least} or more")
    } else {
        format!("{value} is no whole number from {least} to {most}")
    };
    Err(OutOfRange { option, reason })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_task_could_obey_is_refused_by_name() {
        let usual = EvalOptions::default;
        assert_eq!(usual().validate(), Ok(()));
        let wrong = [
            ("level", EvalOptions { level: 95.0, ..usual() }),
            ("level", EvalOptions { level: f64::NAN, ..usual() }),
            ("resamples", EvalOptions { resamples: 0, ..usual() }),
            ("resamples", EvalOptions { resamples: 100_000_000_000, ..usual() }),
            ("wrong_images", EvalOptions { wrong_images: 1_000_000, ..usual() }),
            ("c", EvalOptions { c: Some(0.0), ..usual() }),
            ("c", EvalOptions { c: Some(-1.0), ..usual() }),
            ("c", EvalOptions { c: Some(f64::NAN), ..usual() }),
            ("c", EvalOptions { c: Some(f64::INFINITY), ..usual() }),
            ("shots", EvalOptions { shots: vec![1, 0], ..usual() }),
            ("shots", EvalOptions { shots: Vec::new(), ..usual() }),
            ("draws", EvalOptions { draws: 0, ..usual() }),
            ("captions", EvalOptions { captions: Some(0), ..usual() }),
            (
                "caption_template",
                EvalOptions { caption_template: "a photo of".to_owned(), ..usual() },
            ),
            ("fps", EvalOptions { fps: Some(0.0), frames: Frames::All, ..usual() }),
            ("fps", EvalOptions { fps: Some(f64::NAN), frames: Frames::All, ..usual() }),
            ("fps", EvalOptions { fps: Some(1.0), ..usual() }),
            ("average", EvalOptions { average: Average::Logits, ..usual() }),
        ];
        for (option, options) in wrong {
            assert_eq!(
                options.validate().map_err(|error| error.option),
                Err(option),
                "{options:?}"
            );
        }
    }
}
