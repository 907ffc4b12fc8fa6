//! Rows on their way to a file, kept so that an interrupted run goes on where it stopped.
//!
//! `OUT.partial/run.json` says which run it belongs to, `rows.f32` holds raw rows, `ids.jsonl` one JSON string per row.
//! A row counts once its id's line is complete: rows are written first.

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use super::{Format, RowStream, beside, write, write_whole};
use crate::error::Error;

/// The rows of one output file, by the id of their input.
pub struct Journal {
    out: PathBuf,
    format: Format,
    folder: PathBuf,
    embed_dim: usize,
    rows: File,
    ids: File,
    row_of: HashMap<String, u64>,
}

impl Journal {
    /// Opens the journal of `out`, taking up the rows of an earlier, interrupted run.
    /// `run` describes what the rows depend on (model, recipe, form); it must be that of the earlier run.
    ///
    /// # Errors
    /// The ending of `out` is unknown, the journal belongs to another run, or the folder cannot be written to.
    pub fn open(out: &Path, run: &serde_json::Value, embed_dim: usize) -> Result<Journal, Error> {
        let format = Format::of(out)?;
        let folder = beside(out, "partial");
        std::fs::create_dir_all(&folder).map_err(|error| Error::write(&folder, error))?;
        check_same_run(&folder, run)?;
        let open = |name: &str| {
            let path = folder.join(name);
            let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path);
            file.map_err(|error| Error::write(&path, error))
        };
        let (mut rows, mut ids) = (open("rows.f32")?, open("ids.jsonl")?);
        let row_of = take_up(&mut rows, &mut ids, embed_dim).map_err(|error| Error::write(&folder, error))?;
        Ok(Journal { out: out.to_owned(), format, folder, embed_dim, rows, ids, row_of })
    }

    /// Whether the row of `id` is there.
    pub fn contains(&self, id: &str) -> bool {
        self.row_of.contains_key(id)
    }

    /// Rows that are there.
    pub fn len(&self) -> usize {
        self.row_of.len()
    }

    /// Whether no row is there yet.
    pub fn is_empty(&self) -> bool {
        self.row_of.is_empty()
    }

    /// Adds rows with their ids. Identical ids have identical rows: the second is not kept.
    ///
    /// # Errors
    /// The journal cannot be written to.
    ///
    /// # Panics
    /// If a row is not `embed_dim` long.
    pub fn append<'a, 'b>(
        &mut self,
        rows: impl IntoIterator<Item = (&'a str, &'b [f32])>,
    ) -> Result<(), Error> {
        let (mut values, mut lines) = (Vec::new(), Vec::new());
        for (id, row) in rows {
            assert_eq!(row.len(), self.embed_dim, "a row of another model");
            if self.row_of.contains_key(id) {
                continue;
            }
            self.row_of.insert(id.to_owned(), self.row_of.len() as u64);
            values.extend(row.iter().flat_map(|value| value.to_le_bytes()));
            lines.extend(serde_json::to_vec(id).unwrap_or_default());
            lines.push(b'\n');
        }
        let written = self.rows.write_all(&values).and_then(|()| self.ids.write_all(&lines));
        written.map_err(|error| Error::write(&self.folder, error))
    }

    /// Writes the rows of `ids`, in that order, to the output with `provenance` beside it; removes the journal.
    ///
    /// # Errors
    /// A row is missing, or the output cannot be written; the journal stays.
    pub fn finish(mut self, ids: &[&str], provenance: &impl serde::Serialize) -> Result<(), Error> {
        let positions: Vec<u64> =
            ids.iter().map(|&id| self.row_of.get(id).copied()).collect::<Option<_>>().ok_or_else(|| {
                Error::BrokenFile { path: self.out.clone(), reason: "a row is missing".into() }
            })?;
        self.rows.seek(SeekFrom::Start(0)).map_err(|error| Error::write(&self.folder, error))?;
        let row_bytes = self.embed_dim * 4;
        let mut reader = BufReader::with_capacity(1 << 20, &self.rows);
        let mut next = 0;
        let mut row = |index: usize| {
            let wanted = positions[index];
            if wanted != next {
                let there = io::Error::other("row out of reach");
                let distance = (wanted as i64 - next as i64).checked_mul(row_bytes as i64).ok_or(there)?;
                reader.seek_relative(distance)?;
            }
            next = wanted + 1;
            let mut bytes = vec![0; row_bytes];
            reader.read_exact(&mut bytes)?;
            Ok(bytes.as_chunks::<4>().0.iter().map(|&value| f32::from_le_bytes(value)).collect())
        };
        write(&self.out, self.format, RowStream { ids, embed_dim: self.embed_dim, row: &mut row })?;
        write_whole(&beside(&self.out, "json"), |file| {
            serde_json::to_writer_pretty(&mut *file, provenance)?;
            file.write_all(b"\n")
        })?;
        std::fs::remove_dir_all(&self.folder).map_err(|error| Error::write(&self.folder, error))
    }
}

