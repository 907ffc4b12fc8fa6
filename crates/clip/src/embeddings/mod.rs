//! Files of embeddings: `.npy`, `.safetensors`, `.parquet`, each beside its provenance (DESIGN 7).
//!
//! ```text
//! rows, as they are computed ──▶ OUT.partial/ (journal: survives an interruption)
//!                                   │ when all inputs are done
//!                                   ▼
//! OUT            the matrix, in the order of the inputs        .npy .safetensors .parquet
//! OUT.ids.jsonl  one JSON string per row (not for .parquet, which holds them)
//! OUT.json       model, recipe, counts: what is needed to repeat it
//! ```

mod journal;
mod npy;
mod parquet;
mod safetensors;

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

pub use self::journal::Journal;

use crate::error::Error;

/// The three kinds of file, by the ending of the name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// NumPy, version 1.0: f32 `[rows, embed_dim]`, C order, little-endian.
    Npy,
    /// One tensor `embeddings`, F32 `[rows, embed_dim]`.
    Safetensors,
    /// Columns `id` (UTF-8) and `embedding` (list of `embed_dim` floats).
    Parquet,
}

impl Format {
    /// The format that the ending of `path` asks for.
    ///
    /// # Errors
    /// Another ending.
    pub fn of(path: &Path) -> Result<Format, Error> {
        match path.extension().and_then(|ending| ending.to_str()) {
            Some("npy") => Ok(Format::Npy),
            Some("safetensors") => Ok(Format::Safetensors),
            Some("parquet") => Ok(Format::Parquet),
            _ => Err(Error::BrokenFile {
                path: path.to_owned(),
                reason: "the ending must be .npy, .safetensors or .parquet".into(),
            }),
        }
    }
}

/// Rows to write: how many, how long, and the next one.
pub(crate) struct RowStream<'a> {
    pub(crate) ids: &'a [&'a str],
    pub(crate) embed_dim: usize,
    /// Row number -> its values.
    pub(crate) row: &'a mut dyn FnMut(usize) -> io::Result<Vec<f32>>,
}

/// Writes the matrix of `rows` to `path`, whole or not at all.
pub(crate) fn write(path: &Path, format: Format, mut rows: RowStream<'_>) -> Result<(), Error> {
    match format {
        Format::Npy => write_whole(path, |file| npy::write(file, &mut rows))?,
        Format::Safetensors => write_whole(path, |file| safetensors::write(file, &mut rows))?,
        Format::Parquet => write_whole(path, |file| parquet::write(file, &mut rows))?,
    }
    if format != Format::Parquet {
        write_json_lines(&beside(path, "ids.jsonl"), rows.ids)?;
    }
    Ok(())
}

/// `path` with `.suffix` behind its full name: `a.npy` -> `a.npy.json`.
pub fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(suffix);
    name.into()
}

/// Temporary file beside the target, fsync, rename: the target appears whole or not at all.
///
/// # Errors
/// The folder cannot be written to, or `content` fails; then nothing is left behind.
pub fn write_whole(
    path: &Path,
    content: impl FnOnce(&mut BufWriter<&File>) -> io::Result<()>,
) -> Result<(), Error> {
    clip_files::write_whole(path, content).map_err(|error| Error::write(path, error))
}

/// Writes one JSON value per line, whole or not at all.
///
/// # Errors
/// As [`write_whole`].
pub fn write_json_lines(path: &Path, items: &[impl serde::Serialize]) -> Result<(), Error> {
    write_whole(path, |file| {
        for item in items {
            serde_json::to_writer(&mut *file, item)?;
            file.write_all(b"\n")?;
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_ending_names_the_three() {
        let error = Format::of(Path::new("a.csv")).expect_err("refused").to_string();
        assert_eq!(error, "a.csv: the ending must be .npy, .safetensors or .parquet");
    }
}
