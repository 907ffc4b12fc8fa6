//! Why training cannot go on.

use crate::distributed::CollectiveError;
use clip_kernels::DeviceError;
use clip_model::{CheckpointError, EncodeError};

/// Why a step, or training at all, is not possible.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TrainError {
    /// A batch without pairs.
    #[error("the batch is empty")]
    EmptyBatch,
    /// A batch whose lists are not of one length.
    #[error("the batch has {samples} samples, {keys} keys and {texts} texts")]
    UnevenBatch {
        /// Numbers of samples.
        samples: usize,
        /// Their keys.
        keys: usize,
        /// Their texts.
        texts: usize,
    },
    /// Pixels that are not those of all samples.
    #[error("the batch has {found} values of pixels, expected {expected}")]
    WrongPixels {
        /// Values given.
        found: usize,
        /// Samples x 3 x resolution x resolution.
        expected: usize,
    },
    /// Ranks with batches of different sizes.
    #[error("rank {rank} has {found} pairs, rank 0 has {expected}: give every rank as many")]
    UnequalRanks {
        /// The rank that differs.
        rank: usize,
        /// Its pairs.
        found: u64,
        /// Those of rank 0.
        expected: u64,
    },
    /// Options that cannot be.
    #[error("{option}: {reason}")]
    Option {
        /// Its name.
        option: &'static str,
        /// What is wrong, and what would be right.
        reason: String,
    },
    /// A state that does not belong to this trainer.
    #[error("saved state: {reason}")]
    State {
        /// What is missing or does not fit.
        reason: String,
    },
    /// Features that are kept lack a sample whose pixels are not there.
    #[error("{key}: its features are not kept, and its pixels were not given")]
    NotKept {
        /// The sample.
        key: String,
    },
    /// Something is wrong with a batch's pixels or texts.
    #[error(transparent)]
    Encode(#[from] EncodeError),
    /// The device cannot compute it.
    #[error(transparent)]
    Device(#[from] DeviceError),
    /// A state dict that does not fit.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// The ranks lost each other.
    #[error(transparent)]
    Collective(#[from] CollectiveError),
    /// A file could not be read or written.
    #[error("{}: {source}", path.display())]
    File {
        /// The file.
        path: std::path::PathBuf,
        /// Why.
        source: std::io::Error,
    },
}
