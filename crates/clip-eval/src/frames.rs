//! Clips scored by all their frames, in memory that does not grow with their length. PROTOCOL_EVAL 7.7.
//!
//! ```text
//! clip ─▶ ffmpeg ─▶ a batch of frames ─▶ encoder ─▶ KEY/frames/CLIP.bin    rows, then the BLAKE3 of all of them
//!                                                        │
//!                      scores of the clip ◀── mean ◀── logits of a batch of rows
//! ```
//!
//! CLIP is the BLAKE3 of the clip's content, its span and the sampling: never that of the row of its middle frame, which
//! lies in another file. A file is written whole or not at all.

use std::fs::File;
use std::io::{BufReader, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clip_data::formats::video::{self, Sampling};
use clip_data::{DataError, Media, Split};
use clip_files::write_whole;
use clip_rs::{Clip, Features, ImageInput};
use serde::{Deserialize, Serialize};

use crate::features::{Content, contents_of, fingerprint_of};
use crate::head::Head;
use crate::laboratory::{EvalOptions, Laboratory, Progress, Seen, Step};
use crate::predictions::softmax;
use crate::results::Skipped;
use crate::{EvalError, SplitFeatures, zero_shot};

/// Frames encoded, and rows read, at a time.
const BATCH: usize = 32;
/// Bytes of the hash behind the rows of a clip.
const HASH: usize = 32;

/// Frames of a clip that zero-shot looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Frames {
    /// Frame floor(n / 2) of n: the paper's Tables 10 and 11.
    #[default]
    Middle,
    /// All of them, averaged: the zero-shot row of its Table 15.
    All,
}

/// What is averaged over the frames of a clip; the paper does not say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Average {
    /// The softmax over the classes.
    #[default]
    Probabilities,
    /// Cosines at the checkpoint's temperature.
    Logits,
}

/// The sum over the frames seen so far, for each class.
struct Scores {
    sums: Vec<f64>,
    frames: usize,
}

impl Laboratory {
    /// Whether zero-shot of a split goes over all frames.
    pub(crate) fn wants_all_frames(&self, split: &Split) -> bool {
        self.options.frames == Frames::All && has_clips(split)
    }

    /// Reads a split of clips and scores each by all its frames: `[usable, classes]`, logits or logarithms of
    /// probabilities. There are no rows of features: they were looked at one batch after another.
    pub(crate) fn see_all_frames(
        &mut self,
        split: Split,
        head: &Head,
        progress: &mut Progress<'_>,
    ) -> Result<(Seen, Vec<f32>), EvalError> {
        let split = Arc::new(split);
        progress(Step::Images(split.items.len()));
        let (contents, mut skipped) = contents_of(&split);
        let (mut usable, mut scores, mut computed) = (Vec::new(), Vec::new(), 0);
        for (item, content) in contents.iter().enumerate() {
            match content.as_ref().map(|content| self.score_clip(&split, item, content, head)) {
                Some(Ok((of_clip, was_computed))) => {
                    scores.extend(of_clip);
                    usable.push(item);
                    computed += usize::from(was_computed);
                }
                Some(Err(EvalError::Data(error))) => {
                    let (input, reason) = (split.items[item].id(), error.to_string());
                    skipped.push((item, Skipped { input, stage: "decode".to_owned(), reason }));
                }
                Some(Err(error)) => return Err(error),
                None => {}
            }
            progress(Step::Done(1));
        }
        skipped.sort_by_key(|&(item, _)| item);
        let rows = SplitFeatures {
            usable,
            features: Features::new(self.clip.embed_dim(), Vec::new()),
            penultimate: Features::new(self.clip.architecture().image.penultimate_width(), Vec::new()),
            skipped: skipped.into_iter().map(|(_, skip)| skip).collect(),
            key: self.cache.key().to_owned(),
            content_blake3: fingerprint_of(&split, &contents),
            computed,
        };
        Ok((self.enter_read(split, rows)?, scores))
    }

    /// Scores of one clip, and whether its frames had to be encoded for that.
    fn score_clip(
        &self,
        split: &Split,
        item: usize,
        content: &Content,
        head: &Head,
    ) -> Result<(Vec<f32>, bool), EvalError> {
        let (path, span) = match &split.items[item].media {
            Media::Video { path, span } => (split.folder.join(&**path), *span),
            _ => return Err(EvalError::task(zero_shot::TASK, &split.dataset.id, "images among clips")),
        };
        let sampling = self.options.fps.map_or(Sampling::Every(1), Sampling::PerSecond);
        let folder = self.cache.folder().join("frames");
        std::fs::create_dir_all(&folder).map_err(EvalError::io(&folder))?;
        let file = folder.join(format!("{}.bin", name_of(content, sampling)));
        let known = self.average(&file, head)?;
        let is_known = known.is_some();
        let scores = match known {
            Some(scores) => scores,
            None => {
                encode_frames(&self.clip, &path, span, sampling, &file)?;
                let reason = "cannot be read back as it was written: the disk is at fault";
                self.average(&file, head)?.ok_or_else(|| EvalError::result(&file, reason))?
            }
        };
        Ok((scores.mean(self.options.average), !is_known))
    }

