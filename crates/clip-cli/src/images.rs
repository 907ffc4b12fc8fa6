//! Images as typed: files, folders, patterns, `-`.

use std::io::Read;
use std::path::Path;

use anyhow::Context;
use clip_rs::{Clip, Error, Features, ImageInput, Ledger, expand_inputs};

use crate::console::{Console, Unit, Usage};

/// What is read from standard input at most: one image, or a long list of paths.
const STDIN_LIMIT: u64 = 1 << 30;

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
        let is_pattern = argument.contains(['*', '?', '[']) && !path.exists();
        match if is_pattern { expand_pattern(argument) } else { expand_inputs(path) } {
            Ok(inputs) => self.inputs.extend(inputs),
            Err(error) => self.ledger.skip(argument, &error),
        }
    }

    fn add_stdin(&mut self) -> anyhow::Result<()> {
        let bytes = read_stdin()?;
        match std::str::from_utf8(&bytes) {
            Ok(list) if clip_rs::image::Format::of(&bytes).is_err() => {
                list.lines().filter(|line| !line.trim().is_empty()).for_each(|line| self.add(line));
            }
            _ => self.inputs.push(ImageInput::bytes("-", bytes)),
        }
        Ok(())
    }

    /// Encodes all images; `each` gets the usable ones of a batch and their features, row by row.
    /// The rest goes to the ledger; a single image that fails is an error.
    pub(crate) fn encode(
        &mut self,
        clip: &Clip,
        console: &Console,
        each: impl FnMut(&[&ImageInput], Features) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        let inputs = std::mem::take(&mut self.inputs);
        self.encode_these(&inputs.iter().collect::<Vec<_>>(), clip, console, each)
    }

    /// The same of some of the images.
    pub(crate) fn encode_these(
        &mut self,
        inputs: &[&ImageInput],
        clip: &Clip,
        console: &Console,
        mut each: impl FnMut(&[&ImageInput], Features) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        let bar = console.progress(inputs.len() as u64, Unit::Items("images"));
        let (ledger, alone) = (&mut self.ledger, self.total == 1);
        clip.encode_in_batches(inputs.iter().copied(), |batch| {
            bar.inc(batch.len() as u64);
            for (input, error) in batch.failed {
                if alone {
                    return Err(error.into());
                }
                ledger.skip(input.name(), &error);
            }
            if batch.usable.is_empty() {
                return Ok(());
            }
            let usable: Vec<&ImageInput> = batch.usable.iter().map(|image| image.input).collect();
            bar.suspend(|| {
                batch.usable.iter().for_each(|image| warn_of_clipping(image.input, image.clipped, console));
                each(&usable, batch.features)
            })
        })?;
        bar.finish_and_clear();
        if self.total == 1 && !self.ledger.is_empty() {
            let skip = &self.ledger.skips()[0];
            anyhow::bail!("{}: {}", skip.input, skip.reason);
        }
        Ok(())
    }
}

/// All of standard input, within a limit.
pub(crate) fn read_stdin() -> anyhow::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let stdin = std::io::stdin().lock();
    stdin.take(STDIN_LIMIT + 1).read_to_end(&mut bytes).context("cannot read standard input")?;
    if bytes.len() as u64 > STDIN_LIMIT {
        let message = format!("standard input has more than {STDIN_LIMIT} bytes");
        return Err(Usage::error(message, "give files or folders by their paths"));
    }
    Ok(bytes)
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
