//! Zero-shot: images are classified by class names in sentences, with no image to learn from. PROTOCOL_EVAL 7.1, 7.6, 7.7.

use std::collections::BTreeMap;
use std::time::Instant;

use clip_data::{Item, Presence, PromptSet, Split, Target, Task};

use crate::EvalError;
use crate::context::{EncodedSplit, EvalContext};
use crate::head::note_of_same_classes;
use crate::metrics::{self, Annotation, PerturbationScores, RareActions, Segment};
use crate::progress::Progress;
use crate::results::predictions::{Prediction, top_5};
use crate::results::{Figure, Record};
use crate::suite::Job;
use crate::tasks::scoring::{
    ClassScores, bootstrap, enter_multi_label, enter_softmax, share_of_hits,
};
use crate::tasks::wrong_images::wrong_images;

/// Name of the task in results, as CLIP_benchmark has it.
pub(crate) const TASK: &str = "zeroshot_classification";
/// Draws of RareAct's second figure (PROTOCOL_EVAL 7.7).
const RARE_ACTION_DRAWS: u32 = 100;
const NO_SAMPLED_INTERVAL: &str = "no interval: it is itself a mean over draws of one row a video; the weighted figure beside it has one";
/// What is drawn of frames near an anchor.
const ANCHORS: &str = "anchors with their frames";

impl EvalContext {
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
    ) -> Result<(Record, Vec<Prediction>), EvalError> {
        self.over_folds(job, split, progress, |context, _, split, progress| {
            context.zero_shot_once(split, progress)
        })
    }

    fn zero_shot_once(
        &mut self,
        split: Split,
        progress: &mut Progress<'_>,
    ) -> Result<(Record, Vec<Prediction>), EvalError> {
        let started = Instant::now();
        let prompts = self.prompts(&split)?;
        let dataset = split.dataset.clone();
        if dataset.task == Task::Ocr {
            return self.read_words(&prompts, split, progress, started);
        }
        let head = self.head(&prompts, progress)?;
        let (encoded, logits) = if self.wants_all_frames(&split) {
            self.encode_all_frames(split, &head, progress)?
        } else {
            let encoded = self.encode_split(split, progress)?;
            let embeddings = encoded.rows.features.clone().normalize();
            let logits = head.logits(embeddings.as_slice(), self.clip.scale());
            (encoded, logits)
        };
        let names: Vec<String> = prompts.classes.iter().map(|names| names[0].clone()).collect();
        let mut record = self.record(TASK, &encoded, Some(&prompts), started);
        if head.truncated > 0 {
            record.notes.push(format!("{} prompts were cut to the context length", head.truncated));
        }
        record.notes.extend(note_of_same_classes(self.clip.tokenizer(), &prompts));
        let targets: Vec<&Target> = encoded.targets().collect();
        let predictions = match targets.first() {
            Some(Target::Class(_)) => {
                let truth = one_class(&targets, &record)?;
                let scores = ClassScores { scores: &logits, names: &names, truth: &truth };
                scores
                    .enter(&mut record, dataset.metric, &self.options, true)
                    .map_err(metric_error(&record))?;
                let predictions = rows(&encoded, &logits, names.len(), &targets);
                record.details.wrong =
                    wrong_images(&encoded.split, &predictions, &names, self.options.wrong_images);
                predictions
            }
            Some(Target::Labels(_)) => {
                let labels = all(&targets, &record, |target| match target {
                    Target::Labels(labels) => Some(&**labels),
                    _ => None,
                })?;
                let labels: Vec<&[Presence]> = labels;
                // The logit itself ranks: a softmax over the classes would change the order across images.
                enter_multi_label(&mut record, &logits, &names, &labels, &self.options)
                    .map_err(metric_error(&record))?;
                enter_softmax(&mut record, &logits, names.len(), &labels, &self.options)
                    .map_err(metric_error(&record))?;
                rows(&encoded, &logits, names.len(), &targets)
            }
            Some(Target::OneOf(_)) => {
                let accepted = all(&targets, &record, |target| match target {
                    Target::OneOf(labels) => Some(&**labels),
                    _ => None,
                })?;
                let best =
                    metrics::predictions(&logits, names.len()).map_err(metric_error(&record))?;
                let hits = metrics::hits_of_any(&best, &accepted);
                self.enter_hits(&mut record, "accuracy", &hits)?;
                rows(&encoded, &logits, names.len(), &targets)
            }
            Some(Target::Frame { .. }) => {
                self.score_frames(&mut record, &encoded, &logits, names.len())?;
                rows(&encoded, &logits, names.len(), &targets)
            }
            Some(Target::Segment { .. }) => {
                self.score_segments(&mut record, &targets, &logits, &prompts)?;
                rows(&encoded, &logits, names.len(), &targets)
            }
            _ => return Err(EvalError::task(TASK, &dataset.id, "its items have no classes")),
        };
        record.wall_seconds = started.elapsed().as_secs_f64();
        Ok((record, predictions))
    }

    pub(crate) fn enter_hits(
        &self,
        record: &mut Record,
        name: &str,
        hits: &[bool],
    ) -> Result<(), EvalError> {
        record.score =
            share_of_hits(name, hits, self.options.level).map_err(metric_error(record))?;
        record.metrics = BTreeMap::from([("acc1".to_owned(), record.score.value)]);
        Ok(())
    }

    /// pm-0 and pm-10. A frame that cannot be used counts as wrong: its anchor was not classified under all shifts.
    pub(crate) fn score_frames(
        &self,
        record: &mut Record,
        encoded: &EncodedSplit,
        logits: &[f32],
        classes: usize,
    ) -> Result<PerturbationScores, EvalError> {
        let best = metrics::predictions(logits, classes).map_err(metric_error(record))?;
        let mut right = vec![false; encoded.split.items.len()];
        let mut anchors = Vec::with_capacity(right.len());
        for item in &encoded.split.items {
            let Target::Frame { anchor, .. } = item.target else {
                return Err(EvalError::task(
                    TASK,
                    &record.dataset,
                    "frames and other items are mixed",
                ));
            };
            anchors.push(anchor);
        }
        for (&item, best) in encoded.rows.usable.iter().zip(&best) {
            if let Target::Frame { labels, .. } = &encoded.split.items[item].target {
                right[item] = labels.contains(best);
            }
        }
        let scores =
            metrics::perturbation_scores(&right, &anchors).map_err(metric_error(record))?;
        let (pm0, pm_k): (Vec<bool>, Vec<bool>) = scores.per_anchor.iter().copied().unzip();
        let level = self.options.level;
        let values: Vec<f64> = scores
            .per_anchor
            .iter()
            .map(|&(a, b)| (f64::from(u8::from(a)) + f64::from(u8::from(b))) / 2.0)
            .collect();
        let interval = bootstrap(&self.options).mean(&values);
        record.enter_score(Figure::share("mean_pm0_pm10", scores.mean()).within(interval, ANCHORS));
        for (name, hits) in [("pm0", &pm0), ("pm10", &pm_k)] {
            let figure = share_of_hits(name, hits, level).map_err(metric_error(record))?;
            record.figures.push(Figure { over: Some(ANCHORS.to_owned()), ..figure });
        }
        record.metrics = BTreeMap::from([
            ("pm0".to_owned(), Some(scores.pm0)),
            ("pm10".to_owned(), Some(scores.pm_k)),
        ]);
        Ok(scores)
    }

    /// RareAct. The ranking goes across segments, so the softmax over the classes is not the logit; logits are used.
    fn score_segments(
        &self,
        record: &mut Record,
        targets: &[&Target],
        logits: &[f32],
        prompts: &PromptSet,
    ) -> Result<(), EvalError> {
        let segments = all(targets, record, |target| match target {
            Target::Segment { class, annotation, video } => {
                Some(Segment { class: *class, annotation: Annotation::of(*annotation)?, video })
            }
            _ => None,
        })?;
        let pairs: Vec<(String, String)> =
            serde_json::from_value(prompts.rest["verb_noun"].clone()).map_err(|error| {
                EvalError::task(TASK, &record.dataset, format!("verbs and nouns: {error}"))
            })?;
        let actions = RareActions::new(&pairs, &segments);
        let weighted =
            actions.mean_weighted_average_precision(logits).map_err(metric_error(record))?;
        let sampled = actions
            .mean_sampled_average_precision(logits, RARE_ACTION_DRAWS, self.options.seed)
            .map_err(metric_error(record))?;
        let interval = actions
            .weighted_interval(logits, &bootstrap(&self.options))
            .map_err(metric_error(record))?;
        let score = Figure::share("mean_weighted_average_precision", weighted.mean);
        record.enter_score(score.within(interval, "videos"));
        let figure = Figure::share("mean_sampled_average_precision", sampled.mean);
        record.figures.push(figure.without(NO_SAMPLED_INTERVAL));
        record.metrics = BTreeMap::from([
            ("mWAP".to_owned(), Some(weighted.mean)),
            ("mSAP".to_owned(), Some(sampled.mean)),
        ]);
        Ok(())
    }
}

