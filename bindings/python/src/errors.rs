//! The crates' errors as Python's: what was wrong, with which file, and the way out.

use std::fmt::Display;
use std::io;

use clip_rs::model::download::DownloadError;
use clip_rs::model::{EncodeError, ResolveError};
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
create_exception!(
    clip_rs,
    DatasetError,
    PyValueError,
    "A data set is not what it should be, or not for this task."
);
create_exception!(
    clip_rs,
    TrainingError,
    PyValueError,
    "A run cannot begin, go on, or end as it should."
);

/// Every exception of ours has the attributes `path` and `help`, whoever raises it.
pub(crate) fn set_defaults(py: Python<'_>) -> PyResult<()> {
    use pyo3::PyTypeInfo;
    let classes = [
        CheckpointError::type_object(py),
        DatasetError::type_object(py),
        ImageError::type_object(py),
        TextError::type_object(py),
        TrainingError::type_object(py),
    ];
    classes.iter().try_for_each(|class| {
        class.setattr("path", py.None())?;
        class.setattr("help", py.None())
    })
}

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

/// Of a text at its place among those given as the argument `name`.
pub(crate) fn text_error(
    py: Python<'_>,
    name: &str,
    place: usize,
    error: &TokenizerError,
) -> PyErr {
    let help = match error {
        TokenizerError::TooLong { .. } => Some(TRUNCATE),
        other => other.help(),
    };
    let message = format!("{}: {error}", place_in(name, place));
    with_help(py, TextError::new_err::<String>, &message, None, help)
}

/// The facade's error of texts or ids that were given as the argument `name`.
pub(crate) fn in_texts(py: Python<'_>, name: &str, error: &clip_rs::Error) -> PyErr {
    use clip_rs::Error;
    let (place, reason, help) = match error {
        Error::Text { index, source } => return text_error(py, name, *index, source),
        Error::Encode(EncodeError::EmptyText { index }) => (*index, "no token".to_owned(), None),
        Error::Encode(EncodeError::TextTooLong { index, tokens, limit }) => {
            (*index, format!("{tokens} token ids, limit {limit}"), None)
        }
        Error::Encode(EncodeError::UnknownToken { index, id, vocab_size }) => (
            *index,
            format!("token id {id}; the model has 0 to {}", vocab_size - 1),
            Some("the text was split by another model's tokenizer"),
        ),
        other => return clip_error(py, other),
    };
    let message = format!("{}: {reason}", place_in(name, place));
    with_help(py, TextError::new_err::<String>, &message, None, help)
}

/// The facade's error of preprocessed images that were given as the argument `name`. Features that
/// are no numbers come from an input that holds none: a loaded model has finite weights.
pub(crate) fn in_images(py: Python<'_>, name: &str, error: &clip_rs::Error) -> PyErr {
    let clip_rs::Error::Encode(EncodeError::NotFinite { index, .. }) = error else {
        return clip_error(py, error);
    };
    let reason =
        "its features are not finite: it holds NaN, infinity, or numbers far beyond pixels";
    argument(&place_in(name, *index), reason)
}

/// `texts[3]`, or the name of an argument that is one text or one image.
fn place_in(name: &str, place: usize) -> String {
    if matches!(name, "text" | "image") { name.to_owned() } else { format!("{name}[{place}]") }
}

/// The way out of a text that is too long.
const TRUNCATE: &str = "shorten it, or let it be cut with truncate=True";

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
        Error::Resolve(ResolveError::Download(DownloadError::NotFound { .. })) => {
            with_help(py, PyFileNotFoundError::new_err::<String>, &message, None, help)
        }
        Error::Resolve(ResolveError::Download(_)) => {
            with_help(py, PyOSError::new_err::<String>, &message, None, help)
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
    use clip_image::ImageError::{Jpeg, OutputTooLarge, TooManyPixels};
    use clip_image::jpeg::JpegError;
    use clip_rs::Error;
    match error {
        Error::Image {
            source:
                TooManyPixels { .. } | OutputTooLarge { .. } | Jpeg(JpegError::TooManyPixels { .. }),
            ..
        } => Some("if it is to be trusted, raise the limit, `max_pixels`".to_owned()),
        Error::Text { source: TokenizerError::TooLong { .. }, .. }
        | Error::Label { source: TokenizerError::TooLong { .. }, .. } => Some(TRUNCATE.to_owned()),
        Error::Resolve(ResolveError::Unknown(_)) => {
            let ours = "`clip_rs.compat.openai.available_models()`";
            error.help().map(|help| help.replace("`clip-rs models`", ours))
        }
        Error::Resolve(ResolveError::NotHere { .. }) => Some(
            "clip_rs.load(..., allow_download=True) fetches them, or give the path of a file"
                .to_owned(),
        ),
        Error::Resolve(ResolveError::Download(DownloadError::Connection { .. })) => Some(
            "load it again: what was fetched is kept and the download goes on from there; \
             mirror=\"https://…\" names another server, and a file that was fetched elsewhere is \
             loaded by its path"
                .to_owned(),
        ),
        Error::NoLabels => Some("labels: give one at least".to_owned()),
        Error::TextsRefused { .. } => Some(
            "only CLIP's own tokenizer is built in; images, and token ids, can be encoded"
                .to_owned(),
        ),
        _ => error.help(),
    }
}
