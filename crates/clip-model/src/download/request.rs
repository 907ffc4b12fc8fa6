//! What is asked for.

use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

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
    /// Ends the download once it is set; what came is kept for the next time.
    pub stop: Option<&'a AtomicBool>,
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
