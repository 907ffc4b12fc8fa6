//! Zero-shot: images are classified by class names in sentences, with no image to learn from.
//! PROTOCOL_EVAL 7.1, 7.6, 7.7.

use clip_data::{Dataset, Item, Media, Metric, PromptSet, Split, Target};
use serde_json::{Map, Value};

use super::averaged::average;
use super::outcome::{Metrics, Outcome, Scores};
use super::scoring::{self, ClassScores, share_of_hits};
use super::targets::Asked;
use super::task::{Averages, Request, Task};
use super::word_choice;
use super::wrong_images::wrong_images;
use crate::context::{EncodedSplit, EvalContext};
use crate::error::{EvalError, Result};
use crate::features::frames::has_clips;
use crate::features::head::{note_of_same_classes, prompts_of};
use crate::metrics::{self, Annotation, PerturbationScores, RareActions, Segment};
use crate::options::{EvalOptions, Frames, IntervalOptions, TaskOptions, ZeroShotOptions, by_name};
use crate::results::Figure;
use crate::results::predictions::{Prediction, top_5};

/// Name in results, as CLIP_benchmark has it.
pub(super) const TASK: &str = "zeroshot_classification";
/// Draws of RareAct's second figure (PROTOCOL_EVAL 7.7).
const RARE_ACTION_DRAWS: u32 = 100;
const NO_SAMPLED_INTERVAL: &str = "no interval: it is itself a mean over draws of one row a video; the weighted figure beside it has one";
/// What is drawn of frames near an anchor.
const ANCHORS: &str = "anchors with their frames";

/// Class names in sentences; of a data set with folds the mean over their test splits (UCF101).
#[derive(Debug, Clone, Copy)]
pub struct ZeroShot;

impl Task for ZeroShot {
    fn name(&self) -> &'static str {
        "zeroshot"
    }

    fn result_name(&self) -> &'static str {
        TASK
    }

    fn fits(&self, dataset: &Dataset) -> bool {
        !matches!(dataset.task, clip_data::Task::Retrieval | clip_data::Task::Audit)
    }

    fn options(&self, all: &EvalOptions) -> Map<String, Value> {
        by_name(&ZeroShotOptions::of(all))
    }

    fn averages(&self) -> Averages {
        Averages::TestSplits
    }

    fn run(&self, context: &mut EvalContext, request: &Request, split: Split) -> Result<Outcome> {
        let options = ZeroShotOptions::of(&request.options);
        average(self, context, &options.intervals, request, split, |context, _, split| {
            let prompts = prompts_of(&split, &options.prompts)?;
            match split.dataset.task {
                clip_data::Task::Ocr => {
                    word_choice::run(context, &options.intervals, &prompts, split)
                }
                _ => classify(context, &options, &prompts, split),
            }
        })
    }
}

/// Classifies the images, or clips, of a split.
fn classify(
    context: &mut EvalContext,
    options: &ZeroShotOptions,
    prompts: &PromptSet,
    split: Split,
) -> Result<Outcome> {
    let (dataset, metric) = (split.dataset.id.clone(), split.dataset.metric);
    let asked = Asked { task: TASK, dataset: &dataset };
    let head = context.head(prompts)?;
    let (encoded, logits) = if options.clips.frames == Frames::All && has_clips(&split.items) {
        let is_clip = |item: &Item| matches!(item.media, Media::Video { .. });
        if !split.items.iter().all(is_clip) {
            return Err(asked.error("images among clips"));
        }
        context.encode_all_frames(split, &head, &options.clips)?
    } else {
        let encoded = context.encode_split(split)?;
        let logits = context.logits(&head, &encoded.rows);
        (encoded, logits)
    };
    let mut notes = Vec::new();
    if head.truncated > 0 {
        notes.push(format!("{} prompts were cut to the context length", head.truncated));
    }
    notes.extend(note_of_same_classes(context.clip.tokenizer(), prompts));
    let names: Vec<String> = prompts.classes.iter().map(|names| names[0].clone()).collect();
    let predictions = predictions(&encoded, &logits, names.len());
    let classified =
        Classified { asked, encoded: &encoded, logits: &logits, names: &names, prompts };
    let mut scores = classified.scores(metric, &options.intervals)?;
    if let Some(Target::Class(_)) = encoded.targets().first() {
        let count = options.mistakes.wrong_images;
        scores.details.wrong = wrong_images(&encoded.list.items, &predictions, &names, count);
    }
    Ok(Outcome::new(encoded, Some(prompts), notes, scores, predictions))
}

/// A split with the logits of its usable items.
struct Classified<'a> {
    asked: Asked<'a>,
    encoded: &'a EncodedSplit,
    /// `[usable, classes]`
    logits: &'a [f32],
    /// First name of each class.
    names: &'a [String],
    prompts: &'a PromptSet,
}

