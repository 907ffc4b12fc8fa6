//! Tasks on data sets, as `clip-rs eval` does them: what is asked in, the file of the result out.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use clip_eval::paired::{Comparison, Measure, Pairs};
use clip_eval::results::predictions;
use clip_eval::results::sealed::{self, Seal};
use clip_eval::results::{Record, SCHEMA};
use clip_eval::suite::{self, JobResult, Run, Shard, Suite};
use clip_eval::{EvalError, Progress, Step};
use clip_rs::LoadOptions;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use crate::clip::Clip;
use crate::errors::argument;
use crate::eval_errors::{eval_error, python_words};
use crate::work::{Pool, Watch};

/// A loaded model; or a name, the precision and the threads.
#[derive(FromPyObject)]
pub(crate) enum ModelLike<'py> {
    Loaded(PyRef<'py, Clip>),
    Named(String, String, Option<i64>),
}

/// A model by its name, for work that loads it as it needs it.
pub(crate) struct NamedModel {
    pub(crate) name: String,
    pub(crate) load: LoadOptions,
    pub(crate) pool: Pool,
}

impl NamedModel {
    /// # Errors
    /// `ValueError` with the argument that has no such value.
    pub(crate) fn of(model: ModelLike<'_>) -> PyResult<NamedModel> {
        match model {
            ModelLike::Loaded(model) => Ok(NamedModel {
                name: model.clip.name().to_owned(),
                load: model.clip.options().clone(),
                pool: model.pool,
            }),
            ModelLike::Named(name, precision, threads) => {
                let precision = precision.parse().map_err(|error| argument("precision", error))?;
                let load = LoadOptions { precision, ..LoadOptions::default() };
                Ok(NamedModel { name, load, pool: Pool::of(threads)? })
            }
        }
    }

    /// Where features go unless told otherwise.
    pub(crate) fn features(&self, asked: Option<PathBuf>) -> PathBuf {
        asked.unwrap_or_else(|| self.load.cache_folders().own.join("features"))
    }
}

/// Does what a suite asks of one model, which is one result, and gives its file.
///
/// - `suite`: JSON with the keys of a suite file; `models` is `model`
#[pyfunction]
pub(crate) fn evaluate(
    py: Python<'_>,
    model: ModelLike<'_>,
    suite: &str,
    out: PathBuf,
    features: Option<PathBuf>,
    progress: Option<&Bound<'_, PyAny>>,
) -> PyResult<PathBuf> {
    let model = NamedModel::of(model)?;
    let mut suite: Suite = serde_json::from_str(suite).map_err(|error| refused(&error))?;
    suite.models = vec![model.name.clone()];
    let cache = model.features(features);
    let work = |watch: &Watch| evaluate_on(&suite, &model.load, (&out, &cache), watch);
    model.pool.run(py, progress, work)?.map_err(|error| eval_error(py, &error))
}

fn evaluate_on(
    suite: &Suite,
    load: &LoadOptions,
    (out, cache): (&Path, &Path),
    watch: &Watch,
) -> Result<PathBuf, EvalError> {
    suite.validate()?;
    let jobs = suite.jobs()?;
    if jobs.is_empty() {
        let (task, dataset) = (suite.tasks[0].name(), suite.datasets[0].name());
        return Err(EvalError::task(task, dataset, suite::FITTING));
    }
    let run = Run { out, cache, shard: Shard::default(), load };
    let mut made = Err(EvalError::Interrupted); // a run without a result
    run.jobs(
        &jobs,
        &suite.options,
        |_| steps(watch),
        |_, result| {
            made = match result {
                JobResult::Made(record) | JobResult::Kept(record) => Ok(record),
                JobResult::Failed(error) => Err(error),
            }
        },
    )?;
    let record = made?;
    suite::merge(out)?;
    record.file(out).ok_or_else(|| EvalError::result(out, "the result is gone again"))
}

/// Hands steps on to Python, and ends the work after Ctrl-C.
pub(crate) fn steps(watch: &Watch) -> Box<Progress<'static>> {
    let watch = watch.clone();
    Box::new(move |step| {
        let goes_on = match step {
            Step::Texts(count) => begin(&watch, "texts", count),
            Step::Images(count) => begin(&watch, "images", count),
            Step::Fits(count) => begin(&watch, "fits", count),
            Step::Done(count) => watch.progress(count),
        };
        if goes_on.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    })
}

fn begin(watch: &Watch, name: &str, count: usize) -> Result<(), crate::work::Interrupted> {
    watch.begin(name, Some(count as u64));
    watch.check()
}

/// Of what is no suite: the name of the option that there is not, or whose value is of another kind.
fn refused(error: &serde_json::Error) -> PyErr {
    let text = error.to_string();
    let reason = text.split(" at line ").next().unwrap_or(&text);
    PyValueError::new_err(python_words(reason))
}

/// Whether a file is a result of this layout; a sentence where it was changed since it was written.
#[pyfunction]
pub(crate) fn check_result(py: Python<'_>, path: PathBuf) -> PyResult<Option<String>> {
    let read = || -> Result<Seal, EvalError> {
        let (record, seal): (Record, Seal) = sealed::read(&path)?;
        match record.schema {
            SCHEMA => Ok(seal),
            other => Err(sealed::other_schema(&path, other, SCHEMA)),
        }
    };
    let seal = read().map_err(|error| eval_error(py, &error))?;
    Ok((seal == Seal::Broken).then(|| {
        format!("{}: was changed after it was written: its figures are no run's", path.display())
    }))
}

/// Two files of predictions by a metric, as JSON.
#[pyfunction]
pub(crate) fn compare(
    py: Python<'_>,
    first: PathBuf,
    second: PathBuf,
    metric: &str,
    level: f64,
) -> PyResult<String> {
    clip_eval::options::level(&level.to_string()).map_err(|reason| argument("level", reason))?;
    let read = |path: &PathBuf| predictions::read(path).map_err(|error| eval_error(py, &error));
    let (first, second) = (read(&first)?, read(&second)?);
    let compare = || {
        let pairs = Pairs::join(&first, &second)?;
        let measure = Measure::of_name(metric).ok_or_else(|| {
            format!("predictions do not hold what {metric} needs: results of it cannot be compared")
        })?;
        Ok(serde_json::json!(Comparison::of(&pairs, measure, level)?).to_string())
    };
    Pool::of(None)?.run(py, None, |_| compare())?.map_err(PyValueError::new_err::<String>)
}
