//! Accuracy under a natural shift beside accuracy on the matching part of ImageNet, both by one head over ImageNet's
//! names. PROTOCOL_EVAL 7.4.

use std::collections::BTreeMap;
use std::time::Instant;

use clip_data::{Split, Target};

use crate::EvalError;
use crate::laboratory::{Laboratory, Progress, Seen};
use crate::metrics;
use crate::results::{Cell, Figure, RobustnessPoint};
use crate::robustness::{ClassSubset, LogitFit, ordinary_points, settings_of};
use crate::scoring::share_of_hits;
use crate::suite::{Job, Verb};
use crate::zero_shot::{all, metric_error, one_class};

/// What the shifts are compared with.
const IMAGENET: &str = "imagenet";

impl Laboratory {
    /// Scores a shift and the matching part of ImageNet, and tells how far the model is above ordinary ones.
    ///
    /// # Errors
    /// ImageNet's validation images are not below `root`, or no item can be used.
    pub fn robustness(
        &mut self,
        job: &Job,
        shift: Split,
        progress: &mut Progress<'_>,
    ) -> Result<Cell, EvalError> {
        let started = Instant::now();
        let imagenet = Split::open(IMAGENET, &job.root, None, &self.read_options())?;
        let prompts = self.prompts(&imagenet)?;
        let subset = match shift.prompts.rest.get("imagenet_indices") {
            Some(_) => Some(ClassSubset::of(&shift.prompts)?),
            None => None, // all thousand classes
        };
        let head = self.head(&prompts, progress)?;
        let shift = self.see(shift, progress)?;
        let imagenet = self.see(imagenet, progress)?;
        let mut cell = self.cell(Verb::Robustness.task(), &shift, Some(&prompts), started);
        let logits = |laboratory: &Laboratory, seen: &Seen| {
            let embeddings = seen.rows.features.clone().normalize();
            head.logits(embeddings.as_slice(), laboratory.clip.scale())
        };
        let level = self.options.level;
        let truth = one_class(&imagenet.targets().collect::<Vec<_>>(), &cell)?;
        let scores = logits(self, &imagenet);
        let matching = match &subset {
            Some(subset) => subset.matching_hits(&scores, &truth),
            None => metrics::top_k(&scores, head.classes(), &truth, 1),
        };
        let matching = matching.map_err(metric_error(&cell))?;
        let on_imagenet =
            share_of_hits("accuracy_on_matching_imagenet", &matching, level).map_err(metric_error(&cell))?;

        let (scores, classes) = match &subset {
            Some(subset) => {
                (subset.project(&logits(self, &shift)).map_err(metric_error(&cell))?, subset.classes())
            }
            None => (logits(self, &shift), head.classes()),
        };
        let best = metrics::predictions(&scores, classes).map_err(metric_error(&cell))?;
        let mut of_setting = BTreeMap::new();
        if shift.split.items.iter().all(|item| matches!(item.target, Target::Frame { .. })) {
            self.score_frames(&mut cell, &shift, &scores, classes)?;
            let figure = |name: &str| {
                cell.figures.iter().find(|figure| figure.name == name).map(|figure| figure.value)
            };
            of_setting.insert("_pm0", figure("pm0"));
            of_setting.insert("_pm10", figure("pm10"));
        } else {
            let targets: Vec<&Target> = shift.targets().collect();
            let accepted = all(&targets, &cell, |target| match target {
                Target::Class(class) => Some(std::slice::from_ref(class)),
                Target::OneOf(classes) => Some(&**classes),
                _ => None,
            })?;
            let hits = metrics::hits_of_any(&best, &accepted);
            cell.score = share_of_hits("accuracy", &hits, level).map_err(metric_error(&cell))?;
            cell.metrics = BTreeMap::from([("acc1".to_owned(), Some(cell.score.value))]);
            of_setting.insert("", Some(cell.score.value));
        }
        for setting in settings_of(&cell.dataset.clone()) {
            let Some((_, Some(y))) = of_setting.iter().rev().find(|(ending, _)| setting.y.ends_with(*ending))
            else {
                continue;
            };
            let points = ordinary_points(setting);
            let Some(fit) = LogitFit::new(&points.x, &points.y) else { continue };
            let x = on_imagenet.value;
            // All right or all wrong has no logit: a handful of images says nothing about robustness.
            if !(x > 0.0 && x < 1.0) {
                cell.notes.push(format!("no effective robustness: accuracy on matching ImageNet is {x}"));
                continue;
            }
            let point = RobustnessPoint {
                setting: setting.y.to_owned(),
                x,
                y: *y,
                predicted: fit.predict(x),
                effective: fit.effective_robustness(x, *y),
            };
            cell.figures
                .push(Figure::plain(&format!("effective_robustness: {}", setting.y), point.effective));
            cell.details.robustness.get_or_insert(point);
        }
        cell.notes.push(format!(
            "{} images of ImageNet in the matching part ({} found, {} in the complete split)",
            matching.len(),
            imagenet.split.items.len(),
            imagenet.split.info.expected.unwrap_or_default(),
        ));
        cell.figures.push(on_imagenet);
        cell.wall_seconds = started.elapsed().as_secs_f64();
        Ok(cell)
    }
}
