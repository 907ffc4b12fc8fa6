//! The crates' errors as Python's: what was wrong, with which file, and the way out.

use std::fmt::Display;
use std::io;

use clip_rs::tokenizer::TokenizerError;
use pyo3::create_exception;
use pyo3::exceptions::{
    PyFileNotFoundError, PyOSError, PyPermissionError, PyRuntimeError, PyValueError,
};
use pyo3::prelude::*;

create_exception!(
    clip_rs,
    ImageError,
    PyValueError,
    "Bytes, pixels or a file are no usable image."
);
create_exception!(
    clip_rs,
    TextError,
    PyValueError,
    "A text cannot be tokenized, or not by this model."
);
create_exception!(
    clip_rs,
    CheckpointError,
    PyValueError,
    "A file is no CLIP checkpoint that can be used."
);

/// An exception whose message ends with the way out; `path` and `help` are attributes of it.
pub(crate) fn with_help(
    py: Python<'_>,
    make: impl FnOnce(String) -> PyErr,
    message: &str,
    path: Option<&str>,
    help: Option<&str>,
) -> PyErr {
    let error = make(match help {
        Some(help) => format!("{message}\nhelp: {help}"),
        None => message.to_owned(),
    });
    let value = error.value(py);
    let attributes = value.setattr("path", path).and_then(|()| value.setattr("help", help));
    attributes.err().unwrap_or(error)
}

/// Of a file that the system refused, as `open` would raise it.
pub(crate) fn io_error(py: Python<'_>, message: &str, path: &str, source: &io::Error) -> PyErr {
    let make = |message| match source.kind() {
        io::ErrorKind::NotFound => PyFileNotFoundError::new_err(message),
        io::ErrorKind::PermissionDenied => PyPermissionError::new_err(message),
        _ => PyOSError::new_err(message),
    };
    with_help(py, make, message, Some(path), None)
}

/// A `ValueError` that begins with the name of the argument.
pub(crate) fn argument(name: &str, reason: impl Display) -> PyErr {
    PyValueError::new_err(format!("{name}: {reason}"))
}

/// The facade's error.
pub(crate) fn clip_error(py: Python<'_>, error: &clip_rs::Error) -> PyErr {
    use clip_rs::Error;
    let message = error.to_string();
    let help = help_of(error);
    let help = help.as_deref();
    match error {
        Error::ReadImage { path, source } if source.kind() != io::ErrorKind::FileTooLarge => {
            io_error(py, &message, path, source)
        }
        Error::ReadImage { path, .. } | Error::Image { path, .. } => {
            with_help(py, ImageError::new_err::<String>, &message, Some(path), help)
        }
        Error::Text { .. } | Error::Label { .. } | Error::TextsRefused { .. } => {
            with_help(py, TextError::new_err::<String>, &message, None, help)
        }
        Error::Resolve(_) => {
            with_help(py, PyFileNotFoundError::new_err::<String>, &message, None, help)
        }
        Error::Checkpoint(_) | Error::Preprocess { .. } | Error::PreprocessSize { .. } => {
            with_help(py, CheckpointError::new_err::<String>, &message, None, help)
        }
        Error::Write { path, source } => {
            io_error(py, &message, &path.display().to_string(), source)
        }
        Error::Encode(_) | Error::InUse { .. } => {
            with_help(py, PyRuntimeError::new_err::<String>, &message, None, help)
        }
        _ => with_help(py, PyValueError::new_err::<String>, &message, None, help),
    }
}

/// The way out in Python's words.
fn help_of(error: &clip_rs::Error) -> Option<String> {
    use clip_rs::Error;
    match error {
        Error::Text { source: TokenizerError::TooLong { .. }, .. }
        | Error::Label { source: TokenizerError::TooLong { .. }, .. } => {
            Some("shorten it, or let it be cut with truncate=True".to_owned())
        }
        Error::NoLabels => Some("labels: give one at least".to_owned()),
        Error::TextsRefused { .. } => Some(
            "only CLIP's own tokenizer is built in; images, and token ids, can be encoded"
                .to_owned(),
        ),
        _ => error.help(),
    }
}
