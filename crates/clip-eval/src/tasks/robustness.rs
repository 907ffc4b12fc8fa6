//! Accuracy under a natural shift beside accuracy on the matching part of ImageNet, both by one
//! head over ImageNet's names. PROTOCOL_EVAL 7.4.

use clip_data::{Dataset, Split, Target};
use serde_json::{Map, Value};

use super::outcome::{Outcome, Scores};
use super::scoring::{of_hits, share_of_hits};
use super::targets::Asked;
use super::task::{Request, Task};
use super::zero_shot::frames;
use crate::context::{EncodedSplit, EvalContext};
use crate::error::Result;
use crate::features::head::prompts_of;
use crate::metrics;
use crate::options::{EvalOptions, IntervalOptions, RobustnessOptions, TaskOptions, by_name};
use crate::results::{Figure, RobustnessPoint, Unit};
use crate::robustness::{
    ClassSubset, LogitFit, LogitPoints, Setting, ordinary_points, settings_of,
};
use crate::statistics::{Bootstrap, Interval};

/// Name in results.
const TASK: &str = "robustness";
/// What the shifts are compared with.
const IMAGENET: &str = "imagenet";
/// What the interval of effective robustness draws.
const DRAWN: &str = "images of the shift, images of ImageNet and the models of the line";
const NO_LOGIT: &str =
    "undefined: all or none of the matching images of ImageNet are right, which has no logit";

/// A shift and the matching part of ImageNet, and how far the model is above ordinary ones.
#[derive(Debug, Clone, Copy)]
pub struct Robustness;

impl Task for Robustness {
    fn name(&self) -> &'static str {
        TASK
    }

    fn result_name(&self) -> &'static str {
        TASK
    }

    fn fits(&self, dataset: &Dataset) -> bool {
        settings_of(&dataset.id).next().is_some()
    }

    /// Their classes are never ImageNet's by number.
    fn fits_own_files(&self) -> bool {
        false
    }

    fn options(&self, all: &EvalOptions) -> Map<String, Value> {
        by_name(&RobustnessOptions::of(all))
    }

    fn run(&self, context: &mut EvalContext, request: &Request, shift: Split) -> Result<Outcome> {
        let options = RobustnessOptions::of(&request.options);
        let imagenet = Split::open(IMAGENET, &request.root, None, &request.read)?;
        let prompts = prompts_of(&imagenet, &options.prompts)?;
        let subset = match shift.prompts.rest.get("imagenet_indices") {
            Some(_) => Some(ClassSubset::of(&shift.prompts)?),
            None => None, // all thousand classes
        };
        let head = context.head(&prompts)?;
        let shift = context.encode_split(shift)?;
        let imagenet = context.encode_split(imagenet)?;
        let asked = Asked { task: TASK, dataset: &shift.list.dataset };
        let logits = context.logits(&head, &imagenet.rows);
        let matching = matching_hits(asked, subset.as_ref(), &imagenet, &logits, head.classes())?;

        let logits = context.logits(&head, &shift.rows);
        let (logits, classes) = match &subset {
            Some(subset) => {
                let projected = subset.project(&logits).map_err(|error| asked.error(error))?;
                (projected, subset.classes())
            }
            None => (logits, head.classes()),
        };
        let (mut scores, shifted) =
            under_shift(asked, &shift, &logits, classes, &options.intervals)?;
        add_effective(&mut scores, &shift.list.dataset, &shifted, &matching, &options.intervals);
        scores.notes.push(format!(
            "{} images of ImageNet in the matching part ({} found, {} in the complete split)",
            matching.len(),
            imagenet.list.items.len(),
            imagenet.list.expected.unwrap_or_default(),
        ));
        let level = options.intervals.level;
        let on_imagenet = share_of_hits("accuracy_on_matching_imagenet", &matching, level);
        scores.figures.push(on_imagenet.map_err(|error| asked.error(error))?);
        let mut outcome = Outcome::new(shift, Some(&prompts), Vec::new(), scores, Vec::new());
        outcome.add_read(vec![imagenet.read()]);
        Ok(outcome)
    }
}

/// Hits on the images of ImageNet that are of the shift's classes.
fn matching_hits(
    asked: Asked<'_>,
    subset: Option<&ClassSubset>,
    imagenet: &EncodedSplit,
    logits: &[f32],
    classes: usize,
) -> Result<Vec<bool>> {
    let truth = asked.classes(&imagenet.targets())?;
    let is_known = |&class: &u32| subset.is_none_or(|subset| subset.class_of(class).is_some());
    if !truth.iter().any(is_known) {
        let reason = format!("none of the {} images of ImageNet is of its classes", truth.len());
        return Err(asked.error(reason));
    }
    let hits = match subset {
        Some(subset) => subset.matching_hits(logits, &truth),
        None => metrics::top_k(logits, classes, &truth, 1),
    };
    hits.map_err(|error| asked.error(error))
}

/// Hits under a shift by the ending of the setting that they belong to.
type HitsBySetting = Vec<(&'static str, Vec<bool>)>;

/// Scores of the images under the shift, and their hits.
fn under_shift(
    asked: Asked<'_>,
    shift: &EncodedSplit,
    logits: &[f32],
    classes: usize,
    options: &IntervalOptions,
) -> Result<(Scores, HitsBySetting)> {
    if shift.list.items.iter().all(|item| matches!(item.target, Target::Frame { .. })) {
        let (scores, found) = frames(asked, shift, logits, classes, options)?;
        let (pm0, pm10) = found.per_anchor.into_iter().unzip();
        return Ok((scores, vec![("_pm0", pm0), ("_pm10", pm10)]));
    }
    let best = metrics::predictions(logits, classes).map_err(|error| asked.error(error))?;
    let targets = shift.targets();
    let hits = metrics::hits_of_any(&best, &asked.accepted(&targets)?);
    let scores = of_hits(&hits, options.level).map_err(|error| asked.error(error))?;
    Ok((scores, vec![("", hits)]))
}

/// Adds the effective robustness of every setting that the shift has hits of.
fn add_effective(
    scores: &mut Scores,
    dataset: &str,
    shifted: &[(&str, Vec<bool>)],
    matching: &[bool],
    options: &IntervalOptions,
) {
    let bootstrap = options.bootstrap();
    for setting in settings_of(dataset) {
        let hits = shifted.iter().find(|(ending, _)| setting.y.ends_with(*ending));
        let Some((_, shifted)) = hits else { continue };
        let effective = Effective { setting, shifted, matching };
        let name = format!("effective_robustness: {}", setting.y);
        match effective.point() {
            Some(point) => {
                let figure = Figure::plain(&name, Unit::Points, point.effective);
                scores.figures.push(figure.within(effective.interval(&bootstrap), DRAWN));
                scores.figures.extend(effective.beside(&point, &bootstrap));
                scores.details.robustness.get_or_insert(point);
            }
            None => scores.figures.push(Figure::undefined(&name, Unit::Points, NO_LOGIT)),
        }
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
