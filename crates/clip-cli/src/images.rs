//! Images as typed: files, folders, patterns, `-`.

use std::ffi::OsString;
use std::io::Read;
use std::path::Path;

use anyhow::Context;
use clip_rs::image::{Format, ImageError};
use clip_rs::{
    Clip, Error, Expanded, FailedImage, Features, ImageInput, Ledger, UsableImage, expand_inputs,
};

use crate::console::{Console, Unit, Usage};

/// What is read from standard input at most: one image, or a long list of paths.
const STDIN_LIMIT: u64 = 1 << 30;

/// The images that `arguments` name, and what named none. A path that exists is itself; else it may
/// be a pattern (`*`, `?`, `[..]`, `**`); `-` is one image, or a list of paths (one a line), on
/// standard input.
pub(crate) struct Images {
    pub(crate) inputs: Vec<ImageInput>,
    pub(crate) ledger: Ledger,
    /// Everything named, skipped inputs included. One alone: its failure is the failure of the run.
    pub(crate) total: usize,
    /// Files in folders that are no images.
    passed_over: usize,
}

impl Images {
    pub(crate) fn from_arguments(
        arguments: &[OsString],
        console: &Console,
    ) -> anyhow::Result<Images> {
        let mut images =
            Images { inputs: Vec::new(), ledger: Ledger::default(), total: 0, passed_over: 0 };
        for argument in arguments {
            if argument == "-" {
                images.add_stdin()?;
            } else {
                images.add(argument.as_ref());
            }
        }
        images.total = images.inputs.len() + images.ledger.skips().len();
        if images.passed_over > 0 {
            console.note(&format!(
                "passed over, as they are no images: {} of the files",
                images.passed_over
            ));
        }
        Ok(images)
    }

    fn add(&mut self, argument: &Path) {
        let pattern =
            argument.to_str().filter(|text| clip_files::is_pattern(text) && !argument.exists());
        match pattern.map_or_else(|| expand_inputs(argument), expand_pattern) {
            Ok(found) => {
                self.inputs.extend(found.inputs);
                self.passed_over += found.passed_over;
                for (folder, error) in found.unread {
                    let folder = clip_files::shown(&folder).into_owned();
                    self.ledger
                        .skip(&folder.clone(), &Error::ReadImage { path: folder, source: error });
                }
            }
            Err(error) => self.ledger.skip(&clip_files::shown(argument), &error),
        }
    }

    fn add_stdin(&mut self) -> anyhow::Result<()> {
        let bytes = read_stdin()?;
        if bytes.trim_ascii().is_empty() {
            let reason = "no image: standard input is empty".into();
            self.ledger.skip("-", &Error::NoInput { pattern: "-".into(), reason });
            return Ok(());
        }
        if !is_list(&bytes) {
            self.inputs.push(ImageInput::bytes("-", bytes));
            return Ok(());
        }
        let list = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes); // a byte order mark is part of no path
        for line in
            list.split(|&byte| byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line))
        {
            if !line.trim_ascii().is_empty() {
                self.add(path_of(line)?.as_ref());
            }
        }
        Ok(())
    }

    /// Encodes all images; `each` gets the usable ones of a batch and their features, row by row.
    /// The rest goes to the ledger; a single image that fails is an error.
    pub(crate) fn encode(
        &mut self,
        clip: &Clip,
        console: &Console,
        each: impl FnMut(&[UsableImage<'_>], Features) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        let inputs = std::mem::take(&mut self.inputs);
        self.encode_these(inputs.iter(), clip, console, each)
    }

    /// The same of some of the images.
    pub(crate) fn encode_these<'a>(
        &mut self,
        inputs: impl ExactSizeIterator<Item = &'a ImageInput>,
        clip: &Clip,
        console: &Console,
        mut each: impl FnMut(&[UsableImage<'_>], Features) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        let bar = console.progress(inputs.len() as u64, Unit::Items("images"));
        let (ledger, alone) = (&mut self.ledger, self.total == 1);
        clip.encode_in_batches(inputs, |batch| {
            bar.inc(batch.len() as u64);
            for FailedImage { input, error, .. } in batch.failed {
                if alone {
                    return Err(error.into());
                }
                ledger.skip(input.name(), &error);
            }
            if batch.usable.is_empty() {
                return Ok(());
            }
            bar.suspend(|| {
                batch
                    .usable
                    .iter()
                    .for_each(|image| warn_of_clipping(image.input, image.clipped, console));
                each(&batch.usable, batch.features)
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

/// A 16-bit grey photograph turns nearly white in the reference, and so here: nobody should miss
/// it.
fn warn_of_clipping(input: &ImageInput, pixels: usize, console: &Console) {
    if pixels > 0 {
        let name = input.name();
        console.warn(&format!(
            "{name}: {pixels} pixels beyond 8 bits became white or black, as in the reference"
        ));
    }
}

/// What a pattern fits: files whatever their endings, and the images in folders.
fn expand_pattern(pattern: &str) -> Result<Expanded, Error> {
    let no_input = |reason: String| Error::NoInput { pattern: pattern.to_owned(), reason };
    let matches = clip_files::matches(pattern).map_err(|error| no_input(error.to_string()))?;
    let mut all = Expanded { unread: matches.unread, ..Expanded::default() };
    for path in matches.paths {
        match expand_inputs(&path) {
            Ok(found) => {
                all.inputs.extend(found.inputs);
                all.passed_over += found.passed_over;
                all.unread.extend(found.unread);
            }
            Err(_) if path.read_dir().is_ok() => {} // a folder without an image
            Err(error) => all.unread.push((path, std::io::Error::other(error))),
        }
    }
    if all.inputs.is_empty() && all.unread.is_empty() {
        return Err(no_input("no image matches".into()));
    }
    Ok(all)
}

/// Whether standard input is a list of paths and no image: text, or at least no bytes that paths
/// cannot have.
fn is_list(bytes: &[u8]) -> bool {
    let is_image = Format::begins(bytes)
        || matches!(Format::of(bytes), Err(ImageError::UnsupportedFormat { .. }));
    let is_lines = || cfg!(unix) && bytes.ends_with(b"\n") && !bytes.contains(&0);
    !is_image && (std::str::from_utf8(bytes).is_ok() || is_lines())
}

/// A path as a line of a list has it: any bytes where the system takes any, UTF-8 elsewhere.
fn path_of(line: &[u8]) -> anyhow::Result<OsString> {
    #[cfg(unix)]
    return Ok(std::os::unix::ffi::OsStringExt::from_vec(line.to_vec()));
    #[cfg(not(unix))]
    Ok(String::from_utf8(line.to_vec()).context("standard input is not UTF-8")?.into())
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
    pub(crate) fn finish(
        &self,
        images: &Images,
        console: &Console,
    ) -> anyhow::Result<crate::exit::Exit> {
        console.skipped(&images.ledger, images.total);
        if let Some(path) = &self.errors {
            images.ledger.write(path)?;
        }
        Ok(if images.ledger.is_empty() {
            crate::exit::Exit::Ok
        } else {
            crate::exit::Exit::Skipped
        })
    }
}

/// Refuses an empty list of arguments that clap cannot refuse.
pub(crate) fn require<T>(values: &[T], what: &str, help: &str) -> anyhow::Result<()> {
    if values.is_empty() {
        return Err(Usage::error(format!("no {what} given"), help));
    }
    Ok(())
}
