//! Zero-shot: images are classified by class names in sentences, with no image to learn from. PROTOCOL_EVAL 7.1, 7.6, 7.7.

use std::collections::BTreeMap;
use std::time::Instant;

use clip_data::{Item, Presence, PromptSet, Split, Target, Task};

use crate::EvalError;
use crate::head::note_of_same_classes;
use crate::laboratory::{Laboratory, Progress, Seen};
use crate::metrics::{self, Annotation, PerturbationScores, RareActions, Segment};
use crate::predictions::{Prediction, top_5};
use crate::results::{Cell, Figure};
use crate::scoring::{ClassScores, bootstrap, enter_multi_label, enter_softmax, share_of_hits};
use crate::suite::Job;
use crate::wrong_images::wrong_images;

/// Name of the task in results, as CLIP_benchmark has it.
pub(crate) const TASK: &str = "zeroshot_classification";
/// Draws of RareAct's second figure (PROTOCOL_EVAL 7.7).
const RARE_ACTION_DRAWS: u32 = 100;
const NO_SAMPLED_INTERVAL: &str = "no interval: it is itself a mean over draws of one row a video; the weighted figure beside it has one";
/// What is drawn of frames near an anchor.
const ANCHORS: &str = "anchors with their frames";

impl Laboratory {
    /// Scores a data set without looking at a labelled image, with one row per image for comparisons; of a data set with
    /// folds it is the mean over their test splits (UCF101).
    ///
    /// # Errors
    /// The data set is for another task, or no item of it can be used.
    pub fn zero_shot(
        &mut self,
        job: &Job,
        split: Split,
        progress: &mut Progress<'_>,
    ) -> Result<(Cell, Vec<Prediction>), EvalError> {
        self.over_folds(job, split, progress, |laboratory, _, split, progress| {
            laboratory.zero_shot_once(split, progress)
        })
    }

    fn zero_shot_once(
        &mut self,
        split: Split,
        progress: &mut Progress<'_>,
    ) -> Result<(Cell, Vec<Prediction>), EvalError> {
        let started = Instant::now();
        let prompts = self.prompts(&split)?;
        let dataset = split.dataset.clone();
        if dataset.task == Task::Ocr {
            return self.read_words(&prompts, split, progress, started);
        }
        let head = self.head(&prompts, progress)?;
        let (seen, logits) = if self.wants_all_frames(&split) {
            self.see_all_frames(split, &head, progress)?
        } else {
            let seen = self.see(split, progress)?;
            let embeddings = seen.rows.features.clone().normalize();
            let logits = head.logits(embeddings.as_slice(), self.clip.scale());
            (seen, logits)
        };
        let names: Vec<String> = prompts.classes.iter().map(|names| names[0].clone()).collect();
        let mut cell = self.cell(TASK, &seen, Some(&prompts), started);
        if head.truncated > 0 {
            cell.notes.push(format!("{} prompts were cut to the context length", head.truncated));
        }
        cell.notes.extend(note_of_same_classes(self.clip.tokenizer(), &prompts));
        let targets: Vec<&Target> = seen.targets().collect();
        let predictions = match targets.first() {
            Some(Target::Class(_)) => {
                let truth = one_class(&targets, &cell)?;
                let scores = ClassScores { scores: &logits, names: &names, truth: &truth };
                scores
                    .enter(&mut cell, dataset.metric, &self.options, true)
                    .map_err(metric_error(&cell))?;
                let predictions = rows(&seen, &logits, names.len(), &targets);
                cell.details.wrong =
                    wrong_images(&seen.split, &predictions, &names, self.options.wrong_images);
                predictions
            }
            Some(Target::Labels(_)) => {
                let labels = all(&targets, &cell, |target| match target {
                    Target::Labels(labels) => Some(&**labels),
                    _ => None,
                })?;
                let labels: Vec<&[Presence]> = labels;
                // The logit itself ranks: a softmax over the classes would change the order across images.
                enter_multi_label(&mut cell, &logits, &names, &labels, &self.options)
                    .map_err(metric_error(&cell))?;
                enter_softmax(&mut cell, &logits, names.len(), &labels, &self.options)
                    .map_err(metric_error(&cell))?;
                rows(&seen, &logits, names.len(), &targets)
            }
            Some(Target::OneOf(_)) => {
                let accepted = all(&targets, &cell, |target| match target {
                    Target::OneOf(labels) => Some(&**labels),
                    _ => None,
                })?;
                let best =
                    metrics::predictions(&logits, names.len()).map_err(metric_error(&cell))?;
                let hits = metrics::hits_of_any(&best, &accepted);
                self.enter_hits(&mut cell, "accuracy", &hits)?;
                rows(&seen, &logits, names.len(), &targets)
            }
            Some(Target::Frame { .. }) => {
                self.score_frames(&mut cell, &seen, &logits, names.len())?;
                rows(&seen, &logits, names.len(), &targets)
            }
            Some(Target::Segment { .. }) => {
                self.score_segments(&mut cell, &targets, &logits, &prompts)?;
                rows(&seen, &logits, names.len(), &targets)
            }
            _ => return Err(EvalError::task(TASK, &dataset.id, "its items have no classes")),
        };
        cell.wall_seconds = started.elapsed().as_secs_f64();
        Ok((cell, predictions))
    }

