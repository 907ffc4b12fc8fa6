//! Files over HTTP: resumed after a cut, checked by SHA-256 over the whole, renamed into place only
//! when they are right.
//!
//! TLS is rustls with `ring`, which is compiled with the C compiler that a Rust toolchain links with
//! (no cmake, nasm, libclang or system library). Pure-Rust providers were weighed: the one that covers
//! all platforms is marked alpha by its authors. Without the feature `download` nothing of it is built.

use crate::sha256;
use sha2::{Digest, Sha256};
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;
use ureq::http::{Response, StatusCode};
use ureq::{Agent, Body};

/// What is to be fetched, and to where.
#[derive(Clone, Copy)]
pub struct Download<'a> {
    /// The address.
    pub url: &'a str,
    /// Where the file is to lie; what is there so far lies beside it, with `.part` behind its name.
    pub target: &'a Path,
    /// The digest it must have, 64 hexadecimal digits, where it is known beforehand.
    pub sha256: Option<&'a str>,
    /// Longest file accepted, in bytes.
    pub limit: u64,
    /// How often in a row an attempt may fail without a byte of progress.
    pub attempts: u32,
    /// Wait after the first failure; doubled after each further one.
    pub backoff: Duration,
    /// Told of every piece.
    pub progress: Option<&'a (dyn Fn(Progress<'_>) + Sync)>,
}

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
    /// A file on this machine could not be written.
    #[error("{}: cannot write", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Another process is fetching the same file.
    #[error("{}: another process is downloading it", path.display())]
    Busy {
        /// The unfinished file.
        path: PathBuf,
    },
}

impl DownloadError {
    /// The way out.
    pub fn help(&self) -> Option<&'static str> {
        match self {
            Self::NotFound { .. } => {
                Some("check the name; a mirror must have the same paths as the original")
            }
            Self::Connection { .. } | Self::Status { .. } => {
                Some("run it again: what was fetched is kept and the download goes on from there")
            }
            Self::WrongDigest { .. } => Some("run it again; if it persists, the server has another file"),
            Self::Busy { .. } => Some("wait for it, or end that process"),
            Self::Protocol { .. } | Self::Write { .. } => None,
        }
    }
}

/// Redirects followed for one request.
const REDIRECT_LIMIT: usize = 8;

/// Fetches the file, unless it is already where it should be.
///
/// # Errors
/// [`DownloadError`]. What was fetched stays beside the target for the next time, except after a
/// wrong digest.
pub fn fetch(download: &Download<'_>) -> Result<(), DownloadError> {
    let agent: Agent = Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .user_agent(concat!("clip-rs/", env!("CARGO_PKG_VERSION")))
        // The bytes must be the file's own, or offsets and digest mean nothing.
        .accept_encoding("identity")
        .timeout_connect(Some(Duration::from_secs(30)))
        .timeout_recv_response(Some(Duration::from_secs(60)))
        .timeout_per_read(Some(Duration::from_secs(60)))
        .build()
        .into();
    Transfer::open(download, agent)?.run()
}

/// A download in progress: the unfinished file and the digest of what it holds.
struct Transfer<'a> {
    download: &'a Download<'a>,
    agent: Agent,
    part: PathBuf,
    file: File,
    hasher: Sha256,
    done: u64,
    /// Identity of the file on the server, for `If-Range`.
    etag: Option<String>,
    /// A digest the server itself announced (Hugging Face does).
    announced: Option<String>,
    resumed: bool,
}

/// What an attempt came to, other than an error.
enum Attempt {
    Complete,
    Cut(String),
}

