//! The safetensors format (PROTOCOL 5.5): an own reader and writer.
//!
//! Own, because the format is 8 bytes, one JSON object and the data, and because two rules go
//! beyond the usual crate: duplicate names are refused as such, and nothing is allocated that the
//! file does not hold.

mod header;
mod write;

pub use write::{WriteTensor, write};

use crate::error::CheckpointError;
use crate::memory_map;
use crate::tensor::{SharedBytes, Tensor};
use std::collections::BTreeMap;
use std::path::Path;

/// The content of one file.
#[derive(Debug, Clone)]
pub struct Safetensors {
    /// The tensors by name, as views into the file.
    pub tensors: BTreeMap<String, Tensor>,
    /// `__metadata__`.
    pub metadata: BTreeMap<String, String>,
}

/// Maps a file and reads its header.
///
/// # Errors
/// [`CheckpointError`] naming the file and what is wrong in it.
pub fn open(path: &Path) -> Result<Safetensors, CheckpointError> {
    parse(path, memory_map::map(path)?)
}

/// Reads a file that is already in memory; `path` is only for messages.
///
/// # Errors
/// As [`open`].
pub fn parse(path: &Path, bytes: SharedBytes) -> Result<Safetensors, CheckpointError> {
    header::parse(path, bytes)
}
