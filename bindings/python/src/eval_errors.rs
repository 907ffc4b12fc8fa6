//! Errors of data sets, evaluations and training as Python's.

use clip_data::DataError;
use clip_eval::EvalError;
use pyo3::exceptions::{PyFileNotFoundError, PyKeyboardInterrupt, PyRuntimeError, PyValueError};
use pyo3::prelude::*;

use crate::errors::{DatasetError, TrainingError, clip_error, io_error, with_help};
use crate::train::Failure;

/// Of an evaluation or an audit.
pub(crate) fn eval_error(py: Python<'_>, error: &EvalError) -> PyErr {
    let message = python_words(&error.to_string());
    match error {
        EvalError::Clip(error) => clip_error(py, error),
        EvalError::Data(error) => data_error(py, error),
        EvalError::Io { path, source } => {
            io_error(py, &message, &path.display().to_string(), source)
        }
        EvalError::Result { path, .. } => {
            let path = path.display().to_string();
            with_help(py, PyValueError::new_err::<String>, &message, Some(&path), None)
        }
        EvalError::Task { .. } => DatasetError::new_err(message),
        EvalError::Option(_) => PyValueError::new_err(message),
        EvalError::Device(_) => PyRuntimeError::new_err(message),
        EvalError::Interrupted => PyKeyboardInterrupt::new_err(message),
    }
}

/// Of training.
pub(crate) fn train_error(py: Python<'_>, failure: Failure) -> PyErr {
    match failure {
        Failure::Clip(error) => clip_error(py, &error),
        Failure::Interrupted => PyKeyboardInterrupt::new_err(()),
        Failure::Said(message, help, absent) => {
            let (message, path) =
                (python_words(&message), absent.map(|path| path.display().to_string()));
            let help = help.as_deref();
            match &path {
                Some(_) => {
                    let make = PyFileNotFoundError::new_err::<String>;
                    with_help(py, make, &message, path.as_deref(), help)
                }
                None => with_help(py, TrainingError::new_err::<String>, &message, None, help),
            }
        }
    }
}

/// Of a data set.
pub(crate) fn data_error(py: Python<'_>, error: &DataError) -> PyErr {
    let message = python_words(&error.to_string());
    match error {
        DataError::NotFound { root, .. } => {
            let path = root.display().to_string();
            with_help(py, PyFileNotFoundError::new_err::<String>, &message, Some(&path), None)
        }
        DataError::Read { path, source } => {
            io_error(py, &message, &path.display().to_string(), source)
        }
        _ => DatasetError::new_err(message),
    }
}

/// A message of the program in Python's words: of `--some-flag` and `clip-rs datasets info NAME`
/// the argument and the function.
pub(crate) fn python_words(message: &str) -> String {
    const FUNCTIONS: [(&str, &str); 7] = [
        ("`eval zeroshot`", "task=\"zeroshot\""),
        ("`clip-rs datasets list` prints them", "clip_rs.datasets() lists them"),
        ("`clip-rs datasets info NAME`", "clip_rs.dataset(name)"),
        ("`clip-rs eval`", "clip_rs.evaluate"),
        ("`clip-rs audit`", "clip_rs.audit"),
        ("struct EvalOptions", "options"),
        ("unknown field", "there is no option"),
    ];
    let mut text = message.to_owned();
    for (of_program, of_python) in FUNCTIONS {
        text = text.replace(of_program, of_python);
    }
    let mut parts = text.split("`--");
    let mut words = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (flag, rest) = part.split_once('`').unwrap_or((part, ""));
        words += &format!("`{}`{rest}", flag.replace('-', "_"));
    }
    words
}
