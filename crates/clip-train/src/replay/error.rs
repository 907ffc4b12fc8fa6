//! Why references cannot be replayed.

use crate::error::TrainError;
use clip_model::CheckpointError;
use std::path::PathBuf;

/// Why references cannot be replayed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReplayError {
    /// No `CASE.json` in the folder.
    #[error("{}: no CASE.json of a training reference in it", path.display())]
    NoCases {
        /// The folder.
        path: PathBuf,
    },
    /// A file that belongs to a case is not there.
    #[error("{}: is missing", path.display())]
    Missing {
        /// The file.
        path: PathBuf,
    },
    /// A case that is not whole.
    #[error("{}: {reason}", path.display())]
    Case {
        /// `CASE.json`.
        path: PathBuf,
        /// What is missing or wrong.
        reason: String,
    },
    /// A file cannot be read.
    #[error("{}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Tensors that cannot be read, or do not fit the case.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// Training failed.
    #[error(transparent)]
    Train(#[from] TrainError),
}
