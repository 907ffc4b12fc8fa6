//! Rows on their way to a file, kept so that an interrupted run goes on where it stopped.
//!
//! ```text
//! OUT.partial/run.json   what the rows depend on besides the inputs: model, recipe, form
//!             rows.f32   raw rows
//!             ids.jsonl  for each row, what it is of and what it should hold: ["CONTENT","CHECKSUM"]
//!             lock       held by the run that writes
//! ```
//!
//! A row belongs to the content of its input ([`ContentId`]), not to a name: a file that was
//! replaced is computed again, one that was moved is not. It counts once its line is complete (rows
//! are written first), and only if it has its checksum, which is keyed by the run: a damaged row,
//! or one of another run, is made again.

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, ErrorKind, Read, Seek, SeekFrom, Write};
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};

use clip_files::Lock;

use super::row_stream::RowStream;
use super::{Format, beside, write, write_whole};
use crate::content::ContentId;
use crate::error::Error;

/// Bytes of a note of a run that are read.
const LARGEST_NOTE: u64 = 16 << 20;
/// Bytes of a line of `ids.jsonl`: two numbers, quotes, a comma, brackets, the end.
const LONGEST_LINE: u64 = 128;
/// Hashed in front of the run, so that its key is no other hash of the same text.
const KEY_CONTEXT: &str = "clip-rs 2026 embeddings journal";

/// The rows of one output file, by the content of their inputs.
pub struct Journal {
    out: PathBuf,
    format: Format,
    folder: PathBuf,
    embed_dim: usize,
    key: [u8; 32],
    rows: File,
    ids: File,
    /// Rows in the file, usable or not.
    written: u32,
    place_of: HashMap<ContentId, RowPlace>,
    finished: bool,
    _lock: Lock,
}

/// Where a row is in the journal it belongs to: counted from 1, so that none takes no room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RowPlace(NonZeroU32);

impl RowPlace {
    /// That of the row behind `written` others, if it can be counted.
    fn behind(written: u32) -> Option<RowPlace> {
        written.checked_add(1).and_then(NonZeroU32::new).map(RowPlace)
    }

    fn row(self) -> u64 {
        u64::from(self.0.get()) - 1
    }
}

