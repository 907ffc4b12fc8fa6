//! One download in progress: the unfinished file, and what may be joined to it.

use super::address::Address;
use super::answer::{
    announced_sha256, coding, content_range, header, is_strong, length, retry_after, strong_etag,
};
use super::error::DownloadError;
use super::request::{Download, Progress};
use super::without_password;
use crate::sha256;
use sha2::{Digest, Sha256};
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::time::{Duration, SystemTime};
use ureq::http::{Response, StatusCode};
use ureq::{Agent, Body};

/// Redirects followed for one request.
const REDIRECT_LIMIT: usize = 8;
/// Longest that is waited because a server asks for it.
const LONGEST_WAIT: Duration = Duration::from_secs(120);

/// The unfinished file and the digest of what it holds.
pub(super) struct Transfer<'a> {
    download: &'a Download<'a>,
    agent: Agent,
    part: PathBuf,
    file: File,
    hasher: Sha256,
    done: u64,
    /// The strong tag under which what is here was sent.
    etag: Option<String>,
    /// A digest the server itself announced (Hugging Face does).
    announced: Option<String>,
    resumed: bool,
}

/// What an attempt came to, other than an error.
enum Attempt {
    Complete,
    /// Nothing more came; why, and how long the server asks to wait.
    Cut(String, Option<Duration>),
}

