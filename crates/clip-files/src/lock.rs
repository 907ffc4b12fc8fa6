//! One writer at a time.

use std::fs::{File, TryLockError};
use std::io;
use std::path::Path;

/// A lock on a file of its own, held until this is dropped or the process ends, however it ends.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

impl Lock {
    /// Takes the lock, or gives `None` where another process or another part of this one holds it. The file at `path`
    /// is made if it is not there, and stays: removing it would let two processes lock two files of one name.
    ///
    /// # Errors
    /// The file cannot be made, or the file system has no locks.
    pub fn try_new(path: &Path) -> io::Result<Option<Lock>> {
        let file = File::options().read(true).write(true).create(true).truncate(false).open(path)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Lock { _file: file })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    /// Takes the lock, waiting for whoever holds it.
    ///
    /// # Errors
    /// As [`Lock::try_new`].
    pub fn wait(path: &Path) -> io::Result<Lock> {
        let file = File::options().read(true).write(true).create(true).truncate(false).open(path)?;
        file.lock()?;
        Ok(Lock { _file: file })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn second_taker_gets_none_until_the_first_is_gone() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("lock");
        let first = Lock::try_new(&path).expect("made").expect("free");
        assert!(Lock::try_new(&path).expect("asked").is_none());
        drop(first);
        assert!(Lock::try_new(&path).expect("asked").is_some());
    }
}
