//! Clips scored by all their frames, in memory that does not grow with their length.
//! PROTOCOL_EVAL 7.7.
//!
//! ```text
//! clip ─▶ ffmpeg ─▶ a batch of frames ─▶ encoder ─▶ KEY/frames/CLIP.bin    rows, then the seal of all of them
//!                                                        │
//!                      scores of the clip ◀── mean ◀── logits of a batch of rows
//! ```
//!
//! CLIP is the BLAKE3 of the clip's content, its span and the sampling: never that of the row of
//! its middle frame, which lies in another file. A file is written whole or not at all, and
//! believed only if its seal fits.

use std::io::{BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use clip_data::formats::video::{self, Sampling};
use clip_data::{DataError, Items, Media};
use clip_files::NewFile;
use clip_rs::{Clip, Features, ImageInput};

use super::cache::{FeatureCache, SplitFeatures};
use super::content::{CHANGED, Content, content_of, contents_of, fingerprint_of};
use super::head::Head;
use crate::error::{EvalError, Result};
use crate::options::{Average, FrameOptions};
use crate::results::Skipped;
use crate::results::predictions::softmax;

/// Frames encoded, and rows read, at a time.
const BATCH: usize = 32;
/// Bytes of the seal behind the rows of a clip.
const HASH: usize = 32;

/// The sum over the frames seen so far, for each class.
struct Scores {
    sums: Vec<f64>,
    frames: usize,
}

/// What scores clips by all their frames.
pub(crate) struct AllFrames<'a> {
    pub(crate) clip: &'a Clip,
    pub(crate) cache: &'a FeatureCache,
    pub(crate) head: &'a Head,
    pub(crate) options: &'a FrameOptions,
}

