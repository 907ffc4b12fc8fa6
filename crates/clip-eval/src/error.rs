//! What can go wrong between a data set and a result.

use std::path::{Path, PathBuf};

/// What most of this crate returns.
pub(crate) type Result<T, E = EvalError> = std::result::Result<T, E>;

/// Errors of this crate.
#[derive(Debug, thiserror::Error)]
pub enum EvalError {
    /// The model or an image.
    #[error(transparent)]
    Clip(#[from] clip_rs::Error),
    /// The data set.
    #[error(transparent)]
    Data(#[from] clip_data::DataError),
    /// Products of features.
    #[error(transparent)]
    Device(#[from] clip_kernels::DeviceError),
    /// A choice that no task could obey.
    #[error(transparent)]
    Option(#[from] crate::options::OutOfRange),
    /// A file cannot be read or written.
    #[error("{path}: {source}")]
    Io {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file of results, features or settings is not what it should be.
    #[error("{path}: {reason}")]
    Result {
        /// Which.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The task cannot be done on this data set.
    #[error("{task} on {dataset}: {reason}")]
    Task {
        /// What was asked.
        task: String,
        /// Of what.
        dataset: String,
        /// Why not, and the way out.
        reason: String,
    },
    /// Whoever heard of the steps ended the work.
    #[error("interrupted; what was computed is kept")]
    Interrupted,
}

impl EvalError {
    /// Whether the data set is not where it was looked for.
    pub fn is_not_found(&self) -> bool {
        matches!(self, EvalError::Data(clip_data::DataError::NotFound { .. }))
    }

    /// [`EvalError::Io`] for `map_err`.
    pub fn io(path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> EvalError {
        let path = path.into();
        move |source| EvalError::Io { path, source }
    }

    /// [`EvalError::Result`] with the reason another library gives.
    pub fn result(path: &Path, reason: impl std::fmt::Display) -> EvalError {
        EvalError::Result { path: path.to_owned(), reason: reason.to_string() }
    }

    /// [`EvalError::Task`] in few words.
    pub fn task(task: &str, dataset: &str, reason: impl Into<String>) -> EvalError {
        EvalError::Task {
            task: task.to_owned(),
            dataset: dataset.to_owned(),
            reason: reason.into(),
        }
    }
}
