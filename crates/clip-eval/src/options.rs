//! What a person chooses, its defaults and its ranges: the command line, suite files and programs are refused alike.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

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

/// What a person can choose; becomes part of every result.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EvalOptions {
    /// Level of intervals.
    pub level: f64,
    /// Of everything drawn at random.
    pub seed: u64,
    /// Resamples of a bootstrap.
    pub resamples: usize,
    /// Images most confidently wrong that a result keeps.
    pub wrong_images: usize,
    /// Rows that a probe sees.
    pub probe_features: ProbeFeatures,
    /// Regularisation strength of the probe; searched for if none.
    pub c: Option<f64>,
    /// Examples per class of the few-shot task.
    pub shots: Vec<usize>,
    /// Draws of each number of shots.
    pub draws: usize,
    /// Put in front of every caption (`{}` stands for it).
    pub caption_template: String,
    /// Captions of an image that count; all if none.
    pub captions: Option<usize>,
    /// Cuts the copyright line off the photos of FGVC Aircraft.
    pub strip_banner: bool,
    /// Split that is scored, in place of the data set's own.
    pub split: Option<String>,
    /// Item ids of a split that is drawn at random, one a line.
    pub split_file: Option<PathBuf>,
    /// Frames of a clip that zero-shot looks at; other tasks take the middle one.
    pub frames: Frames,
    /// So many of all frames a second; each if none.
    pub fps: Option<f64>,
    /// What is averaged over all frames.
    pub average: Average,
    /// Class names in place of ours, as JSON.
    pub classnames: Option<PathBuf>,
    /// Templates in place of ours, as JSON.
    pub templates: Option<PathBuf>,
}

/// Rows that a probe sees. PROTOCOL_EVAL 7.2.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProbeFeatures {
    /// Before the projection for a ViT, after `c_proj` for a ResNet: the paper's.
    #[default]
    Paper,
    /// After the projection into the joint space, as the README's example.
    Projected,
    /// Before the projection, for a ResNet too.
    PreProjection,
    /// After the projection, rows of norm 1.
    Normalized,
}

impl Default for EvalOptions {
    fn default() -> Self {
        EvalOptions {
            level: 0.95,
            seed: 0,
            resamples: 1000,
            wrong_images: 8,
            probe_features: ProbeFeatures::Paper,
            c: None,
            shots: vec![1, 2, 4, 8, 16],
            draws: 3,
            caption_template: "a photo of {}".to_owned(),
            captions: None,
            strip_banner: false,
            split: None,
            split_file: None,
            frames: Frames::Middle,
            fps: None,
            average: Average::Probabilities,
            classnames: None,
            templates: None,
        }
    }
}

/// Frames of a clip that zero-shot looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Frames {
    /// Frame floor(n / 2) of n: the paper's Tables 10 and 11.
    #[default]
    Middle,
    /// All of them, averaged: the zero-shot row of its Table 15.
    All,
}

/// What is averaged over the frames of a clip; the paper does not say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Average {
    /// The softmax over the classes.
    #[default]
    Probabilities,
    /// Cosines at the checkpoint's temperature.
    Logits,
}

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
