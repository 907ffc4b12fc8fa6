//! A file read piece by piece, from any thread.

use std::fs::File;
use std::io::{Error, ErrorKind, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use crate::error::FormatError;

/// Bytes that a packed file may have: twice those of PatchCamelyon's training part.
const UNPACKED_LIMIT: u64 = 16 << 30;

/// An open file and its length when it was opened.
#[derive(Debug)]
pub struct FileBytes {
    path: PathBuf,
    file: Mutex<File>,
    length: u64,
}

impl FileBytes {
    /// Opens `path`.
    ///
    /// # Errors
    /// It cannot be opened.
    pub fn open(path: impl Into<PathBuf>) -> Result<FileBytes, FormatError> {
        let path = path.into();
        let file = clip_files::open(&path, u64::MAX).map_err(FormatError::read(&path))?;
        let length = file.metadata().map_err(FormatError::read(&path))?.len();
        Ok(FileBytes { path, file: Mutex::new(file), length })
    }

    /// Opens a gzip file: what it holds goes to a file without a name, beside it or in the system's
    /// folder for such files, which is gone with this.
    ///
    /// # Errors
    /// It cannot be read or unpacked, holds more than 16 GiB, or there is no room.
    pub fn unpacked(path: impl Into<PathBuf>) -> Result<FileBytes, FormatError> {
        let path = path.into();
        let packed = clip_files::open(&path, u64::MAX).map_err(FormatError::read(&path))?;
        let beside = path.parent().ok_or_else(|| Error::from(ErrorKind::NotFound));
        let mut file = beside
            .and_then(tempfile::tempfile_in)
            .or_else(|_| tempfile::tempfile())
            .map_err(FormatError::read(&path))?;
        let mut bytes = flate2::read::MultiGzDecoder::new(packed).take(UNPACKED_LIMIT);
        let length = std::io::copy(&mut bytes, &mut file).map_err(FormatError::read(&path))?;
        if length == UNPACKED_LIMIT {
            return Err(FormatError::malformed(
                &path,
                format!("holds {UNPACKED_LIMIT} bytes or more, the limit"),
            ));
        }
        Ok(FileBytes { path, file: Mutex::new(file), length })
    }

    /// Where it lies.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its length in bytes.
    pub fn len(&self) -> u64 {
        self.length
    }

    /// Whether it has no bytes.
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// `count` bytes from `start` on.
    ///
    /// # Errors
    /// The file ends before, or cannot be read.
    pub fn read(&self, start: u64, count: u64) -> Result<Vec<u8>, FormatError> {
        let end = start.checked_add(count).filter(|&end| end <= self.length);
        if end.is_none() {
            let reason =
                format!("{count} bytes at {start} are wanted, the file has {}", self.length);
            return Err(FormatError::malformed(&self.path, reason));
        }
        let mut bytes = vec![0; count as usize];
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        let read = file.seek(SeekFrom::Start(start)).and_then(|_| file.read_exact(&mut bytes));
        read.map_err(FormatError::read(&self.path))?;
        Ok(bytes)
    }
}
