//! Why a run ended before its end.

use std::path::PathBuf;

use crate::checkpoint::SaveError;
use crate::data::DataError;
use crate::{NotFinite, TrainError};

/// Why a run ended before its end.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// A step.
    #[error(transparent)]
    Train(#[from] TrainError),
    /// The data.
    #[error(transparent)]
    Data(#[from] DataError),
    /// A checkpoint.
    #[error(transparent)]
    Save(#[from] SaveError),
    /// A measurement.
    #[error(transparent)]
    Evaluation(#[from] clip_eval::EvalError),
    /// How the model sees pictures.
    #[error(transparent)]
    Clip(#[from] clip_rs::Error),
    /// A file of the run.
    #[error("{}: {source}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Too many steps in a row whose values were not finite.
    #[error(
        "{steps} steps in a row were skipped, because {reason} is not finite; the keys of the last \
         batch are in {}, the weights before it in {}", dump.display(), saved.display()
    )]
    NotFinite {
        /// How many.
        steps: u64,
        /// What, in the last of them.
        reason: NotFinite,
        /// Where the keys of its samples are.
        dump: PathBuf,
        /// The checkpoint.
        saved: PathBuf,
    },
}