impl Journal {
    /// Opens the journal of `out`, taking up the rows of an earlier, interrupted run. `run`
    /// describes what the rows depend on (model, recipe, form); it must be that of the earlier run.
    ///
    /// # Errors
    /// The ending of `out` is unknown, another run holds the journal, it belongs to another run, or
    /// the folder cannot be written to.
    pub fn open(out: &Path, run: &serde_json::Value, embed_dim: usize) -> Result<Journal, Error> {
        let format = Format::of(out)?;
        let folder = beside(out, "partial");
        let lock = lock(&folder).map_err(|error| Error::write(&folder, error))?;
        let lock = lock.ok_or_else(|| Error::InUse { path: out.to_owned() })?;
        check_same_run(&folder, run)?;
        let open = |name: &str| {
            let path = folder.join(name);
            let file =
                OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path);
            file.map_err(|error| Error::write(&path, error))
        };
        let mut journal = Journal {
            out: out.to_owned(),
            format,
            embed_dim,
            key: blake3::derive_key(KEY_CONTEXT, run.to_string().as_bytes()),
            rows: open("rows.f32")?,
            ids: open("ids.jsonl")?,
            written: 0,
            place_of: HashMap::new(),
            finished: false,
            folder,
            _lock: lock,
        };
        journal.take_up().map_err(|error| Error::write(&journal.folder, error))?;
        Ok(journal)
    }

    /// Where the row of an input of this content is, if it is there.
    pub fn place(&self, content: ContentId) -> Option<RowPlace> {
        self.place_of.get(&content).copied()
    }

    /// Rows of different content that are there.
    pub fn len(&self) -> usize {
        self.place_of.len()
    }

    /// Whether no row is there yet.
    pub fn is_empty(&self) -> bool {
        self.place_of.is_empty()
    }

    /// Adds rows, each with the content of its input, and says where they are. Equal content has
    /// equal rows: the second is not kept.
    ///
    /// # Errors
    /// The journal cannot be written to, or has 2^32 rows.
    ///
    /// # Panics
    /// If a row is not `embed_dim` long.
    pub fn append<'a>(
        &mut self,
        rows: impl IntoIterator<Item = (ContentId, &'a [f32])>,
    ) -> Result<Vec<RowPlace>, Error> {
        let (mut places, mut values, mut lines) = (Vec::new(), Vec::new(), Vec::new());
        let failed = |error| Error::write(&self.folder, error);
        for (content, row) in rows {
            assert_eq!(row.len(), self.embed_dim, "a row of another model");
            if let Some(&place) = self.place_of.get(&content) {
                places.push(place);
                continue;
            }
            let start = values.len();
            values.extend(row.iter().flat_map(|value| value.to_le_bytes()));
            let checksum = checksum(&self.key, content, &values[start..]);
            writeln!(lines, "[\"{content}\",\"{checksum}\"]").map_err(failed)?;
            let full = || failed(io::Error::other("a file of embeddings has less than 2^32 rows"));
            let place = RowPlace::behind(self.written).ok_or_else(full)?;
            self.place_of.insert(content, place);
            places.push(place);
            self.written += 1;
        }
        let written = self.rows.write_all(&values).and_then(|()| self.ids.write_all(&lines));
        written.map_err(|error| Error::write(&self.folder, error))?;
        Ok(places)
    }

    /// Writes the rows at `places`, in that order, each with its id, to the output with
    /// `provenance` beside it. The journal is gone when this is dropped.
    ///
    /// # Errors
    /// A row does not hold any more what was written, or the output cannot be written; the journal
    /// stays.
    ///
    /// # Panics
    /// If there are not as many ids as places.
    pub fn finish(
        &mut self,
        ids: &[&str],
        places: &[RowPlace],
        provenance: &impl serde::Serialize,
    ) -> Result<(), Error> {
        assert_eq!(ids.len(), places.len(), "an id for each row");
        let mut reader = RowReader::new(&self.rows, self.embed_dim);
        let mut row = |index: usize| reader.row(places[index].row());
        write(
            &self.out,
            self.format,
            RowStream { ids, embed_dim: self.embed_dim, row: &mut row },
            provenance,
        )?;
        self.finished = true;
        Ok(())
    }

    /// Reads which rows are whole, cuts both files to the complete lines, and leaves both at their
    /// end.
    fn take_up(&mut self) -> io::Result<()> {
        let row_bytes = (self.embed_dim as u64).saturating_mul(4).max(1);
        let there = self.rows.metadata()?.len() / row_bytes;
        let mut id_bytes = 0;
        let mut ids = BufReader::new(&self.ids);
        let mut rows = RowReader::new(&self.rows, self.embed_dim);
        let mut line = String::new();
        while u64::from(self.written) < there.min(u32::MAX.into()) {
            line.clear();
            let length = (&mut ids).take(LONGEST_LINE).read_line(&mut line).unwrap_or(0);
            if !line.ends_with('\n') {
                break;
            }
            let row = rows.bytes(self.written.into())?;
            let content = content_of(&line, &self.key, row);
            self.place_of.extend(content.zip(RowPlace::behind(self.written)));
            self.written += 1;
            id_bytes += length as u64;
        }
        self.rows.set_len(u64::from(self.written) * row_bytes)?;
        self.ids.set_len(id_bytes)?;
        self.rows.seek(SeekFrom::End(0))?;
        self.ids.seek(SeekFrom::End(0))?;
        Ok(())
    }

    /// Removes the files; the lock's last, so that nobody takes up half of them.
    fn remove(&self) {
        for name in ["rows.f32", "ids.jsonl", "run.json", "lock"] {
            let _ = std::fs::remove_file(self.folder.join(name));
        }
        let _ = std::fs::remove_dir(&self.folder); // not empty: another run has begun already
    }
}

impl Drop for Journal {
    /// A run that came to its end, or to nothing, leaves nothing.
    fn drop(&mut self) {
        if self.finished || self.place_of.is_empty() {
            self.remove();
        }
    }
}

