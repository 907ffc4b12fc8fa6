//! Files over HTTP: resumed after a cut, checked by SHA-256 over the whole or by what they are,
//! renamed into place only when they are right. One process at a time fetches a file; others wait
//! and find it there.
//!
//! Parts are joined under one strong tag (`ETag`), or where the digest of the whole is known
//! beforehand; else a download that was cut begins anew.
//!
//! TLS is rustls with `ring`, which is compiled with the C compiler that a Rust toolchain links
//! with (no cmake, nasm, libclang or system library). Pure-Rust providers were weighed: the one
//! that covers all platforms is marked alpha by its authors. Without the feature `download` nothing
//! of it is built.

mod address;
mod answer;
mod error;
mod request;
mod transfer;

pub use address::without_password;
pub use error::DownloadError;
pub use request::{Check, Download, Progress};

use crate::sha256::sha256_of_file;
use clip_files::Lock;
use std::path::{Path, PathBuf};
use std::time::Duration;
use transfer::Transfer;

/// How often another process's lock is looked at.
const LOCK_INTERVAL: Duration = Duration::from_millis(100);

/// Fetches the file, unless it is already where it should be and right.
///
/// # Errors
/// [`DownloadError`]. What was fetched stays beside the target for the next time, except after a
/// wrong digest or check.
pub fn fetch(download: &Download<'_>) -> Result<(), DownloadError> {
    if let Some(folder) = download.target.parent() {
        let failed = |source| DownloadError::Write { path: folder.to_path_buf(), source };
        std::fs::create_dir_all(folder).map_err(failed)?;
    }
    under_lock(&lock_of(download.target), || match is_here(download) {
        true => Ok(()),
        false => Transfer::open(download)?.run(),
    })
}

/// Does something while no other process does it, waiting for one that does.
pub(crate) fn under_lock<T>(
    path: &Path,
    work: impl FnOnce() -> Result<T, DownloadError>,
) -> Result<T, DownloadError> {
    let failed = |source| DownloadError::Write { path: path.to_path_buf(), source };
    let lock = loop {
        match Lock::try_new(path).map_err(failed)? {
            Some(lock) => break lock,
            None => std::thread::sleep(LOCK_INTERVAL),
        }
    };
    let outcome = work();
    drop(std::fs::remove_file(path)); // by its holder, so nobody else can be holding another of the same name
    drop(lock);
    outcome
}

/// A hidden file beside the target.
fn lock_of(target: &Path) -> PathBuf {
    let mut name = std::ffi::OsString::from(".");
    name.push(target.file_name().unwrap_or_default());
    name.push(".lock");
    target.with_file_name(name)
}

/// Whether an earlier download, or another process's meanwhile, has put the right file there.
fn is_here(download: &Download<'_>) -> bool {
    download.target.is_file()
        && match (download.sha256, download.check) {
            (Some(expected), _) => sha256_of_file(download.target)
                .is_ok_and(|found| found.eq_ignore_ascii_case(expected)),
            (None, Some(check)) => check(download.target).is_ok(),
            (None, None) => true,
        }
}
