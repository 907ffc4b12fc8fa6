//! Doing jobs: a model after the other, each job kept, made or failed.

use std::path::Path;
use std::time::Instant;

use clip_rs::LoadOptions;

use super::plan::{Job, Shard};
use super::resume::{Fingerprints, Wanted, identity_of};
use crate::context::EvalContext;
use crate::error::{EvalError, Result};
use crate::options::{EvalOptions, by_name};
use crate::progress::{Progress, silent};
use crate::results::identity::{Choices, Identity};
use crate::results::predictions::Prediction;
use crate::results::{Provenance, Record, SCHEMA, store};
use crate::tasks::{Outcome, TableTask};

/// Where results and features go, and what a run shares with others.
pub struct Run<'a> {
    /// Results.
    pub out: &'a Path,
    /// Features.
    pub cache: &'a Path,
    /// The jobs of this process.
    pub shard: Shard,
    /// How models are loaded; conversion first and the penultimate layer are set whatever it says.
    pub load: &'a LoadOptions,
}

/// What became of a job.
#[derive(Debug)]
pub enum JobResult {
    /// Its record, made now.
    Made(Box<Record>),
    /// Its record, made before from the same things.
    Kept(Box<Record>),
    /// Why there is none.
    Failed(EvalError),
}

impl Run<'_> {
    /// Does the jobs of this shard. `begin` hears of every job and gives what hears of its steps;
    /// `end` what became of it.
    ///
    /// # Errors
    /// A result that was made cannot be written: then nothing after it could be either;
    /// [`EvalError::Interrupted`]: the results before it are kept.
    pub fn jobs(
        &self,
        jobs: &[Job],
        options: &EvalOptions,
        mut begin: impl FnMut(&Job) -> Box<Progress<'static>>,
        mut end: impl FnMut(&Job, JobResult),
    ) -> Result<()> {
        options.validate()?;
        let own = jobs.iter().skip(self.shard.index).step_by(self.shard.of);
        let mut loaded: Option<EvalContext> = None;
        let mut fingerprints = Fingerprints::default();
        for job in own {
            let progress = begin(job);
            let context = match loaded.take_if(|context| context.model.name == job.model) {
                Some(context) => Ok(context),
                None => {
                    loaded = None; // the last model leaves memory before the next comes
                    self.context(&job.model)
                }
            };
            let mut context = match context {
                Ok(context) => context,
                Err(error) => {
                    drop(progress); // its bar goes before its row comes
                    end(job, JobResult::Failed(error));
                    continue;
                }
            };
            context.listen(progress);
            let result = match self.job(&mut context, job, options, &mut fingerprints) {
                Ok((record, None)) => JobResult::Kept(Box::new(record)),
                Ok((mut record, Some(predictions))) => {
                    store::write(self.out, &mut record, &predictions)?;
                    JobResult::Made(Box::new(record))
                }
                Err(EvalError::Interrupted) => return Err(EvalError::Interrupted),
                Err(error) => JobResult::Failed(error),
            };
            context.listen(silent());
            end(job, result);
            loaded = Some(context);
        }
        Ok(())
    }

    /// Does a task on tables, and writes its result.
    ///
    /// # Errors
    /// An option is out of its range, the model cannot be loaded, the task cannot be done, or the
    /// result cannot be written.
    pub fn tables(
        &self,
        model: &str,
        options: &EvalOptions,
        task: &dyn TableTask,
        progress: Box<Progress<'static>>,
    ) -> Result<Record> {
        let started = Instant::now();
        options.validate()?;
        let mut context = self.context(model)?;
        context.listen(progress);
        let outcome = task.run(&mut context, &options.intervals)?;
        context.listen(silent());
        let mut choices = Choices::default();
        choices.enter_options(
            &by_name(&options.intervals),
            &by_name(&EvalOptions::default().intervals),
        );
        let files = task.tables().into_iter().map(Identity::file).collect();
        let identity = Identity::new("tables", &context.model, files, choices, self.load);
        let (mut record, predictions) =
            record(&context, task.result_name(), options, identity, outcome, started);
        store::write(self.out, &mut record, &predictions)?;
        Ok(record)
    }

    /// A model and the features of this run.
    fn context(&self, model: &str) -> Result<EvalContext> {
        let writer = format!("{}-of-{}", self.shard.index, self.shard.of);
        EvalContext::load(model, self.load, self.cache, &writer)
    }

    /// The record of a job; with predictions if it was made now.
    fn job(
        &self,
        context: &mut EvalContext,
        job: &Job,
        options: &EvalOptions,
        fingerprints: &mut Fingerprints,
    ) -> Result<(Record, Option<Vec<Prediction>>)> {
        let started = Instant::now();
        let request = job.request(options);
        let split = request.open(None)?;
        let identity = identity_of(job, &split, options, self.load, &context.model);
        let wanted = Wanted { job, request: &request, split: &split, identity: &identity };
        if let Some(record) = wanted.made_before(self.out, context, fingerprints)? {
            return Ok((record, None));
        }
        let outcome = job.task.run(context, &request, split)?;
        let task = job.task.result_name();
        let (record, predictions) = record(context, task, options, identity, outcome, started);
        Ok((record, Some(predictions)))
    }
}

/// What is written of an outcome.
fn record(
    context: &EvalContext,
    task: &str,
    options: &EvalOptions,
    identity: Identity,
    outcome: Outcome,
    started: Instant,
) -> (Record, Vec<Prediction>) {
    let record = Record {
        schema: SCHEMA,
        clip_rs: env!("CARGO_PKG_VERSION").to_owned(),
        dataset: outcome.dataset,
        dataset_title: outcome.dataset_title,
        split: outcome.split,
        task: task.to_owned(),
        model: context.model.name.clone(),
        pretrained: context.pretrained().to_owned(),
        language: "en".to_owned(),
        identity,
        metrics: outcome.metrics,
        score: outcome.score,
        figures: outcome.figures,
        provenance: Provenance {
            split_blake3: outcome.split_blake3,
            read: outcome.read,
            options: by_name(options).into(),
            ..context.provenance(outcome.prompts)
        },
        counts: outcome.counts,
        skipped: outcome.skipped,
        notes: outcome.notes,
        details: outcome.details,
        wall_seconds: started.elapsed().as_secs_f64(),
    };
    (record, outcome.predictions)
}