    pub(crate) fn enter_hits(
        &self,
        cell: &mut Cell,
        name: &str,
        hits: &[bool],
    ) -> Result<(), EvalError> {
        cell.score = share_of_hits(name, hits, self.options.level).map_err(metric_error(cell))?;
        cell.metrics = BTreeMap::from([("acc1".to_owned(), cell.score.value)]);
        Ok(())
    }

    /// pm-0 and pm-10. A frame that cannot be used counts as wrong: its anchor was not classified under all shifts.
    pub(crate) fn score_frames(
        &self,
        cell: &mut Cell,
        seen: &Seen,
        logits: &[f32],
        classes: usize,
    ) -> Result<PerturbationScores, EvalError> {
        let best = metrics::predictions(logits, classes).map_err(metric_error(cell))?;
        let mut right = vec![false; seen.split.items.len()];
        let mut anchors = Vec::with_capacity(right.len());
        for item in &seen.split.items {
            let Target::Frame { anchor, .. } = item.target else {
                return Err(EvalError::task(
                    TASK,
                    &cell.dataset,
                    "frames and other items are mixed",
                ));
            };
            anchors.push(anchor);
        }
        for (&item, best) in seen.rows.usable.iter().zip(&best) {
            if let Target::Frame { labels, .. } = &seen.split.items[item].target {
                right[item] = labels.contains(best);
            }
        }
        let scores = metrics::perturbation_scores(&right, &anchors).map_err(metric_error(cell))?;
        let (pm0, pm_k): (Vec<bool>, Vec<bool>) = scores.per_anchor.iter().copied().unzip();
        let level = self.options.level;
        let values: Vec<f64> = scores
            .per_anchor
            .iter()
            .map(|&(a, b)| (f64::from(u8::from(a)) + f64::from(u8::from(b))) / 2.0)
            .collect();
        let interval = bootstrap(&self.options).mean(&values);
        cell.enter_score(Figure::share("mean_pm0_pm10", scores.mean()).within(interval, ANCHORS));
        for (name, hits) in [("pm0", &pm0), ("pm10", &pm_k)] {
            let figure = share_of_hits(name, hits, level).map_err(metric_error(cell))?;
            cell.figures.push(Figure { over: Some(ANCHORS.to_owned()), ..figure });
        }
        cell.metrics = BTreeMap::from([
            ("pm0".to_owned(), Some(scores.pm0)),
            ("pm10".to_owned(), Some(scores.pm_k)),
        ]);
        Ok(scores)
    }

