//! Rows of features in files, read and written by any number of programs at a time.
//!
//! ```text
//! rows-NAME.bin     [content 32 bytes][values][seal 8 bytes] [content]…      rows of one length, appended by one writer
//! rows-NAME.lock    held by the program that appends to it
//! ```
//!
//! A row is believed only for what it says itself: its content is the one asked for, and its seal,
//! a hash keyed by the model it belongs to, fits. It is looked at each time it is used, for since
//! it was found a file may have been cut, damaged, replaced or removed. What is not believed is not
//! there. So files need no order among programs, and the locks are there for tidiness alone: each
//! program appends to a file of its own, takes up one that nobody holds before it begins another,
//! and cuts off half a row only there.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use clip_files::Lock;

use super::content::{Content, HASH};

/// Bytes of the seal behind a row: the first of its keyed BLAKE3.
const SEAL: usize = 8;
/// Bytes read at a time when a file is gone through.
const BUFFER: usize = 1 << 20;

/// The rows of one model.
pub(super) struct Rows {
    folder: PathBuf,
    /// Of all seals: rows of another model are not believed, wherever they lie.
    key: [u8; 32],
    /// Values of a row.
    values: usize,
    /// Begins the names of files that this program writes.
    writer: String,
    files: Vec<RowFile>,
    /// Where the row of each content was last seen: file, and its first byte.
    places: HashMap<Content, (usize, u64)>,
    own: Option<Own>,
    /// Rows on their way into the own file.
    pending: Vec<u8>,
}

struct RowFile {
    path: PathBuf,
    /// Up to here its rows are known.
    known: u64,
}

/// The file that this program appends to.
struct Own {
    number: usize,
    out: File,
    _lock: Option<Lock>,
}

impl Rows {
    /// The rows in `folder`, of `values` values each.
    pub(super) fn open(folder: &Path, key: [u8; 32], values: usize, writer: &str) -> Rows {
        let mut rows = Rows {
            folder: folder.to_owned(),
            key,
            values,
            writer: writer.to_owned(),
            files: Vec::new(),
            places: HashMap::new(),
            own: None,
            pending: Vec::new(),
        };
        rows.look_again();
        rows
    }

    /// How many contents have a row.
    pub(super) fn len(&self) -> usize {
        self.places.len()
    }

    /// Finds what others wrote since the last look. A file that cannot be read has no rows.
    pub(super) fn look_again(&mut self) {
        let entries = std::fs::read_dir(&self.folder).into_iter().flatten().flatten();
        let mut paths: Vec<PathBuf> =
            entries.map(|entry| entry.path()).filter(|path| holds_rows(path)).collect();
        paths.sort();
        for path in paths {
            let number = self.number_of(path);
            let known = self.read_on(number).unwrap_or(self.files[number].known);
            self.files[number].known = known;
        }
    }

    fn number_of(&mut self, path: PathBuf) -> usize {
        self.files.iter().position(|file| file.path == path).unwrap_or_else(|| {
            self.files.push(RowFile { path, known: 0 });
            self.files.len() - 1
        })
    }

    fn row_bytes(&self) -> usize {
        HASH + 4 * self.values + SEAL
    }

    /// Enters the rows of a file from where they are not known; returns how far they are known now.
    fn read_on(&mut self, number: usize) -> io::Result<u64> {
        let RowFile { path, known } = &self.files[number];
        let mut position = *known;
        let mut file = clip_files::open(path, u64::MAX)?;
        file.seek(SeekFrom::Start(position))?;
        let mut reader = BufReader::with_capacity(BUFFER, file);
        let mut row = vec![0; self.row_bytes()];
        while reader.read_exact(&mut row).is_ok() {
            if let Some(content) = self.content_of(&row) {
                self.places.entry(content).or_insert((number, position));
            }
            position += row.len() as u64;
        }
        Ok(position)
    }

    /// Whose row this is, if it is whole.
    fn content_of(&self, row: &[u8]) -> Option<Content> {
        let (said, seal) = row.split_last_chunk::<SEAL>()?;
        (self.seal(said) == *seal).then(|| said.first_chunk::<HASH>().copied())?
    }