/// Rows of the file, mostly one after the other.
struct RowReader<'a> {
    file: BufReader<&'a File>,
    /// The row that comes next; none before the first.
    next: Option<u64>,
    bytes: Vec<u8>,
}

impl<'a> RowReader<'a> {
    fn new(file: &'a File, embed_dim: usize) -> RowReader<'a> {
        RowReader {
            file: BufReader::with_capacity(1 << 18, file),
            next: None,
            bytes: vec![0; embed_dim * 4],
        }
    }

    fn bytes(&mut self, row: u64) -> io::Result<&[u8]> {
        let start = |row: u64| {
            i64::try_from(row.saturating_mul(self.bytes.len() as u64)).map_err(io::Error::other)
        };
        match self.next {
            None => drop(self.file.seek(SeekFrom::Start(start(row)? as u64))?),
            Some(next) if next != row => self.file.seek_relative(start(row)? - start(next)?)?,
            Some(_) => {}
        }
        self.next = Some(row + 1);
        self.file.read_exact(&mut self.bytes)?;
        Ok(&self.bytes)
    }

    fn row(&mut self, row: u64) -> io::Result<Vec<f32>> {
        let bytes = self.bytes(row)?;
        Ok(bytes.as_chunks::<4>().0.iter().map(|&value| f32::from_le_bytes(value)).collect())
    }
}

/// What a line says a row is of, if the row has its checksum.
fn content_of(line: &str, key: &[u8; 32], row: &[u8]) -> Option<ContentId> {
    let (content, checksum_said) = serde_json::from_str::<(String, String)>(line).ok()?;
    let content = ContentId::parse(&content)?;
    (checksum(key, content, row).to_string() == checksum_said).then_some(content)
}

fn checksum(key: &[u8; 32], content: ContentId, row: &[u8]) -> ContentId {
    ContentId::from_hash(
        &blake3::Hasher::new_keyed(key).update(content.as_bytes()).update(row).finalize(),
    )
}

/// Makes the folder and takes its lock; a run that ends meanwhile may remove both.
fn lock(folder: &Path) -> io::Result<Option<Lock>> {
    loop {
        std::fs::create_dir_all(folder)?;
        match Lock::try_new(&folder.join("lock")) {
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            result => return result,
        }
    }
}

/// Compares `run` with the one noted in the folder. Where none is noted, it is noted: the rows'
/// checksums tell whose they are.
fn check_same_run(folder: &Path, run: &serde_json::Value) -> Result<(), Error> {
    let path = folder.join("run.json");
    let run = run.to_string();
    match clip_files::read_text(&path, LARGEST_NOTE) {
        Ok(earlier) if earlier == run => Ok(()),
        Ok(_) => Err(Error::BrokenFile {
            path: folder.to_owned(),
            reason: "an interrupted run with another model or other settings left this; remove it or choose another output".into(),
        }),
        Err(_) => write_whole(&path, |file| file.write_all(run.as_bytes())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(text: &str) -> ContentId {
        ContentId::of(text.as_bytes())
    }

    fn values(out: &Path, count: usize) -> Vec<f32> {
        let bytes = std::fs::read(out).expect("whole");
        let values = bytes[bytes.len() - count * 4..].chunks(4);
        values.map(|value| f32::from_le_bytes(value.try_into().expect("4"))).collect()
    }

    #[test]
    fn interrupted_run_goes_on_and_output_has_the_order_of_the_inputs() {
        let folder = tempfile::tempdir().expect("a folder");
        let out = folder.path().join("a.npy");
        let run = serde_json::json!({ "model": "m" });
        let mut journal = Journal::open(&out, &run, 2).expect("new");
        journal.append([(id("b"), [3.0, 4.0].as_slice())]).expect("appended");
        drop(journal); // interrupted: the line of a second row is cut off
        let ids_path = beside(&out, "partial").join("ids.jsonl");
        let mut file = OpenOptions::new().append(true).open(ids_path).expect("there");
        file.write_all(b"[\"c").expect("written");

        let mut journal = Journal::open(&out, &run, 2).expect("taken up");
        let b = journal.place(id("b")).expect("there");
        assert!(journal.place(id("c")).is_none());
        let a = journal.append([(id("a"), [1.0, 2.0].as_slice())]).expect("appended")[0];
        journal.finish(&["a", "b", "a"], &[a, b, a], &run).expect("finished");
        drop(journal);

        assert_eq!(values(&out, 6), [1.0, 2.0, 3.0, 4.0, 1.0, 2.0]);
        assert!(!beside(&out, "partial").exists());
        assert_eq!(
            std::fs::read_to_string(beside(&out, "ids.jsonl")).expect("ids"),
            "\"a\"\n\"b\"\n\"a\"\n"
        );
    }

    #[test]
    fn every_bit_of_rows_and_lines_is_checked() {
        let folder = tempfile::tempdir().expect("a folder");
        let out = folder.path().join("a.npy");
        let run = serde_json::json!({ "model": "m" });
        let mut journal = Journal::open(&out, &run, 2).expect("new");
        let rows = [(id("a"), [1.0, 2.0]), (id("b"), [3.0, 4.0]), (id("c"), [5.0, 6.0])];
        journal.append(rows.iter().map(|(id, row)| (*id, row.as_slice()))).expect("appended");
        drop(journal);
        let partial = beside(&out, "partial");
        let whole = ["rows.f32", "ids.jsonl"]
            .map(|name| (name, std::fs::read(partial.join(name)).expect("there")));
        for (damaged, byte) in
            (0..24).map(|byte| (0, byte)).chain((0..whole[1].1.len()).map(|byte| (1, byte)))
        {
            std::fs::create_dir_all(&partial).expect("a folder");
            for (number, (name, bytes)) in whole.iter().enumerate() {
                let mut bytes = bytes.clone();
                if number == damaged {
                    bytes[byte] ^= 1 << (byte % 8);
                }
                std::fs::write(partial.join(name), bytes).expect("written");
            }
            let journal = Journal::open(&out, &run, 2).expect("opened");
            let hit = byte / (whole[damaged].1.len() / 3);
            let there = rows.map(|(id, _)| journal.place(id).is_some());
            assert!(
                !there[hit] && there[..hit].iter().all(|&there| there),
                "{damaged} {byte}: {there:?}"
            );
        }
    }

    #[test]
    fn run_without_a_row_leaves_nothing() {
        let folder = tempfile::tempdir().expect("a folder");
        drop(Journal::open(&folder.path().join("a.npy"), &serde_json::json!({}), 2).expect("new"));
        assert_eq!(std::fs::read_dir(folder.path()).expect("readable").count(), 0);
    }

    #[test]
    fn journal_of_another_run_is_refused_and_without_its_note_its_rows_are_not_believed() {
        let folder = tempfile::tempdir().expect("a folder");
        let out = folder.path().join("a.parquet");
        let (run, other) =
            (serde_json::json!({ "model": "m" }), serde_json::json!({ "model": "n" }));
        let mut journal = Journal::open(&out, &run, 2).expect("new");
        journal.append([(id("a"), [1.0, 0.0].as_slice())]).expect("appended");
        drop(journal);
        let error = Journal::open(&out, &other, 2).err().expect("refused");
        assert!(error.to_string().contains("another model or other settings"), "{error}");
        let note = beside(&out, "partial").join("run.json");
        std::fs::remove_file(&note).expect("there");
        assert_eq!(Journal::open(&out, &run, 2).expect("the same run").len(), 1);
        std::fs::remove_file(&note).expect("there");
        assert!(Journal::open(&out, &other, 2).expect("another run").is_empty());
    }

    #[test]
    fn second_run_into_one_output_is_refused_while_the_first_goes_on() {
        let folder = tempfile::tempdir().expect("a folder");
        let out = folder.path().join("a.npy");
        let run = serde_json::json!({});
        let first = Journal::open(&out, &run, 2).expect("new");
        let refused = Journal::open(&out, &run, 2).err().expect("refused");
        assert!(matches!(refused, Error::InUse { .. }));
        drop(first);
        Journal::open(&out, &run, 2).expect("free");
    }
}
