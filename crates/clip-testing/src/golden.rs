//! Data that a clone does not hold: outputs of the Python reference, and data sets.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::skipped;

/// A file or folder of the golden data, or `None` and a line that says what is skipped for want of
/// it. The data lie in `CLIP_RS_GOLDEN`, else in `../shared/golden` beside the clone;
/// `tests/reference/golden.py` makes them.
pub fn golden(path: &str) -> Option<PathBuf> {
    beside("CLIP_RS_GOLDEN", "golden", path)
}

/// A data set in `CLIP_RS_DATA`, else in `../shared/data` beside the clone, or `None` and a line
/// that says what is skipped for want of it.
pub fn data(path: &str) -> Option<PathBuf> {
    beside("CLIP_RS_DATA", "data", path)
}

fn beside(variable: &str, kind: &str, path: &str) -> Option<PathBuf> {
    let folder = std::env::var_os(variable).map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared").join(kind),
        PathBuf::from,
    );
    let found = folder.join(path);
    if found.exists() {
        return Some(found);
    }
    skipped(&format!("{kind} data {path} is not there"));
    None
}

/// A file of JSON.
pub fn read_json(path: impl AsRef<Path>) -> Value {
    let path = path.as_ref();
    let read = std::fs::read(path).map_err(|error| error.to_string());
    read.and_then(|bytes| serde_json::from_slice(&bytes).map_err(|error| error.to_string()))
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