    fn seal(&self, bytes: &[u8]) -> [u8; SEAL] {
        let hash = blake3::keyed_hash(&self.key, bytes);
        hash.as_bytes().first_chunk().copied().unwrap_or_default()
    }

    /// To read many rows with; the nearer they lie, the faster.
    pub(super) fn reader(&self) -> RowReader<'_> {
        let open = self.files.iter().map(|_| None).collect();
        RowReader { rows: self, open, row: vec![0; self.row_bytes()] }
    }

    /// Enters the row of a content; it is on disk after [`Rows::flush`].
    pub(super) fn append(&mut self, content: &Content, values: impl Iterator<Item = f32>) {
        let start = self.pending.len();
        self.pending.extend_from_slice(content);
        self.pending.extend(values.flat_map(f32::to_le_bytes));
        let seal = self.seal(&self.pending[start..]);
        self.pending.extend_from_slice(&seal);
    }

    /// Writes what was appended, by one call, so that rows of two writers would not mix where there
    /// are no locks.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        if self.pending.is_empty() {
            return Ok(());
        }
        let row = self.row_bytes();
        if self.own.is_none() {
            self.own = Some(self.take_file()?);
        }
        let (Some(own), pending) = (&mut self.own, std::mem::take(&mut self.pending)) else {
            return Ok(());
        };
        let length = own.out.metadata()?.len();
        let start = length - length % row as u64;
        if start < length {
            own.out.set_len(start)?; // half a row of a program that was killed, or of a disk that was full
        }
        own.out.write_all(&pending)?;
        let file = &mut self.files[own.number];
        if file.known == start {
            file.known += pending.len() as u64;
        }
        for (position, row) in (start..).step_by(row).zip(pending.chunks_exact(row)) {
            if let Some(content) = row.first_chunk::<HASH>() {
                self.places.insert(*content, (own.number, position));
            }
        }
        Ok(())
    }

    /// A file that nobody appends to, or a new one; ours until we end.
    fn take_file(&mut self) -> io::Result<Own> {
        std::fs::create_dir_all(&self.folder)?;
        for number in 0_usize.. {
            let name = match number {
                0 => format!("rows-{}", self.writer),
                number => format!("rows-{}.{number}", self.writer),
            };
            let lock = match Lock::try_new(&self.folder.join(format!("{name}.lock"))) {
                Ok(Some(lock)) => lock,
                Ok(None) => continue,
                Err(error) => return Err(error),
            };
            let path = self.folder.join(format!("{name}.bin"));
            let out = File::options().create(true).append(true).read(true).open(&path)?;
            return Ok(Own { number: self.number_of(path), out, _lock: Some(lock) });
        }
        Err(io::Error::other("no file is free"))
    }
}

fn holds_rows(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    name.starts_with("rows-") && name.ends_with(".bin")
}

/// Reads rows one after another.
pub(super) struct RowReader<'a> {
    rows: &'a Rows,
    open: Vec<Option<BufReader<File>>>,
    row: Vec<u8>,
}

impl RowReader<'_> {
    /// The values of a content's row; none where there is none that can be believed.
    pub(super) fn values(&mut self, content: &Content) -> Option<impl Iterator<Item = f32> + '_> {
        let &(file, start) = self.rows.places.get(content)?;
        self.read(file, start).ok()?;
        if self.rows.content_of(&self.row)? != *content {
            return None;
        }
        let values = self.row.get(HASH..)?.split_last_chunk::<SEAL>()?.0;
        Some(values.as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes)))
    }

    fn read(&mut self, file: usize, start: u64) -> io::Result<()> {
        let reader = match &mut self.open[file] {
            Some(reader) => reader,
            none => none
                .insert(BufReader::new(clip_files::open(&self.rows.files[file].path, u64::MAX)?)),
        };
        let here = reader.stream_position()?;
        // Successive rows are read without leaving the buffer.
        reader.seek_relative(start as i64 - here as i64)?;
        reader.read_exact(&mut self.row)
    }
}
