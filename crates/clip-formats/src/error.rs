//! Why a file is not what it should be.

use std::path::{Path, PathBuf};

/// Why a file cannot be read as its format; whoever asked says what that means for them.
#[derive(Debug, thiserror::Error)]
pub enum FormatError {
    /// The file could not be opened or read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file is broken, lies about its sizes, or holds what is not read.
    #[error("{}: {}", path.display(), placed(place, problem))]
    Malformed {
        /// The file.
        path: PathBuf,
        /// Where in the file: an entry, a tensor, a byte offset; empty where `problem` says it.
        place: String,
        /// What was found and what is allowed.
        problem: String,
    },
    /// A pickle names or calls what runs code.
    #[error("{}: refused `{callable}`; nothing was executed", path.display())]
    Forbidden {
        /// The file.
        path: PathBuf,
        /// The callable or opcode.
        callable: String,
    },
    /// A declared quantity is beyond its limit.
    #[error("{}: {what} is {claimed}, limit {limit}", path.display())]
    Limit {
        /// The file.
        path: PathBuf,
        /// The quantity and its unit.
        what: String,
        /// What the file claims.
        claimed: u64,
        /// What is allowed.
        limit: u64,
    },
}

impl FormatError {
    /// [`FormatError::Malformed`] where the problem says the place.
    pub fn malformed(path: impl Into<PathBuf>, problem: impl Into<String>) -> Self {
        Self::Malformed { path: path.into(), place: String::new(), problem: problem.into() }
    }

    /// [`FormatError::Malformed`].
    pub fn malformed_at(path: &Path, place: impl Into<String>, problem: impl Into<String>) -> Self {
        Self::Malformed { path: path.to_path_buf(), place: place.into(), problem: problem.into() }
    }

    /// [`FormatError::Read`] for `map_err`.
    pub fn read(path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::Read { path, source }
    }
}

/// `place: problem`, or the problem alone.
fn placed(place: &str, problem: &str) -> String {
    if place.is_empty() { problem.to_owned() } else { format!("{place}: {problem}") }
}

/// Text from a file as it is shown to people: escaped, and cut after 200 characters.
pub fn shown(text: &str) -> String {
    const LONGEST: usize = 200;
    let mut shown: String = text.chars().take(LONGEST).flat_map(char::escape_debug).collect();
    if text.chars().nth(LONGEST).is_some() {
        shown.push('…');
    }
    shown
}
