//! Files as shared bytes, mapped rather than read: a 350 MB checkpoint opens in a millisecond and
//! its pages are loaded by the threads that widen them.

#![allow(unsafe_code, reason = "mapping a file is unsafe in Rust; it happens in `map` and nowhere else")]

use crate::error::CheckpointError;
use crate::tensor::SharedBytes;
use std::fs::File;
use std::path::Path;

/// Maps a regular file for reading.
///
/// # Errors
/// [`CheckpointError::NotACheckpoint`] for folders, pipes, devices and empty files (looked at
/// before opening, so that a pipe cannot make this wait); [`CheckpointError::Read`] otherwise.
pub(crate) fn map(path: &Path) -> Result<SharedBytes, CheckpointError> {
    let read = |source| CheckpointError::Read { path: path.to_path_buf(), source };
    let not =
        |found: &str| CheckpointError::NotACheckpoint { path: path.to_path_buf(), found: found.to_owned() };
    let metadata = std::fs::metadata(path).map_err(read)?;
    if metadata.is_dir() {
        return Err(not("a folder"));
    }
    if !metadata.is_file() {
        return Err(not("neither a file nor a folder"));
    }
    if metadata.len() == 0 {
        return Err(not("an empty file"));
    }
    let file = File::open(path).map_err(read)?;
    if !file.metadata().map_err(read)?.is_file() {
        return Err(not("neither a file nor a folder"));
    }
    // SAFETY: the map is private and read-only, and its bytes are only ever copied out as plain
    // numbers or parsed with checked indices, so a writer that changes the file while it is in use
    // can give wrong numbers but no invalid values. A file that is cut short meanwhile ends the
    // process with SIGBUS, as in every program that maps files; ours are replaced by rename, never
    // rewritten in place.
    let map = unsafe { memmap2::Mmap::map(&file) }.map_err(read)?;
    Ok(SharedBytes::new(map))
}
