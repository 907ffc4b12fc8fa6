//! The linear probe on a data set: features of its training, validation and test images, the
//! paper's search, one evaluation. PROTOCOL_EVAL 7.2.

use clip_data::{Dataset, Metric, Split};
use serde_json::{Map, Value};

use super::averaged::average;
use super::coverage;
use super::outcome::Outcome;
use super::probe_rows::probe_rows;
use super::scoring::{ClassScores, multi_label};
use super::targets::Asked;
use super::task::{Averages, Request, Task};
use super::train_val_split::{TASK, TrainValSplit};
use super::zero_shot::predictions;
use crate::context::EvalContext;
use crate::error::Result;
use crate::options::{EvalOptions, ProbeOptions, TaskOptions, by_name};
use crate::probe::{self, Evaluation, Features, Options, PackedFeatures, Problem, Selected};
use crate::progress::Step;
use crate::results::SearchPoint;

const NO_CHOICE: &str = "C is not chosen by a score: the validation items do not define the metric, they are of one kind alone";

/// Logistic regression on all labelled images; of a data set with folds the mean over them, each
/// searched and fitted alone (STL-10, UCF101).
#[derive(Debug, Clone, Copy)]
pub struct LinearProbe;

impl Task for LinearProbe {
    fn name(&self) -> &'static str {
        "probe"
    }

    fn result_name(&self) -> &'static str {
        TASK
    }

    fn fits(&self, dataset: &Dataset) -> bool {
        let classes =
            matches!(dataset.task, clip_data::Task::Classification | clip_data::Task::MultiLabel);
        !dataset.train.is_empty() && classes
    }

    fn options(&self, all: &EvalOptions) -> Map<String, Value> {
        by_name(&ProbeOptions::of(all))
    }

    fn averages(&self) -> Averages {
        Averages::Pairs
    }

    fn run(&self, context: &mut EvalContext, request: &Request, test: Split) -> Result<Outcome> {
        let options = ProbeOptions::of(&request.options);
        average(self, context, &options.intervals, request, test, |context, pair, test| {
            probe_once(context, &options, request, &pair.train, test)
        })
    }
}

/// Fits a probe on the training images and scores it on `test`.
fn probe_once(
    context: &mut EvalContext,
    options: &ProbeOptions,
    request: &Request,
    train: &[String],
    test: Split,
) -> Result<Outcome> {
    let names: Vec<String> = test.prompts.classes.iter().map(|names| names[0].clone()).collect();
    let (dataset, kind) = (test.dataset.clone(), options.rows.probe_features);
    let test = context.encode_split(test)?;
    let seed = options.intervals.seed;
    let data = TrainValSplit::load(context, request, &dataset, train, kind, seed)?;
    let model = select(context, &data, names.len(), dataset.metric, options.strength.c)?;
    let mut notes = vec![data.note.clone()];
    if !model.fit.converged() {
        notes.push(format!(
            "the fit stopped short of the minimum after {} iterations",
            model.fit.iterations
        ));
    }
    notes.push(format!("C = {}", model.c));
    let search: Vec<SearchPoint> = model.evaluations.iter().map(search_point).collect();
    if search.iter().any(|point| point.score.is_none()) {
        notes.push(NO_CHOICE.to_owned());
    }
    let rows = probe_rows(context, &test.rows, kind);
    let everything: Vec<usize> = (0..rows.len()).collect();
    let features = Features::new(rows.as_slice(), rows.embed_dim());
    let logits = model.fit.model.scores(features, &everything)?;
    let asked = Asked { task: TASK, dataset: &dataset.id };
    let targets = test.targets();
    let scores = if dataset.metric == Metric::MeanAveragePrecision11 {
        let labels = asked.presences(&targets)?;
        multi_label(&logits, &names, &labels, &options.intervals)
    } else {
        let truth = asked.classes(&targets)?;
        notes.extend(coverage::notes(&data, &truth, &names));
        ClassScores { scores: &logits, names: &names, truth: &truth }.all(
            dataset.metric,
            &options.intervals,
            false,
        )
    };
    let mut scores = scores.map_err(|error| asked.error(error))?;
    scores.details.search = search;
    let predictions = predictions(&test, &logits, names.len());
    let mut outcome = Outcome::new(test, None, notes, scores, predictions);
    outcome.add_read(data.rows.read);
    Ok(outcome)
}

/// The search, or one fit at the C that was asked for; on training and validation rows together in
/// the end.
fn select(
    context: &mut EvalContext,
    data: &TrainValSplit,
    classes: usize,
    metric: Metric,
    c: Option<f64>,
) -> Result<Selected> {
    let score = |scores: &[f32]| data.score(scores, classes, metric);
    let problem = Problem {
        device: context.clip.instruction_set(),
        features: data.features(),
        targets: data.labels.targets(classes),
        train: &data.train,
        validation: &data.validation,
        metric: &score,
        options: Options::default(),
        // The bits of a fit do not depend on it.
        memory: PackedFeatures::MEMORY.min(context.probe_memory),
    };
    probe::select(&problem, c, &mut |done, most| {
        if done == 1 {
            context.tell(Step::Fits(most))?;
        }
        context.tell(Step::Done(1))
    })
}

fn search_point(point: &Evaluation) -> SearchPoint {
    SearchPoint {
        index: point.index,
        c: point.c,
        score: Some(point.score).filter(|score| score.is_finite()),
        converged: point.converged,
    }
}
