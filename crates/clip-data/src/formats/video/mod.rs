//! Frames of videos, through the program `ffmpeg`.
//!
//! ```text
//! span (-ss, -t) ─▶ decoded frames, each once, in order ─┬─ counted: one line of text each
//!                                                        └─ chosen (by number, every n-th, or so many a second) ─▶ PPM
//! ```
//!
//! Both passes decode the same frames with the same settings, so that frame floor(n / 2) of n is
//! what it says. One thread a clip and a scaler without approximations: pixels do not depend on the
//! machine, but may on the version of `ffmpeg`, which belongs in every result ([`version`]). A
//! folder of extracted frames beside a clip, or in its place, is read instead of it.

mod folder;
mod program;

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use self::program::Running;
pub use self::program::version;
use super::image_file;
use crate::error::DataError;

/// Pixels of a frame at most: above 8192 × 4320.
const PIXEL_LIMIT: u64 = 1 << 26;

/// Which frames of a clip are taken.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Sampling {
    /// Each n-th, from the first on; 1 takes all.
    Every(usize),
    /// So many a second.
    PerSecond(f64),
}

/// Files that the frames of a clip are made of: itself, or the frames that somebody extracted, in
/// their order.
///
/// # Errors
/// A folder of frames cannot be read.
pub fn files(path: &Path) -> Result<Vec<PathBuf>, DataError> {
    Ok(folder::frames(path)?.unwrap_or_else(|| vec![path.to_owned()]))
}

/// The middle frame of a clip, or of its `span` in seconds, as a PPM: frame floor(n / 2) of n
/// (PROTOCOL_EVAL 6.1).
///
/// # Errors
/// There is no `ffmpeg`, it cannot decode the file, or has nothing in the span.
pub fn middle_frame(path: &Path, span: Option<(f64, f64)>) -> Result<Vec<u8>, DataError> {
    if let Some(frames) = folder::frames(path)? {
        let frame = frames.get(frames.len() / 2).ok_or_else(|| no_frames(path, span))?;
        return image_file::read(frame);
    }
    let count = count_frames(path, span)?;
    let select = format!("select=eq(n\\,{})", count / 2);
    let mut frame = None;
    decode(path, span, &select, Some(1), &mut |bytes| {
        frame = Some(bytes);
        Ok::<(), DataError>(())
    })?;
    frame.ok_or_else(|| no_frames(path, span))
}

/// Number of frames of a clip, or of its `span` in seconds; all of them are decoded for that.
///
/// # Errors
/// There is no `ffmpeg`, it cannot decode the file, or has nothing in the span.
pub fn count_frames(path: &Path, span: Option<(f64, f64)>) -> Result<usize, DataError> {
    let mut arguments = input(path, span)?;
    arguments.extend(["-f", "framecrc", "-"].map(Into::into));
    let mut running = Running::start(path, &arguments)?;
    let mut count = 0usize;
    for line in BufReader::new(&mut running).lines() {
        let line = line.map_err(DataError::read(path))?;
        count = count.saturating_add(usize::from(!line.starts_with('#') && !line.is_empty()));
    }
    running.finish()?;
    if count == 0 { Err(no_frames(path, span)) } else { Ok(count) }
}

/// Gives frames of a clip, or of its `span` in seconds, to `each` as PPMs, one after another; only
/// one is held.
///
/// # Errors
/// There is no `ffmpeg`, it cannot decode the file, has nothing in the span, or `each` fails, which
/// ends it.
pub fn frames<E: From<DataError>>(
    path: &Path,
    span: Option<(f64, f64)>,
    sampling: Sampling,
    each: &mut dyn FnMut(Vec<u8>) -> Result<(), E>,
) -> Result<usize, E> {
    if let Some(frames) = folder::frames(path)? {
        let Sampling::Every(step) = sampling else {
            let reason = "extracted frames have no times; take every n-th";
            return Err(DataError::malformed(path, reason).into());
        };
        let chosen: Vec<&PathBuf> = frames.iter().step_by(step.max(1)).collect();
        for frame in &chosen {
            each(image_file::read(frame)?)?;
        }
        return Ok(chosen.len());
    }
    let filter = match sampling {
        Sampling::Every(0 | 1) => "null".to_owned(),
        Sampling::Every(step) => format!("select=not(mod(n\\,{step}))"),
        Sampling::PerSecond(rate) if rate.is_finite() && rate > 0.0 => format!("fps={rate}"),
        Sampling::PerSecond(rate) => {
            return Err(DataError::malformed(path, format!("{rate} frames a second")).into());
        }
    };
    let count = decode(path, span, &filter, None, each)?;
    if count == 0 { Err(no_frames(path, span).into()) } else { Ok(count) }
}