impl Classified<'_> {
    /// By what is true of the first item, and has to be of the others.
    fn scores(&self, metric: Metric, options: &IntervalOptions) -> Result<Scores> {
        let (logits, names, asked) = (self.logits, self.names, self.asked);
        let targets = self.encoded.targets();
        let scores = match targets.first() {
            Some(Target::Class(_)) => {
                let truth = asked.classes(&targets)?;
                ClassScores { scores: logits, names, truth: &truth }.all(metric, options, true)
            }
            Some(Target::Labels(_)) => {
                // The logit itself ranks: a softmax over the classes would change the order across
                // images.
                let labels = asked.presences(&targets)?;
                scoring::multi_label_of_logits(logits, names, &labels, options)
            }
            Some(Target::OneOf(_)) => {
                let accepted = asked.accepted(&targets)?;
                metrics::predictions(logits, names.len()).and_then(|best| {
                    scoring::of_hits(&metrics::hits_of_any(&best, &accepted), options.level)
                })
            }
            Some(Target::Frame { .. }) => {
                return Ok(frames(asked, self.encoded, logits, names.len(), options)?.0);
            }
            Some(Target::Segment { .. }) => return self.segments(&targets, options),
            _ => return Err(asked.error("its items have no classes")),
        };
        scores.map_err(|error| asked.error(error))
    }

    /// RareAct. The ranking goes across segments, so the softmax over the classes is not the logit;
    /// logits are used.
    fn segments(&self, targets: &[&Target], options: &IntervalOptions) -> Result<Scores> {
        let segments = self.asked.all(targets, |target| match target {
            Target::Segment { class, annotation, video } => {
                Some(Segment { class: *class, annotation: Annotation::of(*annotation)?, video })
            }
            _ => None,
        })?;
        let pairs: Vec<(String, String)> =
            serde_json::from_value(self.prompts.rest["verb_noun"].clone())
                .map_err(|error| self.asked.error(format!("verbs and nouns: {error}")))?;
        let failed = |error| self.asked.error(error);
        let actions = RareActions::new(&pairs, &segments);
        let weighted = actions.mean_weighted_average_precision(self.logits).map_err(failed)?;
        let sampled = actions
            .mean_sampled_average_precision(self.logits, RARE_ACTION_DRAWS, options.seed)
            .map_err(failed)?;
        let interval =
            actions.weighted_interval(self.logits, &options.bootstrap()).map_err(failed)?;
        let score = Figure::share("mean_weighted_average_precision", weighted.mean);
        let figure = Figure::share("mean_sampled_average_precision", sampled.mean);
        Ok(Scores {
            figures: vec![figure.without(NO_SAMPLED_INTERVAL)],
            metrics: Metrics::from([
                ("mWAP".to_owned(), Some(weighted.mean)),
                ("mSAP".to_owned(), Some(sampled.mean)),
            ]),
            ..Scores::of(score.within(interval, "videos"))
        })
    }
}

/// pm-0 and pm-10. A frame that cannot be used counts as wrong: its anchor was not classified under
/// all shifts.
pub(super) fn frames(
    asked: Asked<'_>,
    encoded: &EncodedSplit,
    logits: &[f32],
    classes: usize,
    options: &IntervalOptions,
) -> Result<(Scores, PerturbationScores)> {
    let failed = |error| asked.error(error);
    let best = metrics::predictions(logits, classes).map_err(failed)?;
    let items = &encoded.list.items;
    let mut right = vec![false; items.len()];
    let mut anchors = Vec::with_capacity(right.len());
    for item in items.iter() {
        let Target::Frame { anchor, .. } = item.target else {
            return Err(EvalError::task(TASK, asked.dataset, "frames and other items are mixed"));
        };
        anchors.push(anchor);
    }
    for (&item, best) in encoded.rows.usable.iter().zip(&best) {
        if let Target::Frame { labels, .. } = &items[item].target {
            right[item] = labels.contains(best);
        }
    }
    let found = metrics::perturbation_scores(&right, &anchors).map_err(failed)?;
    let (pm0, pm_k): (Vec<bool>, Vec<bool>) = found.per_anchor.iter().copied().unzip();
    let one = |hit: bool| f64::from(u8::from(hit));
    let values: Vec<f64> = found.per_anchor.iter().map(|&(a, b)| (one(a) + one(b)) / 2.0).collect();
    let interval = options.bootstrap().mean(&values);
    let score = Figure::share("mean_pm0_pm10", found.mean()).within(interval, ANCHORS);
    let share = |name: &str, hits: &[bool]| {
        let figure = share_of_hits(name, hits, options.level).map_err(failed)?;
        Ok::<Figure, EvalError>(Figure { over: Some(ANCHORS.to_owned()), ..figure })
    };
    let scores = Scores {
        figures: vec![share("pm0", &pm0)?, share("pm10", &pm_k)?],
        metrics: Metrics::from([
            ("pm0".to_owned(), Some(found.pm0)),
            ("pm10".to_owned(), Some(found.pm_k)),
        ]),
        ..Scores::of(score)
    };
    Ok((scores, found))
}

/// One row for each usable item.
pub(super) fn predictions(
    encoded: &EncodedSplit,
    scores: &[f32],
    classes: usize,
) -> Vec<Prediction> {
    let rows = encoded.items().zip(scores.chunks_exact(classes));
    rows.map(|(item, scores)| top_5(item.id(), scores, &item.target)).collect()
}
