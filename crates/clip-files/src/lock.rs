//! One writer at a time.

use std::fs::{File, TryLockError};
use std::io;
use std::path::Path;

/// A lock on a file of its own, held until this is dropped or the process ends, however it ends.
///
/// On a file system without locks everybody gets it.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

impl Lock {
    /// Takes the lock, or gives `None` where another process or another part of this one holds it.
    /// The file at `path` is made if it is not there. Its holder alone may remove it.
    ///
    /// # Errors
    /// The file cannot be made.
    pub fn try_new(path: &Path) -> io::Result<Option<Lock>> {
        loop {
            let file = open(path)?;
            match file.try_lock() {
                Err(TryLockError::WouldBlock) => return Ok(None),
                Ok(()) | Err(TryLockError::Error(_)) if is_at(&file, path) => {
                    return Ok(Some(Lock { _file: file }));
                }
                _ => {} // removed by its holder meanwhile
            }
        }
    }

    /// Takes the lock, waiting for whoever holds it.
    ///
    /// # Errors
    /// As [`Lock::try_new`].
    pub fn wait(path: &Path) -> io::Result<Lock> {
        loop {
            let file = open(path)?;
            let _ = file.lock(); // fails where there are none
            if is_at(&file, path) {
                return Ok(Lock { _file: file });
            }
        }
    }
}

fn open(path: &Path) -> io::Result<File> {
    File::options().read(true).write(true).create(true).truncate(false).open(path)
}

/// Whether `file` is still the one at `path`.
#[cfg(unix)]
fn is_at(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let number = |metadata: std::fs::Metadata| (metadata.dev(), metadata.ino());
    let there = std::fs::metadata(path).map(number).ok();
    there.is_some() && there == file.metadata().map(number).ok()
}

/// An open file cannot be removed there.
#[cfg(not(unix))]
fn is_at(_: &File, _: &Path) -> bool {
    true
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

    #[test]
    #[cfg(unix)]
    fn lock_of_a_removed_file_is_no_lock() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("lock");
        let waiting = open(&path).expect("made");
        std::fs::remove_file(&path).expect("removed");
        assert!(!is_at(&waiting, &path));
        let _new = Lock::try_new(&path).expect("made").expect("free");
        assert!(!is_at(&waiting, &path));
    }
}
