//! Why a data set cannot be read; each message names the file, the reason and the way out.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use clip_formats::FormatError;

/// Errors of this crate.
#[derive(Debug, thiserror::Error)]
pub enum DataError {
    /// No entry of that name in the catalogue.
    #[error(
        "no data set called `{name}`; `clip-rs datasets list` prints them, and your own are folder:PATH, csv:PATH or \
         webdataset:PATH"
    )]
    UnknownDataset {
        /// As it was given.
        name: String,
    },
    /// The data set has no such split.
    #[error("{dataset} has no split `{split}`; it has {known}")]
    UnknownSplit {
        /// Id of the data set.
        dataset: String,
        /// As it was given.
        split: String,
        /// The splits there are.
        known: String,
    },
    /// None of the places looked at holds the data set.
    #[error("{dataset} is not in {}: looked for `{marker}` there and in its folders; {hint}", here(.root))]
    NotFound {
        /// Id of the data set.
        dataset: String,
        /// Where was looked.
        root: PathBuf,
        /// The file or folder that would show it.
        marker: String,
        /// What to fetch and where to put it.
        hint: String,
    },
    /// A file that has to be there cannot be read.
    #[error("cannot read {path}: {source}")]
    Read {
        /// The file or folder.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// A file says something its format does not allow.
    #[error(transparent)]
    Format(FormatError),
    /// A class on disk that the prompt file does not have, or the other way round.
    #[error("{path}: class `{class}` is not one of {dataset}'s {count} classes")]
    UnknownClass {
        /// Id of the data set.
        dataset: String,
        /// Where it was met.
        path: PathBuf,
        /// As it is written there.
        class: String,
        /// How many classes there are.
        count: usize,
    },
    /// A prompt file that cannot be used.
    #[error("prompts of {dataset}: {reason}")]
    Prompts {
        /// Id of the data set.
        dataset: String,
        /// What is wrong.
        reason: String,
    },
    /// A program that has to be there is not, or it failed.
    #[error("{program}: {reason}")]
    Program {
        /// Name of the program.
        program: String,
        /// What happened, and the way out.
        reason: String,
    },
    /// An image that the protocol cuts before preprocessing cannot be decoded.
    #[error("{path}: {source}")]
    Image {
        /// The image file.
        path: String,
        /// What the decoder says.
        source: clip_image::ImageError,
    },
}

/// A folder that is named by nothing is the one the program runs in.
fn here(root: &Path) -> Cow<'_, str> {
    if root.as_os_str().is_empty() {
        "this folder (no root was named)".into()
    } else {
        root.to_string_lossy()
    }
}

impl From<FormatError> for DataError {
    fn from(error: FormatError) -> DataError {
        match error {
            FormatError::Read { path, source } => DataError::Read { path, source },
            other => DataError::Format(other),
        }
    }
}

impl DataError {
    /// A file that says something its format does not allow.
    pub fn malformed(path: impl Into<PathBuf>, reason: impl Into<String>) -> DataError {
        DataError::Format(FormatError::malformed(path, reason))
    }

    /// [`DataError::Read`] for `map_err`.
    pub fn read(path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> DataError {
        let path = path.into();
        move |source| DataError::Read { path, source }
    }
}
