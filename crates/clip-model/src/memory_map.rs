//! Files as shared bytes, mapped rather than read: a 350 MB checkpoint opens in a millisecond and
//! its pages are loaded by the threads that pack them, and leave memory again behind them.

#![allow(
    unsafe_code,
    reason = "mapping a file is unsafe in Rust, and so is giving pages back; both happen here alone"
)]

use crate::error::CheckpointError;
use crate::tensor::{SharedBytes, Storage};
use memmap2::Mmap;
use std::io::ErrorKind;
use std::ops::Range;
use std::path::Path;

/// Maps a regular file for reading.
///
/// # Errors
/// [`CheckpointError::NotACheckpoint`] for folders, pipes, devices and empty files (looked at
/// before opening, so that a pipe cannot make this wait); [`CheckpointError::Read`] otherwise.
pub fn map(path: &Path) -> Result<SharedBytes, CheckpointError> {
    let read = |source| CheckpointError::Read { path: path.to_path_buf(), source };
    let not = |found: &str| CheckpointError::NotACheckpoint {
        path: path.to_path_buf(),
        found: found.to_owned(),
    };
    let file = clip_files::open(path, u64::MAX).map_err(|error| match error.kind() {
        ErrorKind::IsADirectory | ErrorKind::InvalidInput => not(&error.to_string()),
        _ => read(error),
    })?;
    if file.metadata().map_err(read)?.len() == 0 {
        return Err(not("an empty file"));
    }
    // SAFETY: the map is private and read-only, and its bytes are only ever copied out as plain
    // numbers or parsed with checked indices, so a writer that changes the file while it is in use
    // can give wrong numbers but no invalid values. A file that is cut short meanwhile ends the
    // process with SIGBUS, as in every program that maps files; ours are replaced by rename, never
    // rewritten in place.
    let map = unsafe { Mmap::map(&file) }.map_err(read)?;
    Ok(SharedBytes::of(MappedFile(map)))
}

struct MappedFile(Mmap);

impl Storage for MappedFile {
    fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// Only advice: where the system does not take it, nothing changes.
    #[cfg(unix)]
    fn release(&self, range: Range<usize>) {
        use memmap2::UncheckedAdvice::DontNeed;
        // SAFETY: this advice is unchecked because it discards what was written to a map. The map is
        // of a file and read-only, so nothing can have been written: whoever reads these pages
        // again, also meanwhile in another thread, gets them from the file again.
        let _ = unsafe { self.0.unchecked_advise_range(DontNeed, range.start, range.len()) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_given_back_are_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bytes");
        let bytes: Vec<u8> = (0..100_000_u32).flat_map(u32::to_le_bytes).collect();
        std::fs::write(&path, &bytes).unwrap();
        let mapped = map(&path).unwrap();
        for (start, length) in [(0, bytes.len()), (5, 70_000), (399_999, 1), (400_000, 9), (7, 0)] {
            assert_eq!(mapped.as_slice(), bytes);
            mapped.release(start, length);
        }
        assert_eq!(mapped.slice(4, 8).unwrap().as_slice(), &bytes[4..12]);
    }
}
