//! Accuracy under a natural shift beside accuracy on the matching part of ImageNet, both by one head over ImageNet's
//! names. PROTOCOL_EVAL 7.4.

use std::collections::BTreeMap;
use std::time::Instant;

use clip_data::{Split, Target};

use crate::EvalError;
use crate::context::{EncodedSplit, EvalContext};
use crate::metrics;
use crate::progress::Progress;
use crate::results::{Figure, Record, RobustnessPoint, Unit};
use crate::robustness::{
    ClassSubset, LogitFit, LogitPoints, Setting, ordinary_points, settings_of,
};
use crate::statistics::{Bootstrap, Interval};
use crate::suite::{Job, Verb};
use crate::tasks::scoring::{bootstrap, share_of_hits};
use crate::tasks::zero_shot::{all, metric_error, one_class};

/// What the shifts are compared with.
const IMAGENET: &str = "imagenet";
/// What the interval of effective robustness draws.
const DRAWN: &str = "images of the shift, images of ImageNet and the models of the line";
const NO_LOGIT: &str =
    "undefined: all or none of the matching images of ImageNet are right, which has no logit";

impl EvalContext {
    /// Scores a shift and the matching part of ImageNet, and tells how far the model is above ordinary ones.
    ///
    /// # Errors
    /// ImageNet's validation images are not below `root`, or no item can be used.
    pub fn robustness(
        &mut self,
        job: &Job,
        shift: Split,
        progress: &mut Progress<'_>,
    ) -> Result<Record, EvalError> {
        let started = Instant::now();
        let imagenet =
            Split::open(IMAGENET, &job.root, None, &self.read_options(Verb::Robustness))?;
        let prompts = self.prompts(&imagenet)?;
        let subset = match shift.prompts.rest.get("imagenet_indices") {
            Some(_) => Some(ClassSubset::of(&shift.prompts)?),
            None => None, // all thousand classes
        };
        let head = self.head(&prompts, progress)?;
        let shift = self.encode_split(shift, progress)?;
        let imagenet = self.encode_split(imagenet, progress)?;
        let mut record = self.record(Verb::Robustness.task(), &shift, Some(&prompts), started);
        let logits = |context: &EvalContext, encoded: &EncodedSplit| {
            let embeddings = encoded.rows.features.clone().normalize();
            head.logits(embeddings.as_slice(), context.clip.scale())
        };
        let level = self.options.level;
        let truth = one_class(&imagenet.targets().collect::<Vec<_>>(), &record)?;
        let scores = logits(self, &imagenet);
        let is_known =
            |&class: &u32| subset.as_ref().is_none_or(|subset| subset.class_of(class).is_some());
        if !truth.iter().any(is_known) {
            let reason =
                format!("none of the {} images of ImageNet is of its classes", truth.len());
            return Err(EvalError::task(&record.task, &record.dataset, reason));
        }
        let matching = match &subset {
            Some(subset) => subset.matching_hits(&scores, &truth),
            None => metrics::top_k(&scores, head.classes(), &truth, 1),
        };
        let matching = matching.map_err(metric_error(&record))?;
        let on_imagenet = share_of_hits("accuracy_on_matching_imagenet", &matching, level)
            .map_err(metric_error(&record))?;

        let (scores, classes) = match &subset {
            Some(subset) => (
                subset.project(&logits(self, &shift)).map_err(metric_error(&record))?,
                subset.classes(),
            ),
            None => (logits(self, &shift), head.classes()),
        };
        let shifted = self.score_shift(&mut record, &shift, &scores, classes)?;
        for setting in settings_of(&record.dataset.clone()) {
            let Some((_, hits)) = shifted.iter().find(|(ending, _)| setting.y.ends_with(*ending))
            else {
                continue;
            };
            let effective = Effective { setting, shifted: hits, matching: &matching };
            let name = format!("effective_robustness: {}", setting.y);
            match effective.point() {
                Some(point) => {
                    let interval = effective.interval(&bootstrap(&self.options));
                    let figure = Figure::plain(&name, Unit::Points, point.effective);
                    record.figures.push(figure.within(interval, DRAWN));
                    record.figures.extend(effective.beside(&point, &bootstrap(&self.options)));
                    record.details.robustness.get_or_insert(point);
                }
                None => record.figures.push(Figure::undefined(&name, Unit::Points, NO_LOGIT)),
            }
        }
        record.notes.push(format!(
            "{} images of ImageNet in the matching part ({} found, {} in the complete split)",
            matching.len(),
            imagenet.split.items.len(),
            imagenet.split.info.expected.unwrap_or_default(),
        ));
        record.figures.push(on_imagenet);
        record.wall_seconds = started.elapsed().as_secs_f64();
        Ok(record)
    }