impl Drop for Journal {
    /// A run that came to nothing leaves nothing.
    fn drop(&mut self) {
        if self.row_of.is_empty() {
            let _ = std::fs::remove_dir_all(&self.folder);
        }
    }
}

/// Compares `run` with the one noted in the folder, or notes it.
fn check_same_run(folder: &Path, run: &serde_json::Value) -> Result<(), Error> {
    let path = folder.join("run.json");
    let run = run.to_string();
    match std::fs::read_to_string(&path) {
        Ok(earlier) if earlier == run => Ok(()),
        Ok(_) => Err(Error::BrokenFile {
            path: folder.to_owned(),
            reason: "an interrupted run with another model or other settings left this; remove it or choose another output".into(),
        }),
        Err(_) => write_whole(&path, |file| file.write_all(run.as_bytes())),
    }
}

/// Reads the complete ids, cuts both files to them, and leaves both at their end.
fn take_up(rows: &mut File, ids: &mut File, embed_dim: usize) -> io::Result<HashMap<String, u64>> {
    let row_bytes = (embed_dim as u64).saturating_mul(4).max(1);
    let rows_there = rows.metadata()?.len() / row_bytes;
    let (mut row_of, mut count, mut id_bytes) = (HashMap::new(), 0, 0);
    let mut reader = BufReader::new(&*ids);
    let mut line = Vec::new();
    while count < rows_there && reader.read_until(b'\n', &mut line)? > 0 && line.ends_with(b"\n") {
        let Ok(id) = serde_json::from_slice(&line) else { break };
        row_of.insert(id, count);
        count += 1;
        id_bytes += line.len() as u64;
        line.clear();
    }
    rows.set_len(count * row_bytes)?;
    ids.set_len(id_bytes)?;
    rows.seek(SeekFrom::End(0))?;
    ids.seek(SeekFrom::End(0))?;
    Ok(row_of)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn interrupted_run_goes_on_and_output_has_the_order_of_the_inputs() {
        let folder = tempfile::tempdir().expect("a folder");
        let out = folder.path().join("a.npy");
        let run = serde_json::json!({ "model": "m" });
        let mut journal = Journal::open(&out, &run, 2).expect("new");
        journal.append([("b", [3.0, 4.0].as_slice())]).expect("appended");
        drop(journal); // interrupted: the id of a second row is cut off
        let ids_path = beside(&out, "partial").join("ids.jsonl");
        let mut file = OpenOptions::new().append(true).open(ids_path).expect("there");
        file.write_all(b"\"c").expect("written");

        let mut journal = Journal::open(&out, &run, 2).expect("taken up");
        assert!(journal.contains("b") && !journal.contains("c"));
        journal.append([("a", [1.0, 2.0].as_slice())]).expect("appended");
        journal.finish(&["a", "b", "a"], &run).expect("finished");

        let bytes = std::fs::read(&out).expect("whole");
        let values: Vec<f32> = bytes[bytes.len() - 24..]
            .chunks(4)
            .map(|v| f32::from_le_bytes(v.try_into().expect("4")))
            .collect();
        assert_eq!(values, [1.0, 2.0, 3.0, 4.0, 1.0, 2.0]);
        assert!(!beside(&out, "partial").exists());
        assert_eq!(std::fs::read_to_string(beside(&out, "ids.jsonl")).expect("ids"), "\"a\"\n\"b\"\n\"a\"\n");
    }

    #[test]
    fn run_without_a_row_leaves_nothing() {
        let folder = tempfile::tempdir().expect("a folder");
        drop(Journal::open(&folder.path().join("a.npy"), &serde_json::json!({}), 2).expect("new"));
        assert_eq!(std::fs::read_dir(folder.path()).expect("readable").count(), 0);
    }

    #[test]
    fn journal_of_another_run_is_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        let out = folder.path().join("a.parquet");
        let mut journal = Journal::open(&out, &serde_json::json!({ "model": "m" }), 2).expect("new");
        journal.append([("a", [1.0, 0.0].as_slice())]).expect("appended");
        drop(journal);
        let error = Journal::open(&out, &serde_json::json!({ "model": "n" }), 2).err().expect("refused");
        assert!(error.to_string().contains("another model or other settings"), "{error}");
    }
}
