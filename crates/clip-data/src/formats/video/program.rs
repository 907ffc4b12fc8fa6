//! The program: started with nothing to read, watched, and stopped when it stands still.

use std::ffi::OsString;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::OnceLock;
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::error::DataError;

const PROGRAM: &str = "ffmpeg";
/// It may be silent for so long: a minute of video takes a few seconds.
const PATIENCE: Duration = Duration::from_secs(120);
/// Bytes handed over at once; four such pieces wait at most.
const PIECE: usize = 1 << 16;
/// Bytes of its complaints that are kept.
const COMPLAINT: u64 = 2000;

/// `ffmpeg version 5.1.9 ...`: the first line it says about itself.
///
/// # Errors
/// There is no `ffmpeg`.
pub fn version() -> Result<String, DataError> {
    static VERSION: OnceLock<String> = OnceLock::new();
    if let Some(known) = VERSION.get() {
        return Ok(known.clone());
    }
    let output = Command::new(PROGRAM)
        .arg("-version")
        .stdin(Stdio::null())
        .output()
        .map_err(cannot_start)?;
    let text =
        String::from_utf8_lossy(&output.stdout).lines().next().unwrap_or_default().to_owned();
    Ok(VERSION.get_or_init(|| text).clone())
}

/// The option that neither drops nor doubles frames; it was renamed in version 5.1.
pub(super) fn each_frame_once() -> Result<[&'static str; 2], DataError> {
    let version = version()?;
    let number =
        version.split_whitespace().nth(2).unwrap_or_default().trim_start_matches(['n', 'N']);
    let mut parts =
        number.split(|c: char| !c.is_ascii_digit()).map(|part| part.parse::<u32>().ok());
    let number = (parts.next().flatten(), parts.next().flatten().unwrap_or(0));
    match number {
        (Some(major), minor) if (major, minor) < (5, 1) => Ok(["-vsync", "0"]),
        _ => Ok(["-fps_mode", "passthrough"]), // a build between releases is a new one
    }
}

/// A running `ffmpeg`; what it writes is read from it.
pub(super) struct Running {
    path: PathBuf,
    child: Child,
    pieces: Receiver<Vec<u8>>,
    piece: std::io::Cursor<Vec<u8>>,
    complaint: Option<JoinHandle<String>>,
}

impl Running {
    /// Starts it on `path`.
    pub(super) fn start(path: &Path, arguments: &[OsString]) -> Result<Running, DataError> {
        if !path.is_file() {
            let missing = std::io::Error::new(ErrorKind::NotFound, "there is no such video");
            return Err(DataError::Read { path: path.to_owned(), source: missing });
        }
        let mut command = Command::new(PROGRAM);
        command.args(["-nostdin", "-hide_banner", "-loglevel", "error"]).args(arguments);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().map_err(cannot_start)?;
        let (sender, pieces) = sync_channel(4);
        if let Some(mut output) = child.stdout.take() {
            std::thread::spawn(move || {
                let mut piece = vec![0; PIECE];
                while let Ok(count) = output.read(&mut piece) {
                    let read = piece.get(..count).unwrap_or_default();
                    if count == 0 || sender.send(read.to_vec()).is_err() {
                        break;
                    }
                }
            });
        }
        let complaint = child.stderr.take().map(|mut errors| {
            std::thread::spawn(move || {
                let mut kept = Vec::new();
                let _ = errors.by_ref().take(COMPLAINT).read_to_end(&mut kept);
                let _ = std::io::copy(&mut errors, &mut std::io::sink()); // or it would wait for a reader
                String::from_utf8_lossy(&kept).trim().to_owned()
            })
        });
        let piece = std::io::Cursor::new(Vec::new());
        Ok(Running { path: path.to_owned(), child, pieces, piece, complaint })
    }

    /// Waits for its end.
    pub(super) fn finish(mut self) -> Result<(), DataError> {
        let status = self.wait().map_err(DataError::read(&self.path))?;
        let complaint =
            self.complaint.take().and_then(|thread| thread.join().ok()).unwrap_or_default();
        if status.success() {
            return Ok(());
        }
        let reason = complaint.lines().next().unwrap_or("no reason given").to_owned();
        let reason = format!("cannot decode {}: {reason}", self.path.display());
        Err(DataError::Program { program: PROGRAM.to_owned(), reason })
    }
}

impl Running {
    /// Its output has ended, so it is about to end itself; but not for ever.
    fn wait(&mut self) -> std::io::Result<ExitStatus> {
        let pause = Duration::from_millis(1);
        let mut left = PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait()? {
                return Ok(status);
            }
            left = left.saturating_sub(pause);
            if left.is_zero() {
                self.child.kill()?;
            }
            std::thread::sleep(pause);
        }
    }
}

impl Read for Running {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        loop {
            let count = self.piece.read(buffer)?;
            if count > 0 || buffer.is_empty() {
                return Ok(count);
            }
            match self.pieces.recv_timeout(PATIENCE) {
                Ok(piece) => self.piece = std::io::Cursor::new(piece),
                Err(RecvTimeoutError::Disconnected) => return Ok(0),
                Err(RecvTimeoutError::Timeout) => {
                    let _ = self.child.kill();
                    let seconds = PATIENCE.as_secs();
                    let reason = format!("{PROGRAM} gave nothing for {seconds} s and was stopped");
                    return Err(std::io::Error::new(ErrorKind::TimedOut, reason));
                }
            }
        }
    }
}

impl Drop for Running {
    /// Leaves no process behind, whatever ended the reading.
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn cannot_start(error: std::io::Error) -> DataError {
    let reason = match error.kind() {
        ErrorKind::NotFound => {
            "the program is not installed, and videos are decoded by it; install it, or put a folder of extracted \
             frames in the place of each clip"
                .to_owned()
        }
        _ => format!("cannot be started: {error}"),
    };
    DataError::Program { program: PROGRAM.to_owned(), reason }
}
