//! Why there is no batch; each message names the file, the reason, the limit and the way out.

use std::path::PathBuf;

use clip_formats::FormatError;

use super::ledger::BadSample;

/// Errors of the data.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DataError {
    /// A choice out of its range.
    #[error("data.{key} {reason}")]
    Options {
        /// The key.
        key: &'static str,
        /// What was found and what is allowed.
        reason: String,
    },
    /// The text that names the source leads nowhere.
    #[error("data.source `{source_text}`: {reason}")]
    Source {
        /// As it was given.
        source_text: String,
        /// What is wrong.
        reason: String,
    },
    /// A file that has to be there cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The file or folder.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// A file whose form leaves no samples to use.
    #[error("{}: {reason}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What was found, and the way out.
        reason: String,
    },
    /// More samples in a batch than an epoch has.
    #[error(
        "an epoch has {samples} samples, a batch {batch}: take a smaller batch, or weights above 1"
    )]
    BatchTooLarge {
        /// Usable samples times their weights.
        samples: u64,
        /// Over all ranks.
        batch: u64,
    },
    /// A batch that cannot be shared out.
    #[error("a batch of {batch} cannot be shared by {ranks} ranks: take a multiple of {ranks}")]
    UnevenBatch {
        /// Over all ranks.
        batch: u64,
        /// Their number.
        ranks: u64,
    },
    /// Too many samples are unusable.
    #[error(
        "{bad} of {samples} samples cannot be used, limit {limit} (max_bad); the first: {first}"
    )]
    TooManyBad {
        /// Different ones.
        bad: u64,
        /// The most that are allowed.
        limit: u64,
        /// All there are.
        samples: u64,
        /// The first of them.
        first: BadSample,
    },
    /// A caption is too long, and that ends the run.
    #[error("{0}; `long_captions` skips or truncates such captions instead")]
    LongCaption(BadSample),
    /// A slot of a batch that no sample could fill.
    #[error(
        "epoch {epoch}, batch {batch}: none of the samples tried in the place of {sample} can be used"
    )]
    NoReplacement {
        /// Of the batch.
        epoch: u64,
        /// Within the epoch.
        batch: u64,
        /// The first that was tried.
        sample: BadSample,
    },
    /// A state of other data.
    #[error("{what}: {is} now, {was} when the state was saved: it cannot go on with other data")]
    Changed {
        /// What differs.
        what: &'static str,
        /// In the state.
        was: u64,
        /// Now.
        is: u64,
    },
    /// A thread that decodes has ended.
    #[error("a thread that makes batches panicked; its message stands above")]
    Worker,
    /// The ledger of unusable samples cannot be written.
    #[error("cannot write {}: {source}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
}

impl DataError {
    /// [`DataError::Malformed`].
    pub(super) fn malformed(path: impl Into<PathBuf>, reason: impl Into<String>) -> Self {
        Self::Malformed { path: path.into(), reason: reason.into() }
    }

    /// [`DataError::Read`] for `map_err`.
    pub(super) fn read(path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::Read { path, source }
    }
}

impl From<FormatError> for DataError {
    fn from(error: FormatError) -> Self {
        match error {
            FormatError::Read { path, source } => Self::Read { path, source },
            FormatError::Malformed { path, place, problem } => {
                let gap = if place.is_empty() { "" } else { ": " };
                Self::Malformed { path, reason: format!("{place}{gap}{problem}") }
            }
            other => Self::Malformed { path: PathBuf::new(), reason: other.to_string() },
        }
    }
}
