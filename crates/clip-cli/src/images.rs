//! Images as typed: files, folders, patterns, `-`.

use std::io::Read;
use std::path::Path;

use anyhow::Context;
use clip_rs::{Clip, Error, ImageInput, Ledger, Prepared, expand_inputs};

use crate::console::{Console, Unit, Usage};

/// What is read from standard input at most: one image, or a long list of paths.
const STDIN_LIMIT: u64 = 1 << 30;

/// Images encoded at a time.
const BATCH: usize = 32;

/// The images that `arguments` name, and what named none. A path that exists is itself; else it may be a pattern
/// (`*`, `?`, `[..]`, `**`); `-` is one image, or a list of paths (one a line), on standard input.
pub(crate) struct Images {
    pub(crate) inputs: Vec<ImageInput>,
    pub(crate) ledger: Ledger,
    /// Everything named, skipped inputs included. One alone: its failure is the failure of the run.
    pub(crate) total: usize,
}

impl Images {
    pub(crate) fn from_arguments(arguments: &[String]) -> anyhow::Result<Images> {
        let mut images = Images { inputs: Vec::new(), ledger: Ledger::default(), total: 0 };
        for argument in arguments {
            if argument == "-" {
                images.add_stdin()?;
            } else {
                images.add(argument);
            }
        }
        images.total = images.inputs.len() + images.ledger.skips().len();
        Ok(images)
    }

    fn add(&mut self, argument: &str) {
        let path = Path::new(argument);
        let is_pattern = argument.contains(['*', '?', '[']);
        if path.exists() || !is_pattern {
            // A missing file is met when it is read, and reported as any unreadable image.
            match if path.is_dir() { expand_inputs(path) } else { Ok(vec![ImageInput::file(path)]) } {
                Ok(inputs) => self.inputs.extend(inputs),
                Err(error) => self.ledger.skip(argument, &error),
            }
            return;
        }
        match expand_pattern(argument) {
            Ok(inputs) => self.inputs.extend(inputs),
            Err(error) => self.ledger.skip(argument, &error),
        }
    }

    fn add_stdin(&mut self) -> anyhow::Result<()> {
        let mut bytes = Vec::new();
        std::io::stdin()
            .lock()
            .take(STDIN_LIMIT)
            .read_to_end(&mut bytes)
            .context("cannot read standard input")?;
        match std::str::from_utf8(&bytes) {
            Ok(list) if clip_rs::image::Format::of(&bytes).is_err() => {
                list.lines().filter(|line| !line.trim().is_empty()).for_each(|line| self.add(line));
            }
            _ => self.inputs.push(ImageInput::bytes("-", bytes)),
        }
        Ok(())
    }

    /// Encodes all images in batches; `each` gets the position and embedding or features of every usable one.
    /// The rest goes to the ledger; a single image that fails is an error.
    pub(crate) fn encode(
        &mut self,
        clip: &Clip,
        console: &Console,
        mut each: impl FnMut(&[(&ImageInput, &[f32])]) -> anyhow::Result<()>,
        normalize: bool,
    ) -> anyhow::Result<()> {
        let bar = console.progress(self.inputs.len() as u64, Unit::Items("images"));
        for inputs in self.inputs.chunks(BATCH) {
            let (mut names, mut prepared) = (Vec::new(), Vec::new());
            for (input, result) in inputs.iter().zip(clip.prepare_images(inputs)) {
                match result {
                    Ok(image) => {
                        warn_of_clipping(input, image.clipped, console);
                        names.push(input);
                        prepared.push(image);
                    }
                    Err(error) if self.total == 1 => return Err(error.into()),
                    Err(error) => self.ledger.skip(input.name(), &error),
                }
            }
            let rows = encode(clip, &prepared, normalize)?;
            let rows: Vec<_> = names.into_iter().zip(rows.chunks_exact(clip.embed_dim())).collect();
            bar.suspend(|| each(&rows))?;
            bar.inc(inputs.len() as u64);
        }
        bar.finish_and_clear();
        if self.total == 1 && !self.ledger.is_empty() {
            let skip = &self.ledger.skips()[0];
            anyhow::bail!("{}: {}", skip.input, skip.reason);
        }
        Ok(())
    }
}

fn encode(clip: &Clip, prepared: &[Prepared], normalize: bool) -> Result<Vec<f32>, Error> {
    if prepared.is_empty() {
        return Ok(Vec::new());
    }
    let features = clip.encode_prepared(prepared)?;
    Ok(if normalize { features.normalize().as_slice().to_vec() } else { features.as_slice().to_vec() })
}

/// A 16-bit grey photograph turns nearly white in the reference, and so here: nobody should miss it.
fn warn_of_clipping(input: &ImageInput, pixels: usize, console: &Console) {
    if pixels > 0 {
        let name = input.name();
        console.warn(&format!(
            "{name}: {pixels} pixels beyond 8 bits became white or black, as in the reference"
        ));
    }
}

fn expand_pattern(pattern: &str) -> Result<Vec<ImageInput>, Error> {
    let no_input = |reason: String| Error::NoInput { pattern: pattern.to_owned(), reason };
    let paths = glob::glob(pattern).map_err(|error| no_input(error.to_string()))?;
    let files: Vec<_> = paths.flatten().filter(|path| path.is_file()).collect();
    if files.is_empty() {
        return Err(no_input("no file matches".into()));
    }
    Ok(files.iter().map(|path| ImageInput::file(path)).collect())
}

/// Where skipped inputs are written.
#[derive(clap::Args)]
pub(crate) struct LedgerArgs {
    /// Write skipped inputs as JSON lines {input, stage, reason}
    #[arg(long, value_name = "FILE")]
    pub(crate) errors: Option<std::path::PathBuf>,
}

impl LedgerArgs {
    /// Names the skipped inputs, writes the ledger, and says how the run ended.
    pub(crate) fn finish(&self, images: &Images, console: &Console) -> anyhow::Result<crate::exit::Exit> {
        console.skipped(&images.ledger, images.total);
        if let Some(path) = &self.errors {
            images.ledger.write(path)?;
        }
        Ok(if images.ledger.is_empty() { crate::exit::Exit::Ok } else { crate::exit::Exit::Skipped })
    }
}

/// Refuses an empty list of arguments that clap cannot refuse.
pub(crate) fn require<T>(values: &[T], what: &str, help: &str) -> anyhow::Result<()> {
    if values.is_empty() {
        return Err(Usage::error(format!("no {what} given"), help));
    }
    Ok(())
}
