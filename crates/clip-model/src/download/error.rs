//! Why a file could not be fetched.

use std::io;
use std::path::PathBuf;

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
    /// It was told to stop.
    #[error("{url}: stopped")]
    Stopped {
        /// The address.
        url: String,
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
            Self::Status { .. } | Self::Later { .. } | Self::Stopped { .. } => {
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
