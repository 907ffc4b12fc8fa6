//! Files of embeddings: `.npy`, `.safetensors`, `.parquet`, each beside its provenance.
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
mod parquet;
mod row_stream;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

pub use self::journal::{Journal, RowPlace};

use clip_files::NewFile;
use clip_formats::{Dtype, npy, safetensors};

use self::row_stream::RowStream;
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

/// Writes the matrix of `rows` to `path` with its ids and `provenance` beside it. What stands
/// beside an earlier matrix is removed before that is replaced: rows and ids of two runs are never
/// side by side.
pub(crate) fn write(
    path: &Path,
    format: Format,
    mut rows: RowStream<'_>,
    provenance: &impl serde::Serialize,
) -> Result<(), Error> {
    let failed = |error| Error::write(path, error);
    let (ids_path, provenance_path) = (beside(path, "ids.jsonl"), beside(path, "json"));
    let matrix = new_file(path, |file| match format {
        Format::Npy => rows.write(file, &npy::header(rows.ids.len(), rows.embed_dim)),
        Format::Safetensors => {
            let metadata = BTreeMap::from([("format".to_owned(), "pt".to_owned())]);
            let shape = [rows.ids.len(), rows.embed_dim];
            let header = safetensors::header(&metadata, [("embeddings", Dtype::F32, &shape[..])]);
            rows.write(file, &header)
        }
        Format::Parquet => parquet::write(file, &mut rows),
    })?;
    let mut beside = vec![new_file(&provenance_path, |file| {
        serde_json::to_writer_pretty(&mut *file, provenance)?;
        file.write_all(b"\n")
    })?];
    if format != Format::Parquet {
        beside.push(new_file(&ids_path, |file| json_lines(file, rows.ids))?);
    }
    remove(&ids_path)?;
    remove(&provenance_path)?;
    matrix.keep().map_err(failed)?;
    beside.into_iter().try_for_each(NewFile::keep).map_err(failed)
}

/// Writes rows that are in memory, as [`Journal::finish`] writes its own.
///
/// # Errors
/// The ending of `path` is unknown, or it cannot be written.
///
/// # Panics
/// If a row is not `row_length` long, or there are not as many ids as rows.
pub fn write_rows(
    path: &Path,
    ids: &[&str],
    rows: &[Vec<f32>],
    row_length: usize,
    provenance: &impl serde::Serialize,
) -> Result<(), Error> {
    assert!(ids.len() == rows.len() && rows.iter().all(|row| row.len() == row_length), "a matrix");
    let mut row = |index: usize| Ok(rows[index].clone());
    write(
        path,
        Format::of(path)?,
        RowStream { ids, embed_dim: row_length, row: &mut row },
        provenance,
    )
}

fn new_file(
    path: &Path,
    content: impl FnOnce(&mut BufWriter<&File>) -> io::Result<()>,
) -> Result<NewFile, Error> {
    let write = || {
        let file = NewFile::of(path)?;
        let mut writer = BufWriter::with_capacity(1 << 18, file.as_file());
        content(&mut writer)?;
        writer.flush()?;
        drop(writer);
        Ok(file)
    };
    write().map_err(|error| Error::write(path, error))
}

/// Removes a file if it is there.
///
/// # Errors
/// It cannot be removed.
pub fn remove(path: &Path) -> Result<(), Error> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(Error::write(path, error)),
        _ => Ok(()),
    }
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
    write_whole(path, |file| json_lines(file, items))
}

fn json_lines(file: &mut impl Write, items: &[impl serde::Serialize]) -> io::Result<()> {
    for item in items {
        serde_json::to_writer(&mut *file, item)?;
        file.write_all(b"\n")?;
    }
    Ok(())
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
