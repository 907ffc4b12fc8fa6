//! The catalogue of data sets, as `clip-rs datasets` has it, as JSON.

use std::path::PathBuf;

use clip_data::{CheckStep, Dataset, PromptSet, catalogue, check, find, packed, present};
use pyo3::prelude::*;
use serde_json::Value;

use crate::eval_errors::data_error;
use crate::work::{Pool, Watch};

/// All data sets with their class names and templates.
#[pyfunction]
pub(crate) fn datasets(py: Python<'_>) -> PyResult<String> {
    let all: Result<Vec<Value>, _> = catalogue().iter().map(described).collect();
    Ok(Value::from(all.map_err(|error| data_error(py, &error))?).to_string())
}

fn described(dataset: &Dataset) -> Result<Value, clip_data::DataError> {
    let prompts = PromptSet::of(dataset.prompts_id())?;
    let mut facts = serde_json::json!(dataset);
    facts["classes"] = serde_json::json!(prompts.classes);
    facts["templates"] = serde_json::json!(prompts.templates);
    facts["prompts_source"] = prompts.source.into();
    Ok(facts)
}

/// Ids of the data sets below a folder, unpacked or of which an archive lies there.
#[pyfunction]
pub(crate) fn found_datasets(root: PathBuf) -> Vec<&'static str> {
    let found = present(&root).into_iter().chain(packed(&root));
    let mut ids: Vec<&str> = found.map(|dataset| &*dataset.id).collect();
    ids.sort_unstable();
    ids.dedup();
    ids
}

/// What is found of a data set below a folder.
#[pyfunction]
pub(crate) fn check_dataset(
    py: Python<'_>,
    id: &str,
    root: PathBuf,
    progress: Option<&Bound<'_, PyAny>>,
) -> PyResult<String> {
    let dataset = find(id).map_err(|error| data_error(py, &error))?;
    let work = |watch: &Watch| {
        check(dataset, &root, &mut |step| match step {
            CheckStep::Bytes(bytes) => watch.begin("bytes", Some(bytes)),
            CheckStep::Read(bytes) => drop(watch.progress(bytes as usize)),
        })
    };
    let report = Pool::of(None)?.run(py, progress, work)?;
    let report = report.map_err(|error| data_error(py, &error))?;
    Ok(serde_json::json!(report).to_string())
}