impl<'a> Transfer<'a> {
    fn open(download: &'a Download<'a>, agent: Agent) -> Result<Self, DownloadError> {
        let part = with_suffix(download.target, ".part");
        let failed = |source| DownloadError::Write { path: part.clone(), source };
        if let Some(folder) = download.target.parent() {
            std::fs::create_dir_all(folder).map_err(failed)?;
        }
        let options = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&part);
        let mut file = options.map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(DownloadError::Busy { path: part }),
            // Some network file systems have no locks; then there is nothing to check.
            Err(TryLockError::Error(_)) => {}
        }
        let (hasher, done) = digest_so_far(&mut file).map_err(failed)?;
        let etag = std::fs::read_to_string(with_suffix(download.target, ".part.etag")).ok();
        Ok(Self { download, agent, part, file, hasher, done, etag, announced: None, resumed: done > 0 })
    }

    fn run(mut self) -> Result<(), DownloadError> {
        // Without a digest to check by and a name to resume by, the rest might be another file's.
        if self.done > 0 && self.etag.is_none() && self.download.sha256.is_none() {
            self.restart()?;
        }
        let mut failures = 0;
        loop {
            let before = self.done;
            match self.attempt()? {
                Attempt::Complete => {
                    if let Some((found, expected)) = self.wrong_digest() {
                        self.restart()?;
                        // What lay here from before may have been spoilt: once more from the start.
                        if std::mem::take(&mut self.resumed) {
                            continue;
                        }
                        drop(std::fs::remove_file(&self.part));
                        let url = self.download.url.to_owned();
                        return Err(DownloadError::WrongDigest { url, found, expected });
                    }
                    return self.finish();
                }
                Attempt::Cut(problem) => {
                    failures = if self.done > before { 1 } else { failures + 1 };
                    if failures >= self.download.attempts.max(1) {
                        let url = self.download.url.to_owned();
                        return Err(DownloadError::Connection { url, problem, attempts: failures });
                    }
                    std::thread::sleep(self.download.backoff * 2u32.pow((failures - 1).min(6)));
                }
            }
        }
    }

    fn attempt(&mut self) -> Result<Attempt, DownloadError> {
        let response = match self.request() {
            Ok(response) => response?,
            Err(problem) => return Ok(Attempt::Cut(problem)),
        };
        let status = response.status();
        let total = match status {
            StatusCode::OK => {
                self.restart()?;
                length(&response)
            }
            StatusCode::PARTIAL_CONTENT => match content_range(&response) {
                Some((start, total)) if start == self.done => total,
                _ => return Err(self.protocol("the answer is another part than the one asked for")),
            },
            StatusCode::RANGE_NOT_SATISFIABLE if self.done > 0 => {
                // All of it is here, or it is not the same file.
                if header(&response, "content-range") == Some(&format!("bytes */{}", self.done)) {
                    return Ok(Attempt::Complete);
                }
                self.restart()?;
                return Ok(Attempt::Cut("the server cannot go on where the last download ended".to_owned()));
            }
            StatusCode::NOT_FOUND | StatusCode::GONE => {
                drop(std::fs::remove_file(&self.part));
                return Err(DownloadError::NotFound { url: self.download.url.to_owned() });
            }
            status if status.is_server_error() || matches!(status.as_u16(), 408 | 429) => {
                return Ok(Attempt::Cut(format!("the server answered {}", status.as_u16())));
            }
            status => {
                return Err(DownloadError::Status {
                    url: self.download.url.to_owned(),
                    status: status.as_u16(),
                });
            }
        };
        if total.is_some_and(|total| total > self.download.limit) {
            let limit = self.download.limit;
            return Err(self.protocol(&format!("the file has more than {limit} bytes")));
        }
        self.remember_etag(&response);
        self.receive(response, total)
    }

    /// One request, redirects followed: `Err` is a failure of the connection.
    fn request(&mut self) -> Result<Result<Response<Body>, DownloadError>, String> {
        let mut url = self.download.url.to_owned();
        for _ in 0..REDIRECT_LIMIT {
            let mut request = self.agent.get(&url);
            if self.done > 0 {
                request = request.header("Range", format!("bytes={}-", self.done));
                if let Some(etag) = &self.etag {
                    request = request.header("If-Range", etag);
                }
            }
            let response = request.call().map_err(|error| error.to_string())?;
            if let Some(digest) = header(&response, "x-linked-etag") {
                let digest = digest.trim_matches('"');
                let is_sha256 = digest.len() == 64 && digest.bytes().all(|b| b.is_ascii_hexdigit());
                self.announced = is_sha256.then(|| digest.to_owned()).or(self.announced.take());
            }
            if !matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
                return Ok(Ok(response));
            }
            let location = header(&response, "location").unwrap_or_default();
            match redirected(&url, location) {
                Some(next) => url = next,
                None => return Ok(Err(self.protocol("it redirects to an address that is not followed"))),
            }
        }
        Ok(Err(self.protocol("it redirects again and again")))
    }

    fn receive(&mut self, response: Response<Body>, total: Option<u64>) -> Result<Attempt, DownloadError> {
        let name = self.download.target.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let mut body = response.into_body().into_reader();
        let mut buffer = vec![0; 1 << 18];
        loop {
            let read = match body.read(&mut buffer) {
                Ok(read) => read,
                Err(error) => return Ok(Attempt::Cut(error.to_string())),
            };
            if read == 0 {
                break;
            }
            let piece = &buffer[..read];
            if self.done + read as u64 > self.download.limit {
                let limit = self.download.limit;
                return Err(self.protocol(&format!("the file has more than {limit} bytes")));
            }
            self.file
                .write_all(piece)
                .map_err(|source| DownloadError::Write { path: self.part.clone(), source })?;
            self.hasher.update(piece);
            self.done += read as u64;
            if let Some(progress) = self.download.progress {
                progress(Progress { file: &name, done: self.done, total });
            }
        }
        match total {
            Some(total) if self.done < total => {
                Ok(Attempt::Cut(format!("the connection ended after {} of {total} bytes", self.done)))
            }
            Some(total) if self.done > total => Err(self.protocol("more bytes came than were announced")),
            _ => Ok(Attempt::Complete),
        }
    }

    fn wrong_digest(&self) -> Option<(String, String)> {
        let expected = self.download.sha256.or(self.announced.as_deref())?;
        let found = sha256::hexadecimal(&self.hasher.clone().finalize());
        (!found.eq_ignore_ascii_case(expected)).then(|| (found, expected.to_owned()))
    }

    fn finish(self) -> Result<(), DownloadError> {
        let failed = |source| DownloadError::Write { path: self.download.target.to_path_buf(), source };
        self.file.sync_all().map_err(failed)?;
        std::fs::rename(&self.part, self.download.target).map_err(failed)?;
        drop(std::fs::remove_file(with_suffix(self.download.target, ".part.etag")));
        Ok(())
    }

    fn restart(&mut self) -> Result<(), DownloadError> {
        let failed = |source| DownloadError::Write { path: self.part.clone(), source };
        self.file.set_len(0).map_err(failed)?;
        self.file.seek(SeekFrom::Start(0)).map_err(failed)?;
        self.hasher = Sha256::new();
        self.done = 0;
        Ok(())
    }

    /// Weak tags (`W/`) do not identify bytes.
    fn remember_etag(&mut self, response: &Response<Body>) {
        let strong = header(response, "etag").filter(|etag| etag.starts_with('"')).map(str::to_owned);
        let file = with_suffix(self.download.target, ".part.etag");
        match &strong {
            // Only a help for the next time: without it that starts from the beginning.
            Some(etag) => drop(std::fs::write(file, etag)),
            None => drop(std::fs::remove_file(file)),
        }
        self.etag = strong;
    }

    fn protocol(&self, problem: &str) -> DownloadError {
        DownloadError::Protocol { url: self.download.url.to_owned(), problem: problem.to_owned() }
    }
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// Digest and length of what an earlier download left.
fn digest_so_far(file: &mut File) -> io::Result<(Sha256, u64)> {
    let mut hasher = Sha256::new();
    let mut done = 0;
    let mut buffer = vec![0; 1 << 20];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok((hasher, done)),
            read => {
                hasher.update(&buffer[..read]);
                done += read as u64;
            }
        }
    }
}

fn header<'r>(response: &'r Response<Body>, name: &str) -> Option<&'r str> {
    response.headers().get(name)?.to_str().ok()
}

fn length(response: &Response<Body>) -> Option<u64> {
    header(response, "content-length")?.trim().parse().ok()
}

/// Start and total of `bytes start-end/total`; a total of `*` is unknown.
fn content_range(response: &Response<Body>) -> Option<(u64, Option<u64>)> {
    let (range, total) = header(response, "content-range")?.strip_prefix("bytes ")?.split_once('/')?;
    let (start, _) = range.split_once('-')?;
    Some((start.trim().parse().ok()?, total.trim().parse().ok()))
}

/// Where a redirect leads: a whole address or a path on the same server, never from https to http.
fn redirected(from: &str, location: &str) -> Option<String> {
    let (scheme, rest) = from.split_once("://")?;
    let host = rest.split('/').next()?;
    if location.starts_with("https://") || (location.starts_with("http://") && scheme == "http") {
        return Some(location.to_owned());
    }
    if location.starts_with('/') && !location.starts_with("//") {
        return Some(format!("{scheme}://{host}{location}"));
    }
    None
}
