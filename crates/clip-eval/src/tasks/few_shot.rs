//! The few-shot curve of a data set, and the number of labelled images worth as much as a sentence.
//! PROTOCOL_EVAL 7.3.

use clip_data::{Dataset, Metric, Split};
use serde_json::{Map, Value};

use super::coverage;
use super::outcome::{Metrics, Outcome, Scores};
use super::probe_rows::probe_rows;
use super::scoring::ClassScores;
use super::targets::Asked;
use super::task::{Request, Task};
use super::train_val_split::{Labels, TrainValSplit};
use crate::context::{EncodedSplit, EvalContext};
use crate::error::Result;
use crate::features::head::prompts_of;
use crate::few_shot::{self, Point, Study};
use crate::options::{EvalOptions, FewShotOptions, TaskOptions, by_name};
use crate::probe::{Features, Options};
use crate::progress::Step;
use crate::results::{Details, Figure, ShotPoint};

/// Name in results.
const TASK: &str = "few_shot";
/// What the interval of a mean over draws draws.
const DRAWS: &str = "draws of the labelled images";
const NO_DRAWS: &str = "no interval: all labelled images are used, there is nothing to draw";

/// Logistic regression on a few labelled images per class: for every number asked for and for all
/// images, beside zero-shot.
#[derive(Debug, Clone, Copy)]
pub struct FewShot;

impl Task for FewShot {
    fn name(&self) -> &'static str {
        "fewshot"
    }

    fn result_name(&self) -> &'static str {
        TASK
    }

    fn fits(&self, dataset: &Dataset) -> bool {
        !dataset.train.is_empty() && dataset.task == clip_data::Task::Classification
    }

    fn options(&self, all: &EvalOptions) -> Map<String, Value> {
        by_name(&FewShotOptions::of(all))
    }

    fn run(&self, context: &mut EvalContext, request: &Request, test: Split) -> Result<Outcome> {
        let options = FewShotOptions::of(&request.options);
        let prompts = prompts_of(&test, &options.prompts)?;
        let names: Vec<String> = prompts.classes.iter().map(|names| names[0].clone()).collect();
        let head = context.head(&prompts)?;
        let dataset = test.dataset.clone();
        let test = context.encode_split(test)?;
        let (kind, seed) = (options.rows.probe_features, options.intervals.seed);
        let data = TrainValSplit::load(context, request, &dataset, &dataset.train, kind, seed)?;
        let asked = Asked { task: TASK, dataset: &dataset.id };
        let truth = asked.classes(&test.targets())?;
        let Labels::Class(labels) = &data.labels else {
            return Err(asked.error("its items have several classes"));
        };
        let mut notes = coverage::notes(&data, &truth, &names);
        notes.extend(coverage::shortage(labels, &names, &options.shots.shots));
        let logits = context.logits(&head, &test.rows);
        let zero_shot = ClassScores { scores: &logits, names: &names, truth: &truth }
            .figure(dataset.metric, &options.intervals)
            .map_err(|error| asked.error(error))?;
        let scores = if zero_shot.value.is_some() {
            let (data, test, truth, names) = (&data, &test, &truth, &names);
            let measured = Measured { data, labels, test, truth, names, metric: dataset.metric };
            scores_of(measured.curve(context, &options)?, zero_shot, asked)?
        } else {
            Scores::of(zero_shot)
        };
        let mut outcome = Outcome::new(test, Some(&prompts), notes, scores, Vec::new());
        outcome.add_read(data.rows.read);
        Ok(outcome)
    }
}

/// What the curve is measured of.
struct Measured<'a> {
    data: &'a TrainValSplit,
    /// Of the rows of `data`.
    labels: &'a [u32],
    test: &'a EncodedSplit,
    /// Of the test images.
    truth: &'a [u32],
    names: &'a [String],
    metric: Metric,
}

impl Measured<'_> {
    /// The points of the curve, the last one with all images.
    fn curve(&self, context: &mut EvalContext, options: &FewShotOptions) -> Result<Vec<Point>> {
        let metric = |scores: &[f32], truth: &[u32]| {
            ClassScores { scores, names: self.names, truth }
                .value(self.metric)
                .unwrap_or(f64::NEG_INFINITY)
        };
        let rows = probe_rows(context, &self.test.rows, options.rows.probe_features);
        let study = Study {
            device: context.clip.instruction_set(),
            features: self.data.features(),
            labels: self.labels,
            classes: self.names.len(),
            test_features: Features::new(rows.as_slice(), rows.embed_dim()),
            test_labels: self.truth,
            metric: &metric,
            options: Options::default(),
            shots: &options.shots.shots,
            draws: options.shots.draws,
            seed: options.intervals.seed,
            level: options.intervals.level,
        };
        study.curve(&mut |done, draws| {
            if done == 1 {
                context.tell(Step::Fits(draws))?;
            }
            context.tell(Step::Done(1))
        })
    }
}

/// Its best point of few images stands for the curve.
fn scores_of(points: Vec<Point>, zero_shot: Figure, asked: Asked<'_>) -> Result<Scores> {
    let Some(all_images) = points.last().map(|point| point.mean) else {
        return Err(asked.error("no class has a labelled image"));
    };
    let few = points.iter().rev().find_map(|point| Some((point.shots?, point)));
    let score = match few {
        Some((shots, point)) => {
            let score = Figure::share(&format!("{}_at_{shots}_shots", zero_shot.name), point.mean);
            match point.scores.len() {
                0 | 1 => score.without("no interval: one draw says nothing of others"),
                _ => score.within(point.interval, DRAWS),
            }
        }
        None => {
            let score = Figure::share(&format!("{}_with_all", zero_shot.name), all_images);
            score.without(NO_DRAWS)
        }
    };
    let curve: Vec<(f64, f64)> =
        points.iter().map(|point| (point.labels_per_class, point.mean)).collect();
    let worth = zero_shot.value.and_then(|value| few_shot::labels_to_match(&curve, value));
    let mut scores = Scores {
        metrics: Metrics::from([
            ("zero_shot".to_owned(), zero_shot.value),
            ("all_images".to_owned(), Some(all_images)),
        ]),
        figures: vec![
            zero_shot.named("zero_shot"),
            Figure::share("all_images", all_images).without(NO_DRAWS),
        ],
        details: Details {
            shots: points.into_iter().map(shot_point).collect(),
            ..Details::default()
        },
        ..Scores::of(score)
    };
    let worth = worth.map(|worth| format!("zero-shot is worth {worth} labelled images per class"));
    scores.notes.extend(worth);
    Ok(scores)
}

fn shot_point(point: Point) -> ShotPoint {
    ShotPoint {
        shots: point.shots,
        mean: point.mean,
        sd: point.deviation.unwrap_or_default(),
        // Its ends as a figure has them.
        interval: Figure::share("mean", point.mean).within(point.interval, DRAWS).interval(),
        values: point.scores,
    }
}
