//! A model that waits for requests, so that a driver can time it in turns with other programs.
//!
//! One request a line, one answer a line: seconds (of `peak` 10⁹ operations a second), or `error: `
//! and why. `ready` comes first. What is timed begins when files that a request names as lists or
//! texts are read.
//!
//! | request | what is timed |
//! |---|---|
//! | `image BATCH` | median call of the image tower on that many normalised images, over at least 3 calls and 0.7 s |
//! | `text FILE`, `prompts FILE` | text tower on all lines of the file in one call, tokenized before |
//! | `files LIST LABELS` | image files, one path a line, to ranked labels, one a line: both towers |
//! | `pixels LIST` | image files to normalised pixels, one thread |
//! | `tokenize FILE` | all lines to token ids, one thread |
//! | `peak` | products without memory, all threads |

use std::fmt::Display;
use std::hint::black_box;
use std::io::{self, BufRead, Write};
use std::path::Path;
use std::time::Instant;

use clip_rs::{Classifier, Clip, Error, ImageInput, LoadOptions, Preprocess, Tokenizer};

use super::rounds::median;
use super::speed::{peak_gops, random_images, token_ids};

/// Seconds, or why there are none.
pub(super) type Answer = Result<f64, Box<dyn std::error::Error>>;

const LEAST_CALLS: usize = 3;
const LEAST_SECONDS: f64 = 0.7;

/// Answers every line of `requests` until they end.
///
/// # Errors
/// A request cannot be read, or an answer not written.
pub(super) fn serve<E: Display>(
    requests: impl BufRead,
    mut answers: impl Write,
    mut answer: impl FnMut(&str) -> Result<f64, E>,
) -> io::Result<()> {
    let mut tell = |text: &str| {
        writeln!(answers, "{text}")?;
        answers.flush()
    };
    tell("ready")?;
    for request in requests.lines() {
        match answer(&request?) {
            Ok(value) => tell(&format!("{value:.9}"))?,
            Err(error) => tell(&format!("error: {error}"))?,
        }
    }
    Ok(())
}

/// Answers requests about one model, or about none: pixels and tokens need no model.
pub(super) struct Server {
    clip: Option<Clip>,
    options: LoadOptions,
    tokenizer: Tokenizer,
}

impl Server {
    /// Without a model, images are prepared as the reference does at 224 px.
    pub(super) fn new(clip: Option<Clip>, options: LoadOptions) -> Server {
        Server { clip, options, tokenizer: Tokenizer::new() }
    }

    /// # Errors
    /// Why there is no answer.
    pub(super) fn answer(&self, request: &str) -> Answer {
        let words: Vec<&str> = request.split_whitespace().collect();
        match words.as_slice() {
            ["image", batch] => self.image(batch.parse::<u16>()?.into()),
            ["text" | "prompts", path] => self.texts(path),
            ["files", list, labels] => self.files(list, labels),
            ["pixels", list] => self.pixels(list),
            ["tokenize", path] => self.tokenize(path),
            ["peak"] => {
                let peak = peak_gops(self.options.instruction_set()?, self.options.precision);
                Ok(peak.ok_or("the reference device has no peak")?)
            }
            _ => Err(format!("no request `{request}`").into()),
        }
    }

    fn image(&self, batch: usize) -> Answer {
        let clip = self.clip()?;
        let images = random_images(clip, batch);
        let (started, mut seconds) = (Instant::now(), Vec::new());
        while seconds.len() < LEAST_CALLS || started.elapsed().as_secs_f64() < LEAST_SECONDS {
            let call = Instant::now();
            black_box(clip.encode_input(&images)?);
            seconds.push(call.elapsed().as_secs_f64());
        }
        Ok(median(seconds))
    }

    fn texts(&self, path: &str) -> Answer {
        let clip = self.clip()?;
        let tokens = token_ids(clip, &lines(path)?)?;
        let tokens: Vec<&[u32]> = tokens.iter().map(Vec::as_slice).collect();
        seconds(|| clip.encode_token_ids(&tokens))
    }

    fn files(&self, list: &str, labels: &str) -> Answer {
        let clip = self.clip()?;
        let (images, labels) = (images(list)?, lines(labels)?);
        seconds(|| {
            let classifier = Classifier::new(clip, &labels, &[] as &[&str])?;
            clip.encode_in_batches(&images, |mut batch| {
                if let Some(clip_rs::FailedImage { error, .. }) = batch.failed.pop() {
                    return Err(error);
                }
                let embeddings = batch.features.normalize();
                embeddings.rows().for_each(|image| drop(black_box(classifier.scores(image))));
                Ok(())
            })
        })
    }

    fn pixels(&self, list: &str) -> Answer {
        let (images, preprocess) = (
            images(list)?,
            self.clip.as_ref().map_or_else(Preprocess::default, |c| c.preprocess().clone()),
        );
        let limits = &self.options.image_limits;
        seconds(|| {
            images.iter().try_for_each(|image| {
                let input = preprocess.input(&image.read(limits)?, limits);
                let path = || image.name().to_owned();
                black_box(input.map_err(|source| Error::Image { path: path(), source })?);
                Ok(())
            })
        })
    }

    fn tokenize(&self, path: &str) -> Answer {
        let texts = lines(path)?;
        seconds(|| {
            texts.iter().for_each(|text| drop(black_box(self.tokenizer.encode(text))));
            Ok(())
        })
    }

    fn clip(&self) -> Result<&Clip, &'static str> {
        self.clip.as_ref().ok_or("no model was loaded")
    }
}

fn seconds<T>(call: impl FnOnce() -> Result<T, Error>) -> Answer {
    let started = Instant::now();
    black_box(call()?);
    Ok(started.elapsed().as_secs_f64())
}

fn lines(path: &str) -> Result<Vec<String>, Error> {
    let text = clip_files::read_text(path.as_ref(), 1 << 30)
        .map_err(|error| Error::BrokenFile { path: path.into(), reason: error.to_string() })?;
    Ok(text.lines().map(str::to_owned).collect())
}

fn images(list: &str) -> Result<Vec<ImageInput>, Error> {
    Ok(lines(list)?.iter().map(|path| ImageInput::file(Path::new(path))).collect())
}