impl<'a> Transfer<'a> {
    pub(super) fn open(download: &'a Download<'a>) -> Result<Self, DownloadError> {
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
        let part = with_suffix(download.target, ".part");
        let failed = |source| DownloadError::Write { path: part.clone(), source };
        let options =
            OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&part);
        let mut file = options.map_err(failed)?;
        let (hasher, done) = digest_so_far(&mut file).map_err(failed)?;
        let etag = clip_files::read_text(&with_suffix(download.target, ".part.etag"), 1 << 16).ok();
        let etag = etag.filter(|etag| is_strong(etag));
        Ok(Self {
            download,
            agent,
            part,
            file,
            hasher,
            done,
            etag,
            announced: None,
            resumed: done > 0,
        })
    }

    /// Asks until the file is whole and right, then gives it its name.
    pub(super) fn run(mut self) -> Result<(), DownloadError> {
        let outcome = self.attempts();
        if outcome.is_err() && self.done == 0 {
            self.remove_part();
        }
        outcome?;
        let failed =
            |source| DownloadError::Write { path: self.download.target.to_path_buf(), source };
        self.file.sync_all().map_err(failed)?;
        std::fs::rename(&self.part, self.download.target).map_err(failed)?;
        drop(std::fs::remove_file(with_suffix(self.download.target, ".part.etag")));
        Ok(())
    }

    fn attempts(&mut self) -> Result<(), DownloadError> {
        let mut failures = 0;
        loop {
            let before = self.done;
            match self.attempt()? {
                Attempt::Complete => match self.wrong() {
                    None => return Ok(()),
                    Some(error) => {
                        self.restart()?;
                        // What lay here from before may have been spoilt: once more from the start.
                        if !std::mem::take(&mut self.resumed) {
                            return Err(error);
                        }
                    }
                },
                Attempt::Cut(problem, wait) => {
                    failures = if self.done > before { 1 } else { failures + 1 };
                    if failures >= self.download.attempts.max(1) {
                        return Err(DownloadError::Connection {
                            url: self.shown(),
                            problem,
                            attempts: failures,
                        });
                    }
                    let wait = wait.unwrap_or_default();
                    if wait > LONGEST_WAIT {
                        return Err(DownloadError::Later {
                            url: self.shown(),
                            seconds: wait.as_secs(),
                        });
                    }
                    std::thread::sleep(
                        wait.max(self.download.backoff * 2u32.pow((failures - 1).min(6))),
                    );
                }
            }
        }
    }

    fn attempt(&mut self) -> Result<Attempt, DownloadError> {
        self.check_stop()?;
        // Without a tag to join by or a digest to check by, the rest might be another file's.
        if self.done > 0 && self.etag.is_none() && self.download.sha256.is_none() {
            self.restart()?;
        }
        let response = match self.request() {
            Ok(response) => response?,
            Err(problem) => return Ok(Attempt::Cut(problem, None)),
        };
        let total = match response.status() {
            StatusCode::OK => {
                self.restart()?;
                length(&response)
            }
            StatusCode::PARTIAL_CONTENT => match content_range(&response) {
                Some((start, total)) if start == self.done && self.is_same_file(&response) => total,
                _ => return self.changed(),
            },
            StatusCode::RANGE_NOT_SATISFIABLE if self.done > 0 => {
                // All of it is here, or it is not the same file.
                let whole =
                    header(&response, "content-range") == Some(&format!("bytes */{}", self.done));
                if whole && self.is_same_file(&response) {
                    return Ok(Attempt::Complete);
                }
                return self.changed();
            }
            StatusCode::NOT_FOUND | StatusCode::GONE => {
                return Err(DownloadError::NotFound { url: self.shown() });
            }
            status if status.is_server_error() || matches!(status.as_u16(), 408 | 429) => {
                let wait = retry_after(&response, SystemTime::now());
                return Ok(Attempt::Cut(format!("the server answered {}", status.as_u16()), wait));
            }
            status => {
                return Err(DownloadError::Status { url: self.shown(), status: status.as_u16() });
            }
        };
        if let Some(coding) = coding(&response) {
            return Err(self.protocol(&format!(
                "it comes {coding}-coded, though its own bytes were asked for"
            )));
        }
        if total.is_some_and(|total| total > self.download.limit) {
            return Err(self.too_long());
        }
        if response.status() == StatusCode::OK {
            self.remember_etag(&response);
        }
        self.receive(response, total)
    }

    /// Whether a part belongs to the file that is here in part: by the one tag, else by the digest
    /// that is compared at the end.
    fn is_same_file(&self, response: &Response<Body>) -> bool {
        match (&self.etag, header(response, "etag")) {
            (Some(here), Some(sent)) => here == sent,
            _ => self.download.sha256.is_some(),
        }
    }

    fn changed(&mut self) -> Result<Attempt, DownloadError> {
        self.restart()?;
        Ok(Attempt::Cut("the file on the server is another one than before".to_owned(), None))
    }

    /// One request, redirects followed: `Err` is a failure of the connection.
    fn request(&mut self) -> Result<Result<Response<Body>, DownloadError>, String> {
        let mut address = Address::new(self.download.url);
        for _ in 0..REDIRECT_LIMIT {
            let mut request = self.agent.get(&address.url);
            if let Some(authorization) = &address.authorization {
                request = request.header("Authorization", authorization);
            }
            if self.done > 0 {
                request = request.header("Range", format!("bytes={}-", self.done));
                if let Some(etag) = &self.etag {
                    request = request.header("If-Range", etag);
                }
            }
            let response =
                request.call().map_err(|error| self.without_address(&error.to_string()))?;
            self.announced = announced_sha256(&response).or(self.announced.take());
            if !matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
                return Ok(Ok(response));
            }
            match address.redirected(header(&response, "location").unwrap_or_default()) {
                Some(next) => address = next,
                None => {
                    return Ok(Err(
                        self.protocol("it redirects to an address that is not followed")
                    ));
                }
            }
        }
        Ok(Err(self.protocol("it redirects again and again")))
    }

    fn receive(
        &mut self,
        response: Response<Body>,
        total: Option<u64>,
    ) -> Result<Attempt, DownloadError> {
        let name =
            self.download.target.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let mut body = response.into_body().into_reader();
        let mut buffer = vec![0; 1 << 18];
        loop {
            let read = match body.read(&mut buffer) {
                Ok(read) => read,
                Err(error) => {
                    return Ok(Attempt::Cut(self.without_address(&error.to_string()), None));
                }
            };
            if read == 0 {
                break;
            }
            self.check_stop()?;
            let piece = &buffer[..read];
            if self.done + read as u64 > self.download.limit {
                return Err(self.too_long());
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
                let problem = format!("the connection ended after {} of {total} bytes", self.done);
                Ok(Attempt::Cut(problem, None))
            }
            Some(total) if self.done > total => {
                Err(self.protocol("more bytes came than were announced"))
            }
            _ => Ok(Attempt::Complete),
        }
    }

    fn check_stop(&self) -> Result<(), DownloadError> {
        match self.download.stop {
            Some(stop) if stop.load(Ordering::Relaxed) => {
                Err(DownloadError::Stopped { url: self.shown() })
            }
            _ => Ok(()),
        }
    }

    /// Why what came is not the file: by its digest, else by what it is.
    fn wrong(&self) -> Option<DownloadError> {
        if let Some(expected) = self.download.sha256.or(self.announced.as_deref()) {
            let found = sha256::hexadecimal(&self.hasher.clone().finalize());
            let differs = !found.eq_ignore_ascii_case(expected);
            let url = self.shown();
            return differs.then(|| DownloadError::WrongDigest {
                url,
                found,
                expected: expected.to_owned(),
            });
        }
        let problem = (self.download.check?)(&self.part).err()?;
        Some(DownloadError::NotTheFile { url: self.shown(), problem })
    }

    fn restart(&mut self) -> Result<(), DownloadError> {
        let failed = |source| DownloadError::Write { path: self.part.clone(), source };
        self.file.set_len(0).map_err(failed)?;
        self.file.seek(SeekFrom::Start(0)).map_err(failed)?;
        self.hasher = Sha256::new();
        self.done = 0;
        self.etag = None;
        drop(std::fs::remove_file(with_suffix(self.download.target, ".part.etag")));
        Ok(())
    }

    /// Kept beside the part: only a help for the next time, which begins anew without it.
    fn remember_etag(&mut self, response: &Response<Body>) {
        self.etag = strong_etag(response).map(str::to_owned);
        if let Some(etag) = &self.etag {
            drop(std::fs::write(with_suffix(self.download.target, ".part.etag"), etag));
        }
    }

    fn remove_part(&self) {
        drop(std::fs::remove_file(&self.part));
        drop(std::fs::remove_file(with_suffix(self.download.target, ".part.etag")));
    }

    /// The address as people may see it.
    fn shown(&self) -> String {
        without_password(self.download.url)
    }

    /// A message of the connection, which may repeat the address.
    fn without_address(&self, message: &str) -> String {
        message.replace(self.download.url, &self.shown())
    }

    fn protocol(&self, problem: &str) -> DownloadError {
        DownloadError::Protocol { url: self.shown(), problem: problem.to_owned() }
    }

    fn too_long(&self) -> DownloadError {
        self.protocol(&format!("the file has more than {} bytes", self.download.limit))
    }
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

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}
