//! Training against references that PyTorch made in f64 (`golden/training`).
//!
//! A folder holds `CASE.json` and its tensors; weights and batches follow from formulas, so folders
//! of other sizes and seeds are replayed just as well.

mod case;
mod compare;
mod formula;
mod report;
mod run;
mod variants;

pub use report::{CaseReport, WorstTensor};

use crate::error::TrainError;
use case::Case;
use clip_kernels::Train;
use clip_model::CheckpointError;
use run::Run;
use std::path::{Path, PathBuf};

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

/// Replays every case of a folder, or the case of one `CASE.json`, in f32: the steps, and every
/// variant.
///
/// # Errors
/// [`ReplayError`], which names what is missing. Differences are no errors: see
/// [`CaseReport::ok`].
///
/// Source: `golden/training/README.md`, which has the tolerances.
pub fn replay<D: Train + Clone>(path: &Path, device: &D) -> Result<Vec<CaseReport>, ReplayError> {
    let failed = |source| ReplayError::File { path: path.to_owned(), source };
    if path.is_file() {
        return Ok(vec![replay_case(path, device)?]);
    }
    let mut cases = Vec::new();
    for entry in std::fs::read_dir(path).map_err(failed)? {
        let file = entry.map_err(failed)?.path();
        if file.extension().is_some_and(|extension| extension == "json") {
            cases.push(file);
        }
    }
    cases.sort();
    if let Some(path) = without_case(path).map_err(failed)? {
        return Err(ReplayError::Missing { path });
    }
    if cases.is_empty() {
        return Err(ReplayError::NoCases { path: path.to_owned() });
    }
    cases.iter().map(|case| replay_case(case, device)).collect()
}

fn replay_case<D: Train + Clone>(path: &Path, device: &D) -> Result<CaseReport, ReplayError> {
    let case = Case::read(path)?;
    let initial = case::tensors(path, "initial")?;
    Run::new(path, &case, device, initial)?.report()
}

/// A `CASE.json` whose tensors are there without it.
fn without_case(folder: &Path) -> std::io::Result<Option<PathBuf>> {
    for entry in std::fs::read_dir(folder)? {
        let file = entry?.path();
        let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        for kind in ["_initial", "_step0_grads", "_final", "_arrays"] {
            let case = name.strip_suffix(&format!("{kind}.safetensors"));
            if let Some(case) = case.map(|case| folder.join(format!("{case}.json")))
                && !case.exists()
            {
                return Ok(Some(case));
            }
        }
    }
    Ok(None)
}