impl EncodedSplit {
    /// What is true of the usable items.
    pub(crate) fn targets(&self) -> impl Iterator<Item = &Target> {
        self.rows.usable.iter().map(|&item| &self.split.items[item].target)
    }
}

/// What `of` finds in every target.
pub(crate) fn all<'a, T>(
    targets: &[&'a Target],
    record: &Record,
    of: impl Fn(&'a Target) -> Option<T>,
) -> Result<Vec<T>, EvalError> {
    let found: Option<Vec<T>> = targets.iter().map(|target| of(target)).collect();
    found.ok_or_else(|| {
        let met = targets
            .iter()
            .find(|target| of(target).is_none())
            .map_or("nothing", |target| kind(target));
        let reason = format!("its items have {met}, which the task does not ask for");
        EvalError::task(&record.task, &record.dataset, reason)
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

pub(crate) fn one_class(targets: &[&Target], record: &Record) -> Result<Vec<u32>, EvalError> {
    all(targets, record, |target| match target {
        Target::Class(class) => Some(*class),
        _ => None,
    })
}

pub(crate) fn metric_error(record: &Record) -> impl Fn(metrics::MetricError) -> EvalError + use<> {
    let (task, dataset) = (record.task.clone(), record.dataset.clone());
    move |error| EvalError::task(&task, &dataset, error.to_string())
}

/// One row for each usable item.
fn rows(
    encoded: &EncodedSplit,
    logits: &[f32],
    classes: usize,
    targets: &[&Target],
) -> Vec<Prediction> {
    let items = encoded.rows.usable.iter().map(|&item| &encoded.split.items[item]);
    items
        .zip(logits.chunks_exact(classes))
        .zip(targets)
        .map(|((item, logits), target): ((&Item, _), _)| top_5(item.id(), logits, target))
        .collect()
}
