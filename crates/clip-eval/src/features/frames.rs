//! Clips scored by all their frames, in memory that does not grow with their length. PROTOCOL_EVAL 7.7.
//!
//! ```text
//! clip ─▶ ffmpeg ─▶ a batch of frames ─▶ encoder ─▶ KEY/frames/CLIP.bin    rows, then the seal of all of them
//!                                                        │
//!                      scores of the clip ◀── mean ◀── logits of a batch of rows
//! ```
//!
//! CLIP is the BLAKE3 of the clip's content, its span and the sampling: never that of the row of its middle frame, which
//! lies in another file. A file is written whole or not at all, and believed only if its seal fits.

use std::io::{BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clip_data::formats::video::{self, Sampling};
use clip_data::{DataError, Media, Split};
use clip_files::write_whole;
use clip_rs::{Clip, Features, ImageInput};

use crate::context::{EncodedSplit, EvalContext};
use crate::features::{CHANGED, Content, content_of, contents_of, fingerprint_of};
use crate::head::Head;
use crate::options::EvalOptions;
use crate::options::{Average, Frames};
use crate::progress::{Progress, Step};
use crate::results::Skipped;
use crate::results::predictions::softmax;
use crate::tasks::zero_shot;
use crate::{EvalError, SplitFeatures};

/// Frames encoded, and rows read, at a time.
const BATCH: usize = 32;
/// Bytes of the seal behind the rows of a clip.
const HASH: usize = 32;

/// The sum over the frames seen so far, for each class.
struct Scores {
    sums: Vec<f64>,
    frames: usize,
}

impl EvalContext {
    /// Whether zero-shot of a split goes over all frames.
    pub(crate) fn wants_all_frames(&self, split: &Split) -> bool {
        self.options.frames == Frames::All && has_clips(split)
    }

    /// Reads a split of clips and scores each by all its frames: `[usable, classes]`, logits or logarithms of
    /// probabilities. There are no rows of features: they were looked at one batch after another.
    pub(crate) fn encode_all_frames(
        &mut self,
        split: Split,
        head: &Head,
        progress: &mut Progress<'_>,
    ) -> Result<(EncodedSplit, Vec<f32>), EvalError> {
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
            penultimate: Features::new(
                self.clip.architecture().image.penultimate_width(),
                Vec::new(),
            ),
            skipped: skipped.into_iter().map(|(_, skip)| skip).collect(),
            key: self.cache.key(),
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
            Media::Video { path, span } => (split.items.folder.join(&**path), *span),
            _ => {
                return Err(EvalError::task(
                    zero_shot::TASK,
                    &split.dataset.id,
                    "images among clips",
                ));
            }
        };
        let sampling = self.options.fps.map_or(Sampling::Every(1), Sampling::PerSecond);
        let folder = self.cache.folder().join("frames");
        std::fs::create_dir_all(&folder).map_err(EvalError::io(&folder))?;
        let name = format!("{}.bin", name_of(content, sampling));
        let (file, seal) = (folder.join(&name), self.cache.sealed_by().seal(&name));
        if let Some(scores) = self.scores_on_disk(&file, seal.clone(), head) {
            return Ok((scores.mean(self.options.average), false));
        }
        let mut scores = Scores::of(head);
        let clip = Rows { clip: &self.clip, path: &path, span, sampling };
        clip.write(&file, seal, &mut |rows| self.score_rows(rows, head, &mut scores), &|| {
            content_of(split, &split.items[item]).is_ok_and(|now| now == *content)
        })?;
        Ok((scores.mean(self.options.average), true))
    }

    /// The sum over the rows of a file; none where there is no such file, or it is not as it was written.
    fn scores_on_disk(&self, path: &Path, mut seal: blake3::Hasher, head: &Head) -> Option<Scores> {
        let width = self.clip.embed_dim();
        let file = clip_files::open(path, u64::MAX).ok()?;
        let bytes = file.metadata().ok()?.len();
        let rows = bytes.checked_sub(HASH as u64).filter(|rows| rows % (4 * width as u64) == 0)?;
        let mut reader = BufReader::new(file);
        let mut scores = Scores::of(head);
        let mut left = rows as usize;
        let mut batch = vec![0; BATCH * 4 * width];
        while left > 0 {
            let batch = &mut batch[..left.min(BATCH * 4 * width)];
            reader.read_exact(batch).ok()?;
            seal.update(batch);
            let values =
                batch.as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
            self.score_rows(Features::new(width, values), head, &mut scores);
            left -= batch.len();
        }
        let mut found = [0; HASH];
        reader.read_exact(&mut found).ok()?;
        (seal.finalize() == found && scores.frames > 0).then_some(scores)
    }

    fn score_rows(&self, rows: Features, head: &Head, scores: &mut Scores) {
        let logits = head.logits(rows.normalize().as_slice(), self.clip.scale());
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

/// The frames of a clip and what encodes them.
struct Rows<'a> {
    clip: &'a Clip,
    path: &'a Path,
    span: Option<(f64, f64)>,
    sampling: Sampling,
}

impl Rows<'_> {
    /// Encodes the frames as they come, hands the rows to `each` and keeps them in `file`, whole or not at all, if the
    /// clip is still what it was.
    fn write(
        &self,
        file: &Path,
        seal: blake3::Hasher,
        each: &mut dyn FnMut(Features),
        is_unchanged: &dyn Fn() -> bool,
    ) -> Result<(), EvalError> {
        let mut failure = None;
        let written = write_whole(file, |out| {
            let stop = |error| {
                failure = Some(error);
                std::io::Error::other("its frames cannot be encoded")
            };
            self.encode(seal, each, out).map_err(stop)?;
            if !is_unchanged() {
                failure = Some(DataError::malformed(self.path, CHANGED).into());
                return Err(std::io::Error::other(CHANGED));
            }
            Ok(())
        });
        match failure {
            Some(error) => Err(error),
            None => written.map_err(EvalError::io(file)),
        }
    }

    fn encode(
        &self,
        mut seal: blake3::Hasher,
        each: &mut dyn FnMut(Features),
        out: &mut dyn Write,
    ) -> Result<(), EvalError> {
        let Rows { clip, path, span, sampling } = *self;
        let (mut pixels, mut number) = (Vec::with_capacity(BATCH), 0usize);
        let mut write = |pixels: &mut Vec<_>| -> Result<(), EvalError> {
            if !pixels.is_empty() {
                let features = clip.encode_pixels(pixels)?;
                let rows: Vec<u8> =
                    features.as_slice().iter().flat_map(|value| value.to_le_bytes()).collect();
                seal.update(&rows);
                out.write_all(&rows).map_err(EvalError::io(path))?;
                each(features);
                pixels.clear();
            }
            Ok(())
        };
        let mut failure = None;
        let read = video::frames(path, span, sampling, &mut |bytes| {
            let input = ImageInput::bytes(&format!("frame {number}"), bytes);
            number += 1;
            let frame = clip
                .pixels(&input)
                .map_err(|error| DataError::malformed(path, error.to_string()))?;
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
        out.write_all(seal.finalize().as_bytes()).map_err(EvalError::io(path))
    }
}

/// What the rows of a clip are kept under.
fn name_of(content: &Content, sampling: Sampling) -> String {
    let mut hasher = blake3::Hasher::new();
    hasher.update(b"all frames").update(format!("{sampling:?}").as_bytes()).update(content);
    hasher.finalize().to_hex().to_string()
}

fn clips(split: &Split) -> impl Iterator<Item = PathBuf> {
    split.items.iter().filter_map(|item| match &item.media {
        Media::Video { path, .. } => Some(split.items.folder.join(&**path)),
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