    /// The sum over the rows of a file; none where there is no such file, or it is not whole.
    fn average(&self, path: &Path, head: &Head) -> Result<Option<Scores>, EvalError> {
        let width = self.clip.embed_dim();
        let file = match File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(EvalError::io(path)(error)),
        };
        let bytes = file.metadata().map_err(EvalError::io(path))?.len();
        let Some(rows) = bytes.checked_sub(HASH as u64).filter(|rows| rows % (4 * width as u64) == 0) else {
            return Ok(None);
        };
        let mut reader = BufReader::new(file);
        let mut hasher = blake3::Hasher::new();
        let mut scores = Scores { sums: vec![0.0; head.classes()], frames: 0 };
        let mut left = rows as usize;
        let mut batch = vec![0; BATCH * 4 * width];
        while left > 0 {
            let batch = &mut batch[..left.min(BATCH * 4 * width)];
            reader.read_exact(batch).map_err(EvalError::io(path))?;
            hasher.update(batch);
            let values = batch.as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
            let embeddings = Features::new(width, values).normalize();
            let logits = head.logits(embeddings.as_slice(), self.clip.scale());
            scores.add(&logits, self.options.average);
            left -= batch.len();
        }
        let mut hash = [0; HASH];
        reader.read_exact(&mut hash).map_err(EvalError::io(path))?;
        Ok((*hasher.finalize().as_bytes() == hash && scores.frames > 0).then_some(scores))
    }
}

impl Scores {
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
            Average::Probabilities => mean.map(|mean| mean.max(f64::MIN_POSITIVE).ln() as f32).collect(),
            Average::Logits => mean.map(|mean| mean as f32).collect(),
        }
    }
}

/// Encodes the frames of a clip as they come and writes their rows, whole or not at all.
fn encode_frames(
    clip: &Clip,
    path: &Path,
    span: Option<(f64, f64)>,
    sampling: Sampling,
    file: &Path,
) -> Result<(), EvalError> {
    let mut failure = None;
    let written = write_whole(file, |out| {
        let stop = |error| {
            failure = Some(error);
            std::io::Error::other("its frames cannot be encoded")
        };
        write_rows(clip, path, span, sampling, out).map_err(stop)
    });
    match failure {
        Some(error) => Err(error),
        None => written.map_err(EvalError::io(file)),
    }
}

fn write_rows(
    clip: &Clip,
    path: &Path,
    span: Option<(f64, f64)>,
    sampling: Sampling,
    out: &mut dyn Write,
) -> Result<(), EvalError> {
    let (mut pixels, mut hasher, mut number) = (Vec::with_capacity(BATCH), blake3::Hasher::new(), 0usize);
    let mut write = |pixels: &mut Vec<_>| -> Result<(), EvalError> {
        if !pixels.is_empty() {
            let features = clip.encode_pixels(pixels)?;
            let rows: Vec<u8> = features.as_slice().iter().flat_map(|value| value.to_le_bytes()).collect();
            hasher.update(&rows);
            out.write_all(&rows).map_err(EvalError::io(path))?;
            pixels.clear();
        }
        Ok(())
    };
    let mut failure = None;
    let read = video::frames(path, span, sampling, &mut |bytes| {
        let input = ImageInput::bytes(&format!("frame {number}"), bytes);
        number += 1;
        let frame = clip.pixels(&input).map_err(|error| DataError::malformed(path, error.to_string()))?;
        pixels.push(frame);
        if pixels.len() < BATCH {
            return Ok(());
        }
        write(&mut pixels).map_err(|error| {
            failure = Some(error);
            DataError::malformed(path, "its frames cannot be encoded")
        })
    });
    match failure {
        Some(error) => return Err(error),
        None => read?,
    };
    write(&mut pixels)?;
    out.write_all(hasher.finalize().as_bytes()).map_err(EvalError::io(path))
}

/// What the rows of a clip are kept under.
fn name_of(content: &Content, sampling: Sampling) -> String {
    let mut hasher = blake3::Hasher::new();
    hasher.update(b"all frames").update(format!("{sampling:?}").as_bytes()).update(content);
    hasher.finalize().to_hex().to_string()
}

fn clips(split: &Split) -> impl Iterator<Item = PathBuf> {
    split.items.iter().filter_map(|item| match &item.media {
        Media::Video { path, .. } => Some(split.folder.join(&**path)),
        _ => None,
    })
}

fn has_clips(split: &Split) -> bool {
    clips(split).next().is_some()
}

/// Which frames a task looked at and who decoded them, in words.
pub(crate) fn notes(options: &EvalOptions, split: &Split, task: &str) -> Vec<String> {
    let mut notes = Vec::new();
    if has_clips(split) {
        let rate = options.fps.map_or_else(String::new, |rate| format!(" at {rate} a second"));
        let average = match options.average {
            Average::Probabilities => "softmax",
            Average::Logits => "logit",
        };
        notes.push(match options.frames {
            Frames::All if task == zero_shot::TASK => {
                format!("a clip's score is the mean {average} of all its frames{rate}")
            }
            _ => "the middle frame stands for a clip".to_owned(),
        });
    }
    if clips(split).any(|path| path.is_file()) {
        notes.extend(video::version().ok().map(|version| format!("frames by {version}")));
    }
    notes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn softmax_of_a_mean_of_probabilities_is_that_mean_and_logits_are_averaged_as_they_are() {
        let logits = [2.0, 0.0, -1.0, 0.0, 9.0, -60.0];
        let mut scores = Scores { sums: vec![0.0; 3], frames: 0 };
        scores.add(&logits, Average::Probabilities);
        let mean: Vec<f64> =
            softmax(&logits[..3]).iter().zip(softmax(&logits[3..])).map(|(a, b)| (a + b) / 2.0).collect();
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
