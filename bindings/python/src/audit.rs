//! Audits, as `clip-rs audit` does them: options by the names of its flags in, the record out.

use std::path::PathBuf;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clip_audit::association::{Association, AssociationOptions};
use clip_audit::denigration::{Denigration, DenigrationOptions};
use clip_audit::fairface::{Fairface, FairfaceOptions};
use clip_audit::taxonomy::Taxonomy;
use clip_audit::{Audit, Run};
use clip_eval::EvalError;
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;

use crate::eval_errors::eval_error;
use crate::evaluate::{ModelLike, NamedModel, steps};
use crate::work::Watch;

/// Names of options and their values as texts; a switch that is on has none.
type Given = Vec<(String, Vec<String>)>;

/// Audits a model; gives the record as JSON.
///
/// - `root`: of FairFace, for `fairface` and `denigration`
#[pyfunction]
#[pyo3(signature = (kind, model, root, options, out, features, progress))]
#[allow(clippy::too_many_arguments, reason = "all of them are Python's")]
pub(crate) fn audit(
    py: Python<'_>,
    kind: &str,
    model: ModelLike<'_>,
    root: PathBuf,
    options: Given,
    out: PathBuf,
    features: Option<PathBuf>,
    progress: Option<&Bound<'_, PyAny>>,
) -> PyResult<String> {
    let model = NamedModel::of(model)?;
    let audit = question(py, kind, root, &options)?;
    let cache = model.features(features);
    let work = |watch: &Watch| {
        let run = Run { out: &out, cache: &cache, load: &model.load };
        run.audit(&*audit, &model.name, steps(watch))
    };
    let (record, _) =
        model.pool.run(py, progress, work)?.map_err(|error| eval_error(py, &error))?;
    serde_json::to_string(&record).map_err(|error| PyValueError::new_err(error.to_string()))
}

fn question(
    py: Python<'_>,
    kind: &str,
    root: PathBuf,
    given: &Given,
) -> PyResult<Box<dyn Audit + Send + Sync>> {
    let failed = |error: EvalError| eval_error(py, &error);
    Ok(match kind {
        "fairface" => Box::new(Fairface { root, options: options::<FairfaceOptions>(given)? }),
        "denigration" => {
            let options = options::<DenigrationOptions>(given)?;
            Box::new(Denigration::new(root, options).map_err(failed)?)
        }
        "association" => {
            let options = options::<AssociationOptions>(given)?;
            Box::new(Association::new(options).map_err(failed)?)
        }
        _ => Box::new(options::<Taxonomy>(given)?),
    })
}

/// Options under the rules that the program's flags are under.
fn options<T: clap::Args>(given: &Given) -> PyResult<T> {
    let command = T::augment_args(clap::Command::new("audit").no_binary_name(true));
    let words = given.iter().flat_map(|(name, values)| {
        let flag = format!("--{}", name.replace('_', "-"));
        let switch = values.is_empty().then(|| flag.clone());
        switch.into_iter().chain(values.iter().map(move |value| format!("{flag}={value}")))
    });
    let matches = command.try_get_matches_from(words).map_err(|error| refused(&error))?;
    T::from_arg_matches(&matches).map_err(|error| refused(&error))
}

/// What is wrong with which option, in Python's words.
fn refused(error: &clap::Error) -> PyErr {
    let context = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => text.clone(),
        Some(ContextValue::Strings(texts)) => texts.join(", "),
        _ => String::new(),
    };
    let name = |text: String| {
        let flag = text.split([' ', '=']).next().unwrap_or_default();
        flag.trim_start_matches('-').replace('-', "_")
    };
    let argument = name(context(ContextKind::InvalidArg));
    let value = context(ContextKind::InvalidValue);
    match error.kind() {
        ErrorKind::UnknownArgument => {
            let near = name(context(ContextKind::SuggestedArg));
            let help = match near.is_empty() {
                true => String::new(),
                false => format!("\nhelp: did you mean {near}?"),
            };
            PyTypeError::new_err(format!("there is no option {argument}{help}"))
        }
        ErrorKind::MissingRequiredArgument => {
            PyTypeError::new_err(format!("{argument}: is required"))
        }
        ErrorKind::ArgumentConflict => {
            let other = name(context(ContextKind::PriorArg));
            PyValueError::new_err(format!("{argument}: has no meaning beside {other}"))
        }
        _ => {
            let why = std::error::Error::source(error).map(ToString::to_string);
            let why = why.unwrap_or_else(|| format!("`{value}` is no value of it"));
            PyValueError::new_err(format!("{argument}: {why}"))
        }
    }
}