impl AllFrames<'_> {
    /// Scores of all clips that can be used, `[usable, classes]`. `progress` gets the number of
    /// clips done.
    ///
    /// # Errors
    /// The features are not finite, or the rows cannot be written; what `progress` gives.
    pub(crate) fn score(
        &self,
        items: &Items,
        mut progress: impl FnMut(usize) -> Result<()>,
    ) -> Result<(SplitFeatures, Vec<f32>)> {
        let (contents, mut skipped) = contents_of(items);
        let (mut usable, mut scores, mut computed) = (Vec::new(), Vec::new(), 0);
        for (item, content) in contents.iter().enumerate() {
            match content.as_ref().map(|content| self.score_clip(items, item, content)) {
                Some(Ok((of_clip, was_computed))) => {
                    scores.extend(of_clip);
                    usable.push(item);
                    computed += usize::from(was_computed);
                }
                Some(Err(EvalError::Data(error))) => {
                    let (input, reason) = (items[item].id(), error.to_string());
                    skipped.push((item, Skipped { input, stage: "decode".to_owned(), reason }));
                }
                Some(Err(error)) => return Err(error),
                None => {}
            }
            progress(1)?;
        }
        skipped.sort_by_key(|&(item, _)| item);
        let penultimate = self.clip.architecture().image.penultimate_width();
        let rows = SplitFeatures {
            usable,
            features: Features::new(self.clip.embed_dim(), Vec::new()),
            penultimate: Features::new(penultimate, Vec::new()),
            skipped: skipped.into_iter().map(|(_, skip)| skip).collect(),
            key: self.cache.key(),
            content_blake3: fingerprint_of(items, &contents),
            computed,
        };
        Ok((rows, scores))
    }

    /// Scores of one clip, and whether its frames had to be encoded for that.
    fn score_clip(
        &self,
        items: &Items,
        item: usize,
        content: &Content,
    ) -> Result<(Vec<f32>, bool)> {
        let Media::Video { path, span } = &items[item].media else {
            let path = Path::new(&items[item].id()).to_owned();
            return Err(DataError::malformed(&path, "an image among clips").into());
        };
        let sampling = self.options.fps.map_or(Sampling::Every(1), Sampling::PerSecond);
        let folder = self.cache.folder().join("frames");
        std::fs::create_dir_all(&folder).map_err(EvalError::io(&folder))?;
        let name = format!("{}.bin", name_of(content, sampling));
        let (file, seal) = (folder.join(&name), self.cache.sealed_by().seal(&name));
        if let Some(scores) = self.scores_on_disk(&file, seal.clone()) {
            return Ok((scores.mean(self.options.average), false));
        }
        let clip = ClipFrames { path: items.folder.join(&**path), span: *span, sampling };
        let new = NewFile::of(&file).map_err(EvalError::io(&file))?;
        let scores = self.encode(&clip, seal, &mut BufWriter::new(new.as_file()))?;
        if !content_of(items, &items[item]).is_ok_and(|now| now == *content) {
            return Err(DataError::malformed(&clip.path, CHANGED).into());
        }
        new.keep().map_err(EvalError::io(&file))?;
        Ok((scores.mean(self.options.average), true))
    }

    /// Encodes and scores the frames as they come, and writes their rows and the seal behind them.
    fn encode(
        &self,
        of: &ClipFrames,
        mut seal: blake3::Hasher,
        out: &mut impl Write,
    ) -> Result<Scores> {
        let mut scores = Scores::of(self.head);
        let (mut pixels, mut number) = (Vec::with_capacity(BATCH), 0usize);
        let mut write = |pixels: &mut Vec<_>| -> Result<()> {
            if !pixels.is_empty() {
                let features = self.clip.encode_pixels(pixels)?;
                let rows: Vec<u8> =
                    features.as_slice().iter().flat_map(|value| value.to_le_bytes()).collect();
                seal.update(&rows);
                out.write_all(&rows).map_err(EvalError::io(&of.path))?;
                self.score_rows(features, &mut scores);
                pixels.clear();
            }
            Ok(())
        };
        video::frames(&of.path, of.span, of.sampling, &mut |bytes| -> Result<()> {
            let input = ImageInput::bytes(&format!("frame {number}"), bytes);
            number += 1;
            let frame = self.clip.pixels(&input);
            pixels.push(frame.map_err(|error| DataError::malformed(&of.path, error.to_string()))?);
            if pixels.len() < BATCH { Ok(()) } else { write(&mut pixels) }
        })?;
        write(&mut pixels)?;
        let written = out.write_all(seal.finalize().as_bytes()).and_then(|()| out.flush());
        written.map_err(EvalError::io(&of.path))?;
        Ok(scores)
    }

    /// The sum over the rows of a file; none where there is no such file, or it is not as it was
    /// written.
    fn scores_on_disk(&self, path: &Path, mut seal: blake3::Hasher) -> Option<Scores> {
        let width = self.clip.embed_dim();
        let file = clip_files::open(path, u64::MAX).ok()?;
        let bytes = file.metadata().ok()?.len();
        let rows = bytes.checked_sub(HASH as u64).filter(|rows| rows % (4 * width as u64) == 0)?;
        let mut reader = BufReader::new(file);
        let mut scores = Scores::of(self.head);
        let mut left = rows as usize;
        let mut batch = vec![0; BATCH * 4 * width];
        while left > 0 {
            let batch = &mut batch[..left.min(BATCH * 4 * width)];
            reader.read_exact(batch).ok()?;
            seal.update(batch);
            let values =
                batch.as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
            self.score_rows(Features::new(width, values), &mut scores);
            left -= batch.len();
        }
        let mut found = [0; HASH];
        reader.read_exact(&mut found).ok()?;
        (seal.finalize() == found && scores.frames > 0).then_some(scores)
    }

    fn score_rows(&self, rows: Features, scores: &mut Scores) {
        let logits = self.head.logits(rows.normalize().as_slice(), self.clip.scale());
        scores.add(&logits, self.options.average);
    }
}

impl Scores {
    fn of(head: &Head) -> Scores {
        Scores { sums: vec![0.0; head.classes()], frames: 0 }
    }

