//! Training, as `clip-rs train` does it: a configuration in; the plan, and how the run ended, out.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clip_rs::{LoadOptions, open_checkpoint};
use clip_train::config::{Config, Draft, TrainPrecision};
use clip_train::distributed::Solo;
use clip_train::evaluation::EvaluationMetrics;
use clip_train::metrics::{StepMetrics, StepTiming};
use clip_train::preflight::Plan;
use clip_train::run::{Listener, RunFolder, SavedRun, Surroundings, run_on};
use pyo3::prelude::*;

use crate::eval_errors::train_error;
use crate::work::{Pool, Watch};

/// What is asked of a run.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub(crate) struct Request {
    /// JSON of a configuration; none for what the run began with.
    config: Option<String>,
    /// A file in its place.
    path: Option<PathBuf>,
    out: PathBuf,
    resume: bool,
    allow: Vec<String>,
    dry_run: bool,
    threads: Option<i64>,
}

/// Why there is no trained model.
pub(crate) enum Failure {
    /// Its words, the way out, and the file that is not there.
    Said(String, Option<String>, Option<PathBuf>),
    Clip(clip_rs::Error),
    Interrupted,
}

/// Collects what a person should know, and tells of steps.
struct Told<'a> {
    watch: &'a Watch,
    warnings: Vec<String>,
}

impl Listener for Told<'_> {
    fn step(&mut self, _: &StepMetrics, _: &StepTiming) {
        drop(self.watch.progress(1)); // the run looks at the flag itself
    }

    fn measured(&mut self, _: &EvaluationMetrics) {}

    fn saved(&mut self, _: &Path) {}

    fn warn(&mut self, message: &str) {
        self.warnings.push(message.to_owned());
    }
}

/// JSON: `plan`, its `text`, `ending` (none of a plan alone), `warnings`.
#[pyfunction]
pub(crate) fn train(
    py: Python<'_>,
    request: Request,
    progress: Option<&Bound<'_, PyAny>>,
) -> PyResult<String> {
    let config = request.config().map_err(|failure| train_error(py, failure))?;
    let of_config = config.run.threads.and_then(|threads| i64::try_from(threads).ok());
    let pool = Pool::of(request.threads.or(of_config))?;
    let work = |watch: &Watch| request.run(config, pool.threads(), watch);
    pool.run(py, progress, work)?.map_err(|failure| train_error(py, failure))
}

impl Request {
    /// What the run began with, if it goes on, and what is asked for over it.
    fn config(&self) -> Result<Config, Failure> {
        let folder = RunFolder(&self.out);
        if !self.dry_run || self.resume {
            folder.check(self.resume)?;
        }
        let began_with = if self.resume { folder.began_with()? } else { None };
        let mut draft = began_with.as_ref().map(Draft::of).unwrap_or_default();
        if let Some(path) = &self.path {
            draft = draft.with(Draft::read(path)?);
        }
        if let Some(json) = &self.config {
            draft = draft.with(Draft::of_json(Path::new("config"), json)?);
        }
        let config = draft.finish()?;
        if let Some(began_with) = began_with {
            began_with.goes_on_as(&config)?;
        }
        Ok(config)
    }

    fn run(&self, config: Config, threads: usize, watch: &Watch) -> Result<String, Failure> {
        let (folder, load) = (RunFolder(&self.out), LoadOptions::default());
        let mut told = Told { watch, warnings: Vec::new() };
        let mut lock = None;
        let mut saved: Option<SavedRun> = None;
        if self.resume {
            if !self.dry_run {
                lock = Some(folder.lock()?);
            }
            saved = folder.saved(|warning| told.warn(&warning))?;
        }
        let model =
            saved.as_ref().map(|saved| open_checkpoint(&saved.folder.to_string_lossy(), &load));
        let model = model.transpose().map_err(Failure::Clip)?;
        let plan = Plan::new(config, &load, 1, TrainPrecision::F32, model)?;
        let mut said = serde_json::json!({
            "plan": plan.report, "text": plan.report.text(), "ending": null, "warnings": [],
        });
        if !self.dry_run {
            self.refuse(&plan)?;
            watch.check().map_err(|_| Failure::Interrupted)?;
            if lock.is_none() {
                lock = Some(folder.lock()?);
            }
            let step = saved.as_ref().map_or(0, |saved| saved.state.progress.step);
            watch.begin("steps", Some(plan.schedule.total.saturating_sub(step)));
            let (out, stop, collective) = (&*self.out, watch.stop(), Arc::new(Solo));
            let around = Surroundings { out, stop, collective, threads };
            let set = load.instruction_set().map_err(Failure::Clip)?;
            said["ending"] = serde_json::json!(run_on(set, &plan, saved, around, &mut told)?);
        }
        drop(lock);
        said["warnings"] = told.warnings.into();
        Ok(said.to_string())
    }

    fn refuse(&self, plan: &Plan) -> Result<(), Failure> {
        let refusals = plan.refusals(&self.allow);
        if refusals.is_empty() {
            return Ok(());
        }
        let lines =
            refusals.iter().map(|refusal| format!("\n  {}: {}", refusal.name, refusal.reason));
        let message = format!("the plan is refused:{}", lines.collect::<String>());
        let names: Vec<&str> = refusals.iter().map(|refusal| refusal.name).collect();
        let help = format!("mend the plan, or say that it is meant: allow={names:?}");
        Err(Failure::Said(message, Some(help), None))
    }
}

/// Errors that say all themselves.
macro_rules! said {
    ($($error:path),+) => {
        $(impl From<$error> for Failure {
            fn from(error: $error) -> Failure {
                Failure::Said(error.to_string(), None, None)
            }
        })+
    };
}

said!(clip_train::preflight::PlanError, clip_train::RunError);

impl From<clip_train::config::ConfigError> for Failure {
    fn from(error: clip_train::config::ConfigError) -> Failure {
        use clip_train::config::ConfigError;
        let absent = match &error {
            ConfigError::Io { path, source } if source.kind() == std::io::ErrorKind::NotFound => {
                Some(path.clone())
            }
            _ => None,
        };
        Failure::Said(error.to_string(), error.help(), absent)
    }
}

impl From<clip_train::run::FolderError> for Failure {
    fn from(error: clip_train::run::FolderError) -> Failure {
        use clip_train::run::FolderError;
        let help = match &error {
            FolderError::NotEmpty(_) => {
                "resume=True goes on with the run in it; else name another folder"
            }
            FolderError::NoRun(path) => {
                let help = "leave resume out to begin a run".to_owned();
                return Failure::Said(error.to_string(), Some(help), Some(path.clone()));
            }
            FolderError::Changed { .. } => {
                "a run goes on as it began; other choices make another run, in a folder of its own"
            }
            _ => return Failure::Said(error.to_string(), None, None),
        };
        Failure::Said(error.to_string(), Some(help.to_owned()), None)
    }
}
