//! Files over HTTP: resumed after a cut, checked by SHA-256 over the whole or by what they are, renamed into place only
//! when they are right. One process at a time fetches a file; others wait and find it there.
//!
//! Parts are joined under one strong tag (`ETag`), or where the digest of the whole is known beforehand; else a download
//! that was cut begins anew.
//!
//! TLS is rustls with `ring`, which is compiled with the C compiler that a Rust toolchain links with
//! (no cmake, nasm, libclang or system library). Pure-Rust providers were weighed: the one that covers
//! all platforms is marked alpha by its authors. Without the feature `download` nothing of it is built.

mod address;
mod answer;
mod transfer;

pub use address::without_password;

use crate::sha256::sha256_of_file;
use clip_files::Lock;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;
use transfer::Transfer;

/// What is to be fetched, and to where.
#[derive(Clone, Copy)]
pub struct Download<'a> {
    /// The address.
    pub url: &'a str,
    /// Where the file is to lie; what is there so far lies beside it, with `.part` behind its name.
    pub target: &'a Path,
    /// The digest it must have, 64 hexadecimal digits, where it is known beforehand.
    pub sha256: Option<&'a str>,
    /// What else the file must be, asked where no digest is known: `Err` says what it is instead.
    pub check: Option<Check<'a>>,
    /// Longest file accepted, in bytes.
    pub limit: u64,
    /// How often in a row an attempt may fail without a byte of progress.
    pub attempts: u32,
    /// Wait after the first failure; doubled after each further one.
    pub backoff: Duration,
    /// Told of every piece.
    pub progress: Option<&'a (dyn Fn(Progress<'_>) + Sync)>,
}

/// Looks at a file that came; `Err` says what is wrong with it.
pub type Check<'a> = &'a (dyn Fn(&Path) -> Result<(), String> + Sync);

/// How far a download is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress<'a> {
    /// Name of the file.
    pub file: &'a str,
    /// Bytes that are there.
    pub done: u64,
    /// Bytes there will be, where the server says so.
    pub total: Option<u64>,
}

/// Why a file could not be fetched.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DownloadError {
    /// The server has no such file.
    #[error("{url}: not found")]
    NotFound {
        /// The address.
        url: String,
    },
    /// The server refused or failed.
    #[error("{url}: the server answered {status}")]
    Status {
        /// The address.
        url: String,
        /// The HTTP status.
        status: u16,
    },
    /// The connection failed as often as was allowed.
    #[error("{url}: {problem}, {attempts} attempts")]
    Connection {
        /// The address.
        url: String,
        /// What happened last.
        problem: String,
        /// Attempts in a row without progress.
        attempts: u32,
    },
    /// The server sends something that does not fit what was asked for.
    #[error("{url}: {problem}")]
    Protocol {
        /// The address.
        url: String,
        /// What did not fit.
        problem: String,
    },
    /// The file is not the one expected. What was fetched has been deleted.
    #[error("{url}: SHA-256 is {found}, expected {expected}")]
    WrongDigest {
        /// The address.
        url: String,
        /// The digest of what came.
        found: String,
        /// The digest it should have.
        expected: String,
    },
    /// What came is no file of the kind expected. It has been deleted.
    #[error("{url}: the server sends {problem}")]
    NotTheFile {
        /// The address.
        url: String,
        /// What it is instead.
        problem: String,
    },
    /// The server asks to come back much later.
    #[error("{url}: the server asks to come back in {seconds} seconds")]
    Later {
        /// The address.
        url: String,
        /// How long it asks to wait.
        seconds: u64,
    },
    /// A file on this machine could not be written.
    #[error("{}: cannot write", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl DownloadError {
    /// The way out.
    pub fn help(&self) -> Option<&'static str> {
        match self {
            Self::NotFound { .. } => {
                Some("check the name; a mirror must have the same paths as the original")
            }
            Self::Status { status: 401 | 403, .. } => Some(
                "check the name: a repository that is not there is answered so, and one that is private or gated; with \
                 the rights to it, fetch it with `hf download`: its cache folder is used as it is",
            ),
            Self::Connection { .. } => Some(
                "run it again: what was fetched is kept and the download goes on from there; `--mirror URL` names another \
                 server, and a file that was fetched elsewhere is read by its path: `--model FILE`",
            ),
            Self::Status { .. } | Self::Later { .. } => {
                Some("run it again: what was fetched is kept and the download goes on from there")
            }
            Self::WrongDigest { .. } => {
                Some("run it again; if it persists, the server has another file")
            }
            Self::NotTheFile { .. } => {
                Some("run it again; if it persists, the server or a proxy has another file")
            }
            Self::Protocol { .. } | Self::Write { .. } => None,
        }
    }
}

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

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}