    /// RareAct. The ranking goes across segments, so the softmax over the classes is not the logit; logits are used.
    fn score_segments(
        &self,
        cell: &mut Cell,
        targets: &[&Target],
        logits: &[f32],
        prompts: &PromptSet,
    ) -> Result<(), EvalError> {
        let segments = all(targets, cell, |target| match target {
            Target::Segment { class, annotation, video } => {
                Some(Segment { class: *class, annotation: Annotation::of(*annotation)?, video })
            }
            _ => None,
        })?;
        let pairs: Vec<(String, String)> =
            serde_json::from_value(prompts.rest["verb_noun"].clone()).map_err(|error| {
                EvalError::task(TASK, &cell.dataset, format!("verbs and nouns: {error}"))
            })?;
        let actions = RareActions::new(&pairs, &segments);
        let weighted =
            actions.mean_weighted_average_precision(logits).map_err(metric_error(cell))?;
        let sampled = actions
            .mean_sampled_average_precision(logits, RARE_ACTION_DRAWS, self.options.seed)
            .map_err(metric_error(cell))?;
        let interval = actions
            .weighted_interval(logits, &bootstrap(&self.options))
            .map_err(metric_error(cell))?;
        let score = Figure::share("mean_weighted_average_precision", weighted.mean);
        cell.enter_score(score.within(interval, "videos"));
        let figure = Figure::share("mean_sampled_average_precision", sampled.mean);
        cell.figures.push(figure.without(NO_SAMPLED_INTERVAL));
        cell.metrics = BTreeMap::from([
            ("mWAP".to_owned(), Some(weighted.mean)),
            ("mSAP".to_owned(), Some(sampled.mean)),
        ]);
        Ok(())
    }
}

impl Seen {
    /// What is true of the usable items.
    pub(crate) fn targets(&self) -> impl Iterator<Item = &Target> {
        self.rows.usable.iter().map(|&item| &self.split.items[item].target)
    }
}

/// What `of` finds in every target.
pub(crate) fn all<'a, T>(
    targets: &[&'a Target],
    cell: &Cell,
    of: impl Fn(&'a Target) -> Option<T>,
) -> Result<Vec<T>, EvalError> {
    let found: Option<Vec<T>> = targets.iter().map(|target| of(target)).collect();
    found.ok_or_else(|| {
        let met = targets
            .iter()
            .find(|target| of(target).is_none())
            .map_or("nothing", |target| kind(target));
        let reason = format!("its items have {met}, which the task does not ask for");
        EvalError::task(&cell.task, &cell.dataset, reason)
    })
}

/// What a target is to people.
fn kind(target: &Target) -> &'static str {
    match target {
        Target::Class(_) => "a class each",
        Target::OneOf(_) => "any of some classes",
        Target::Labels(_) => "several classes each",
        Target::Captions(_) => "captions and no class",
        Target::Word { .. } => "words to be chosen among",
        Target::Frame { .. } => "frames around an anchor",
        Target::Segment { .. } => "actions of videos",
        Target::Person { .. } => "people's groups",
        Target::Unknown => "no truth",
    }
}

pub(crate) fn one_class(targets: &[&Target], cell: &Cell) -> Result<Vec<u32>, EvalError> {
    all(targets, cell, |target| match target {
        Target::Class(class) => Some(*class),
        _ => None,
    })
}

pub(crate) fn metric_error(cell: &Cell) -> impl Fn(metrics::MetricError) -> EvalError + use<> {
    let (task, dataset) = (cell.task.clone(), cell.dataset.clone());
    move |error| EvalError::task(&task, &dataset, error.to_string())
}

/// One row for each usable item.
fn rows(seen: &Seen, logits: &[f32], classes: usize, targets: &[&Target]) -> Vec<Prediction> {
    let items = seen.rows.usable.iter().map(|&item| &seen.split.items[item]);
    items
        .zip(logits.chunks_exact(classes))
        .zip(targets)
        .map(|((item, logits), target): ((&Item, _), _)| top_5(item.id(), logits, target))
        .collect()
}