    /// Scores the images under the shift; hits by the ending of the setting they belong to.
    fn score_shift(
        &self,
        record: &mut Record,
        shift: &EncodedSplit,
        scores: &[f32],
        classes: usize,
    ) -> Result<Vec<(&'static str, Vec<bool>)>, EvalError> {
        if shift.split.items.iter().all(|item| matches!(item.target, Target::Frame { .. })) {
            let scores = self.score_frames(record, shift, scores, classes)?;
            let (pm0, pm10) = scores.per_anchor.into_iter().unzip();
            return Ok(vec![("_pm0", pm0), ("_pm10", pm10)]);
        }
        let best = metrics::predictions(scores, classes).map_err(metric_error(record))?;
        let targets: Vec<&Target> = shift.targets().collect();
        let accepted = all(&targets, record, |target| match target {
            Target::Class(class) => Some(std::slice::from_ref(class)),
            Target::OneOf(classes) => Some(&**classes),
            _ => None,
        })?;
        let hits = metrics::hits_of_any(&best, &accepted);
        record.score =
            share_of_hits("accuracy", &hits, self.options.level).map_err(metric_error(record))?;
        record.metrics = BTreeMap::from([("acc1".to_owned(), record.score.value)]);
        Ok(vec![("", hits)])
    }
}

/// A model under one shift, and how far it is above the line through ordinary models.
struct Effective<'a> {
    setting: &'a Setting,
    /// Hits under the shift.
    shifted: &'a [bool],
    /// Hits on the matching part of ImageNet.
    matching: &'a [bool],
}

impl Effective<'_> {
    /// None where all or none of the matching images are right.
    fn point(&self) -> Option<RobustnessPoint> {
        let (x, y) = (share(self.matching), share(self.shifted));
        let points = ordinary_points(self.setting);
        let fit = LogitFit::new(&points.x, &points.y).filter(|_| x > 0.0 && x < 1.0)?;
        Some(RobustnessPoint {
            setting: self.setting.y.to_owned(),
            x,
            y,
            predicted: fit.predict(x),
            effective: fit.effective_robustness(x, y),
        })
    }

    /// What stands beside it: what ordinary models of this accuracy have, and what the shift costs.
    fn beside(&self, point: &RobustnessPoint, bootstrap: &Bootstrap) -> [Figure; 2] {
        let points = ordinary_points(self.setting);
        let band = LogitFit::band(&points.x, &points.y, &[point.x], bootstrap).pop().flatten();
        let expected =
            Figure::share(&format!("ordinary_models: {}", self.setting.y), point.predicted);
        let (shifted, matching) = (self.shifted.len(), self.matching.len());
        let side_of: Vec<u32> = [(0, shifted), (1, matching)]
            .iter()
            .flat_map(|&(side, items)| std::iter::repeat_n(side, items))
            .collect();
        let interval = bootstrap.interval_within(&side_of, |drawn| {
            let (of_shift, of_imagenet) = drawn.split_at(shifted);
            share_of_drawn(self.matching, of_imagenet) - share_of_drawn(self.shifted, of_shift)
        });
        let gap = Figure::plain(
            &format!("robustness_gap: {}", self.setting.y),
            Unit::Points,
            point.x - point.y,
        );
        [
            expected.within(band, "ordinary models, at this accuracy"),
            gap.within(interval, "images of the shift and images of ImageNet"),
        ]
    }

    /// Draws the images of both sides and the models of the line, each among their own.
    fn interval(&self, bootstrap: &Bootstrap) -> Option<Interval> {
        let points = ordinary_points(self.setting);
        let line = LogitPoints::new(&points.x, &points.y);
        let (shifted, matching) = (self.shifted.len(), self.matching.len());
        let sides = [(0, shifted), (1, matching), (2, points.x.len())];
        let side_of: Vec<u32> =
            sides.iter().flat_map(|&(side, items)| std::iter::repeat_n(side, items)).collect();
        bootstrap.interval_within(&side_of, |drawn| {
            let (of_shift, rest) = drawn.split_at(shifted);
            let (of_imagenet, of_models) = rest.split_at(matching);
            let (x, y) = (
                share_of_drawn(self.matching, of_imagenet),
                share_of_drawn(self.shifted, of_shift),
            );
            let fit = line.fit(of_models).filter(|_| x > 0.0 && x < 1.0);
            fit.map_or(f64::NAN, |fit| fit.effective_robustness(x, y))
        })
    }
}

fn share(hits: &[bool]) -> f64 {
    hits.iter().filter(|&&hit| hit).count() as f64 / hits.len() as f64
}

fn share_of_drawn(hits: &[bool], drawn: &[u32]) -> f64 {
    let right: u32 = hits.iter().zip(drawn).filter(|(hit, _)| **hit).map(|(_, times)| times).sum();
    f64::from(right) / hits.len() as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::robustness::setting;

    #[test]
    fn effective_robustness_is_as_sure_as_its_images() {
        let setting = setting("imagenet-a").expect("a setting");
        let hits =
            |right: usize, of: usize| (0..of).map(|item| item < right).collect::<Vec<bool>>();
        let width = |of: usize| {
            let (shifted, matching) = (hits(of / 2, of), hits(of * 3 / 4, of));
            let effective = Effective { setting, shifted: &shifted, matching: &matching };
            let (point, interval) =
                (effective.point().expect("a point"), effective.interval(&Bootstrap::new(0.95)));
            let interval = interval.expect("an interval");
            assert!(interval.contains(point.effective), "{point:?} {interval:?}");
            interval.high - interval.low
        };
        assert!(width(40) > 2.0 * width(1000));
        let all = hits(10, 10);
        assert!(Effective { setting, shifted: &all, matching: &all }.point().is_none());
    }
}
