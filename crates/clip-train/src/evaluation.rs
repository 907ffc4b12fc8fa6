//! What a model can do while it is trained, by the tasks of `clip-rs eval`, and what a fine-tune
//! did to the zero-shot accuracy of the model it came from.
//!
//! A model is measured as it lies on the disk, so what is measured is what a checkpoint holds.

use std::collections::BTreeMap;
use std::path::Path;

use clip_data::Split;
use clip_eval::results::{Figure, Record};
use clip_eval::suite::{Job, JobResult, Run, Shard};
use clip_eval::tasks::{TASKS, Task};
use clip_eval::{EvalError, EvalOptions, silent};
use clip_files::NewFolder;
use clip_model::Checkpoint;
use clip_rs::LoadOptions;
use serde::{Deserialize, Serialize};

use crate::checkpoint::write_model;
use crate::config::{Config, Evaluation};

/// One task on a data set, as a line of `metrics.jsonl`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EvaluationMetrics {
    /// Steps that the model was trained for; 0 is what it began as.
    pub step: u64,
    /// What was measured.
    pub evaluation: Measured,
}

/// What a model scored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Measured {
    /// Id in the catalogue, or files of one's own.
    pub dataset: String,
    /// By its name in results.
    pub task: String,
    /// The split that was scored.
    pub split: String,
    /// The data set's own figure with its interval.
    pub score: Figure,
    /// Other figures by name.
    pub metrics: BTreeMap<String, Option<f64>>,
    /// Items that were scored.
    pub scored: usize,
    /// Where it guards a fine-tune: what became of the score that it began with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guard: Option<Guarded>,
}

/// What a fine-tune did to a score.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Guarded {
    /// Of the model that it came from.
    pub before: f64,
    /// The score now less that before.
    pub change: f64,
    /// Whether more was lost than the configuration allows.
    pub is_lost: bool,
}

/// What is measured, and when.
#[derive(Debug, Clone)]
pub struct Evaluations {
    planned: Vec<Planned>,
    /// Loss of a guarded score from which on it is too much.
    most_lost: f64,
    load: LoadOptions,
}

#[derive(Debug, Clone)]
struct Planned {
    job: Job,
    every: u64,
    is_guard: bool,
}

impl Evaluations {
    /// Those of a configuration; models are loaded as `load` says.
    ///
    /// # Errors
    /// A task that there is not.
    pub fn new(config: &Config, load: &LoadOptions) -> Result<Evaluations, EvalError> {
        let guards = config.guard.guard.iter().map(|dataset| {
            let evaluation = Evaluation {
                dataset: dataset.clone(),
                task: "zeroshot".to_owned(),
                root: config.guard.guard_root.clone(),
                split: None,
                every: config.guard.guard_every,
            };
            (evaluation, true)
        });
        let others = config.eval.iter().cloned().map(|evaluation| (evaluation, false));
        let planned = guards.chain(others).map(|(evaluation, is_guard)| {
            let task = task_of(&evaluation)?;
            let job = Job {
                model: String::new(),
                task,
                dataset: evaluation.dataset,
                root: evaluation.root.unwrap_or_default(),
                split: evaluation.split,
            };
            Ok(Planned { job, every: evaluation.every, is_guard })
        });
        Ok(Evaluations {
            planned: planned.collect::<Result<_, EvalError>>()?,
            most_lost: config.guard.guard_loss,
            load: load.clone(),
        })
    }

    /// Opens every split once, so that what is missing is known before anything is computed.
    /// Returns one sentence for each: `oxford_pets test: 3669 items`.
    ///
    /// # Errors
    /// A data set that is not there.
    pub fn check(&self) -> Result<Vec<String>, EvalError> {
        let options = EvalOptions::default();
        let of = |planned: &Planned| {
            let Job { task, dataset, root, split, .. } = &planned.job;
            let read = task.read_options(&options);
            let split = Split::open(dataset, root, split.as_deref(), &read)?;
            let when = match planned.every {
                0 => "at the end".to_owned(),
                steps => format!("every {steps} steps"),
            };
            let (name, items) = (&split.info.name, split.items.len());
            Ok(format!("{} on {dataset} {name}, {items} items, {when}", task.name()))
        };
        self.planned.iter().map(of).collect()
    }