/// Everything that decides which frames there are; the same for counting and for taking.
fn input(path: &Path, span: Option<(f64, f64)>) -> Result<Vec<std::ffi::OsString>, DataError> {
    // a name is never taken for an option or an address, and a playlist cannot ask the network
    let mut arguments: Vec<std::ffi::OsString> =
        ["-protocol_whitelist", "file,pipe", "-threads", "1"].map(Into::into).into();
    if let Some((start, end)) = span {
        if !(start >= 0.0 && end > start && end.is_finite()) {
            return Err(DataError::malformed(
                path,
                format!("a span from {start} to {end} seconds"),
            ));
        }
        let length = (end - start).to_string();
        arguments.extend(["-ss", &start.to_string(), "-t", &length].map(Into::into));
    }
    let mut name = std::ffi::OsString::from("file:");
    name.push(path);
    arguments.extend(["-i".into(), name]);
    arguments.extend(["-map", "0:v:0", "-an", "-sn"].map(Into::into));
    arguments.extend(program::each_frame_once()?.map(Into::into));
    Ok(arguments)
}

fn decode<E: From<DataError>>(
    path: &Path,
    span: Option<(f64, f64)>,
    filter: &str,
    most: Option<usize>,
    each: &mut dyn FnMut(Vec<u8>) -> Result<(), E>,
) -> Result<usize, E> {
    let mut arguments = input(path, span)?;
    let flags = "bicubic+accurate_rnd+full_chroma_int+bitexact";
    arguments.extend(["-vf", filter, "-sws_flags", flags].map(Into::into));
    if let Some(most) = most {
        arguments.extend(["-frames:v".into(), most.to_string().into()]);
    }
    arguments.extend(["-pix_fmt", "rgb24", "-c:v", "ppm", "-f", "image2pipe", "-"].map(Into::into));
    let mut running = Running::start(path, &arguments)?;
    let mut count = 0usize;
    let mut source = BufReader::new(&mut running);
    while let Some(frame) =
        next_ppm(&mut source).map_err(|reason| DataError::malformed(path, reason))?
    {
        count = count.saturating_add(1);
        each(frame)?;
    }
    running.finish()?;
    Ok(count)
}

/// The next PPM of a stream of them; none at its end.
fn next_ppm(source: &mut impl BufRead) -> Result<Option<Vec<u8>>, String> {
    let mut frame = Vec::new();
    for _ in 0..3 {
        let read = source
            .by_ref()
            .take(64)
            .read_until(b'\n', &mut frame)
            .map_err(|error| error.to_string())?;
        if read == 0 && frame.is_empty() {
            return Ok(None);
        }
    }
    let head = std::str::from_utf8(&frame).unwrap_or_default();
    let words: Vec<&str> = head.split_ascii_whitespace().collect();
    let ["P6", width, height, "255"] = *words else {
        return Err(format!("ffmpeg gave no PPM but {head:?}"));
    };
    let pixels = width.parse::<u64>().ok().zip(height.parse::<u64>().ok());
    let pixels = pixels.and_then(|(width, height)| width.checked_mul(height));
    let pixels = pixels.filter(|&pixels| pixels <= PIXEL_LIMIT);
    let pixels = pixels
        .ok_or_else(|| format!("a frame of {width} x {height} pixels, limit {PIXEL_LIMIT}"))?;
    let wanted = pixels.saturating_mul(3);
    let read =
        source.by_ref().take(wanted).read_to_end(&mut frame).map_err(|error| error.to_string())?;
    if (read as u64) < wanted {
        Err("ffmpeg ended inside a frame".to_owned())
    } else {
        Ok(Some(frame))
    }
}

fn no_frames(path: &Path, span: Option<(f64, f64)>) -> DataError {
    let place =
        span.map_or_else(String::new, |(start, end)| format!(" from {start} to {end} seconds"));
    DataError::malformed(path, format!("there is no frame{place}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stream_of_ppms_is_cut_into_frames() {
        let stream = b"P6\n1 1\n255\n\x0a\x0a\x0aP6\n2 1\n255\nabcdef";
        let mut source = &stream[..];
        assert_eq!(next_ppm(&mut source), Ok(Some(b"P6\n1 1\n255\n\x0a\x0a\x0a".to_vec())));
        assert_eq!(next_ppm(&mut source), Ok(Some(b"P6\n2 1\n255\nabcdef".to_vec())));
        assert_eq!(next_ppm(&mut source), Ok(None));
    }

    #[test]
    fn frame_cut_short_or_too_large_is_an_error() {
        assert!(next_ppm(&mut &b"P6\n2 2\n255\nabc"[..]).is_err());
        assert!(next_ppm(&mut &b"P6\n99999 99999\n255\n"[..]).expect_err("huge").contains("limit"));
        assert!(next_ppm(&mut &b"Error!\n"[..]).is_err());
    }
}