    /// - `logits`: `[frames, classes]`
    fn add(&mut self, logits: &[f32], average: Average) {
        for logits in logits.chunks_exact(self.sums.len()) {
            let values = match average {
                Average::Probabilities => softmax(logits),
                Average::Logits => logits.iter().copied().map(f64::from).collect(),
            };
            self.sums.iter_mut().zip(values).for_each(|(sum, value)| *sum += value);
            self.frames += 1;
        }
    }

    /// Logits, or logarithms of probabilities: their softmax is the probabilities again.
    fn mean(&self, average: Average) -> Vec<f32> {
        let mean = self.sums.iter().map(|sum| sum / self.frames as f64);
        match average {
            Average::Probabilities => {
                mean.map(|mean| mean.max(f64::MIN_POSITIVE).ln() as f32).collect()
            }
            Average::Logits => mean.map(|mean| mean as f32).collect(),
        }
    }
}

/// The frames of a clip.
struct ClipFrames {
    path: PathBuf,
    span: Option<(f64, f64)>,
    sampling: Sampling,
}

/// What the rows of a clip are kept under.
fn name_of(content: &Content, sampling: Sampling) -> String {
    let mut hasher = blake3::Hasher::new();
    hasher.update(b"all frames").update(format!("{sampling:?}").as_bytes()).update(content);
    hasher.finalize().to_hex().to_string()
}

fn clips(items: &Items) -> impl Iterator<Item = PathBuf> {
    items.iter().filter_map(|item| match &item.media {
        Media::Video { path, .. } => Some(items.folder.join(&**path)),
        _ => None,
    })
}

/// Whether there are clips among the items.
pub(crate) fn has_clips(items: &Items) -> bool {
    clips(items).next().is_some()
}

/// Which frames of clips were looked at and who decoded them, in words; nothing where there are no
/// clips.
pub(crate) fn notes(items: &Items, looked_at: impl FnOnce() -> String) -> Vec<String> {
    let mut notes = Vec::new();
    if has_clips(items) {
        notes.push(looked_at());
    }
    if clips(items).any(|path| path.is_file()) {
        notes.extend(video::version().ok().map(|version| format!("frames by {version}")));
    }
    notes
}

/// That all frames were looked at, in words.
pub(crate) fn note_of_all(options: &FrameOptions) -> String {
    let rate = options.fps.map_or_else(String::new, |rate| format!(" at {rate} a second"));
    let average = match options.average {
        Average::Probabilities => "softmax",
        Average::Logits => "logit",
    };
    format!("a clip's score is the mean {average} of all its frames{rate}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn softmax_of_a_mean_of_probabilities_is_that_mean_and_logits_are_averaged_as_they_are() {
        let logits = [2.0, 0.0, -1.0, 0.0, 9.0, -60.0];
        let mut scores = Scores { sums: vec![0.0; 3], frames: 0 };
        scores.add(&logits, Average::Probabilities);
        let mean: Vec<f64> = softmax(&logits[..3])
            .iter()
            .zip(softmax(&logits[3..]))
            .map(|(a, b)| (a + b) / 2.0)
            .collect();
        for (found, expected) in softmax(&scores.mean(Average::Probabilities)).iter().zip(mean) {
            assert!((found - expected).abs() < 1e-6);
        }
        let mut scores = Scores { sums: vec![0.0; 3], frames: 0 };
        scores.add(&logits, Average::Logits);
        assert_eq!(scores.mean(Average::Logits), [1.0, 4.5, -30.5]);
    }

    #[test]
    fn rows_of_another_sampling_have_another_name() {
        let names = [Sampling::Every(1), Sampling::PerSecond(1.0), Sampling::PerSecond(2.0)]
            .map(|sampling| name_of(&[7; 32], sampling));
        assert!(names[0] != names[1] && names[1] != names[2]);
        assert_ne!(name_of(&[8; 32], Sampling::Every(1)), names[0]);
    }
}