    /// Whether anything is to be measured after `step` of `total`.
    pub fn is_due(&self, step: u64, total: u64) -> bool {
        self.planned.iter().any(|planned| planned.is_due(step, total))
    }

    /// Whether scores of the model it began with are wanted.
    pub fn has_guards(&self) -> bool {
        self.planned.iter().any(|planned| planned.is_guard)
    }

    /// Measures a model on what is due after `step` of `total`; at step 0 on the guarded data sets.
    /// Records go below `out`, as `clip-rs report` reads them. What cannot be measured is told to
    /// `failed` and stops nothing.
    ///
    /// - `before`: guarded scores of the model that the run began with, by data set
    ///
    /// # Errors
    /// The model, or records, cannot be written.
    pub fn measure(
        &self,
        model: &Checkpoint,
        (step, total): (u64, u64),
        before: &BTreeMap<String, f64>,
        out: &Path,
        mut failed: impl FnMut(String),
    ) -> Result<Vec<EvaluationMetrics>, EvalError> {
        std::fs::create_dir_all(out).map_err(EvalError::io(out))?;
        let scratch = NewFolder::of(&out.join("scratch")).map_err(EvalError::io(out))?;
        write_model(scratch.path(), model)
            .map_err(|error| EvalError::result(scratch.path(), error))?;
        let mut lines = Vec::new();
        for planned in self.planned.iter().filter(|planned| planned.is_due(step, total)) {
            let mut record = match self.record(&planned.job, scratch.path())? {
                Ok(record) => record,
                Err(error) => {
                    failed(format!("{} at step {step}: {error}", planned.job.dataset));
                    continue;
                }
            };
            record.model = format!("step-{step:08}");
            record.identity.place = String::new(); // that of a folder which goes again
            record.write(out)?;
            let guard = planned.is_guard.then(|| self.guarded(&record, before)).flatten();
            lines.push(EvaluationMetrics { step, evaluation: measured(record, guard) });
        }
        Ok(lines)
    }

    /// The record of a job for the model in `scratch`, where features go, too.
    fn record(&self, job: &Job, scratch: &Path) -> Result<Result<Record, EvalError>, EvalError> {
        let (records, cache) = (scratch.join("records"), scratch.join("features"));
        let shard = Shard::default();
        let run = Run { out: &records, cache: &cache, shard, load: &self.load };
        let job = Job { model: scratch.display().to_string(), ..job.clone() };
        let mut result = None;
        let end = |_: &Job, made: JobResult| result = Some(made);
        run.jobs(&[job], &EvalOptions::default(), |_| silent(), end)?;
        Ok(match result {
            Some(JobResult::Made(record) | JobResult::Kept(record)) => Ok(*record),
            Some(JobResult::Failed(error)) => Err(error),
            None => Err(EvalError::task("evaluation", "", "was not done")),
        })
    }

    fn guarded(&self, record: &Record, before: &BTreeMap<String, f64>) -> Option<Guarded> {
        let (before, now) = (*before.get(&record.dataset)?, record.score.value?);
        let change = now - before;
        Some(Guarded { before, change, is_lost: -change > self.most_lost })
    }
}

impl Planned {
    fn is_due(&self, step: u64, total: u64) -> bool {
        match step {
            0 => self.is_guard,
            step => step == total || (self.every > 0 && step.is_multiple_of(self.every)),
        }
    }
}

/// The guarded scores among these lines, by data set.
pub fn scores(lines: &[EvaluationMetrics]) -> BTreeMap<String, f64> {
    let score = |line: &EvaluationMetrics| {
        Some((line.evaluation.dataset.clone(), line.evaluation.score.value?))
    };
    lines.iter().filter_map(score).collect()
}

fn measured(record: Record, guard: Option<Guarded>) -> Measured {
    Measured {
        dataset: record.dataset,
        task: record.task,
        split: record.split,
        score: record.score,
        metrics: record.metrics,
        scored: record.counts.scored,
        guard,
    }
}

fn task_of(evaluation: &Evaluation) -> Result<&'static dyn Task, EvalError> {
    TASKS.into_iter().find(|task| task.name() == evaluation.task).ok_or_else(|| {
        let names: Vec<&str> = TASKS.iter().map(|task| task.name()).collect();
        let reason = format!("there is no such task; there are {}", names.join(", "));
        EvalError::task(&evaluation.task, &evaluation.dataset, reason)
    })
}
