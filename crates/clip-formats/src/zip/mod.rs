//! Zip archives as `torch.save` and TorchScript write them (PROTOCOL 5.2), read from the central
//! directory alone.
//!
//! The `zip` crate reads the directory. Entries must be mapped in place, so their positions are
//! taken and not their bytes, and what readers disagree about (two entries of one name, entries
//! that overlap, another name in the local header, bytes behind the end) is refused rather than
//! resolved one way or the other. Nothing is ever extracted.

use crate::cursor::little_endian;
use crate::error::{FormatError, shown};
use flate2::{Crc, Decompress, FlushDecompress, Status};
use std::collections::BTreeMap;
use std::io::Cursor;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use zip::read::{ArchiveOffset, Config, ZipFile};
use zip::{CompressionMethod, ZipArchive};

const ENTRY_LIMIT: usize = 100_000;
const NAME_LIMIT: usize = 4096;
/// Bytes of an end record and of a local header, without their names and comments.
const END_LENGTH: usize = 22;
const LOCAL_LENGTH: u64 = 30;

/// Deflated data may be this much longer than their deflated form. Deflate itself reaches 1032.
const RATIO_LIMIT: u64 = 1000;
/// All deflated entries together may become this many times as long as the archive, or
/// [`INFLATED_FREE`] bytes. Weights hardly shrink, and `torch.save` does not deflate them at all.
const INFLATED_RATIO_LIMIT: u64 = 64;
const INFLATED_FREE: u64 = 16 << 20;

/// An archive whose directory has been checked.
pub struct Archive<'a> {
    path: PathBuf,
    bytes: &'a [u8],
    entries: BTreeMap<String, Entry>,
    /// The folder that every entry lies in.
    root: String,
    inflated: AtomicU64,
}

/// One entry; the data were checked to lie inside the file and to overlap with no others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Entry {
    deflated: bool,
    crc: u32,
    /// Bytes in the file.
    stored_size: u64,
    /// Bytes once inflated.
    size: u64,
    data_start: u64,
}

/// The data of an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Data {
    /// Where it is stored as it is: its bytes in the file.
    Stored(Range<usize>),
    /// Where it is deflated.
    Inflated(Vec<u8>),
}

/// Whether an entry's check sum is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Checksum {
    /// It is.
    Compare,
    /// It is not.
    Skip,
}

impl<'a> Archive<'a> {
    /// Reads and checks the directory of the file that is `bytes`; `path` is for messages.
    ///
    /// # Errors
    /// It is damaged, says what readers disagree about, or has entries outside one folder.
    pub fn open(path: &Path, bytes: &'a [u8]) -> Result<Self, FormatError> {
        let malformed = |problem: String| FormatError::malformed_at(path, "archive", problem);
        let entries = entries(bytes).map_err(malformed)?;
        let root = entries.keys().next().and_then(|name| name.split_once('/'));
        let (root, _) = root.ok_or_else(|| malformed("no entry lies in a folder".to_owned()))?;
        if let Some(other) = entries.keys().find(|name| name.split('/').next() != Some(root)) {
            let other = shown(other);
            return Err(malformed(format!(
                "entry `{other}` lies outside the archive's one folder `{root:.80}`"
            )));
        }
        let root = root.to_owned();
        Ok(Self { path: path.to_path_buf(), bytes, entries, root, inflated: AtomicU64::new(0) })
    }

    /// Whether there is an entry of this name, counted from the root folder.
    pub fn contains(&self, name: &str) -> bool {
        self.entries.contains_key(&format!("{}/{name}", self.root))
    }

    /// The data of an entry, named from the root folder.
    ///
    /// # Errors
    /// There is none of that name, or it is damaged or deflated beyond the limits.
    pub fn read(&self, name: &str, checksum: Checksum) -> Result<Data, FormatError> {
        let malformed = |problem: String| {
            FormatError::malformed_at(&self.path, format!("entry `{}`", shown(name)), problem)
        };
        let Some(entry) = self.entries.get(&format!("{}/{name}", self.root)) else {
            return Err(malformed("is not in the archive".to_owned()));
        };
        let range =
            usize::try_from(entry.data_start).ok().zip(usize::try_from(entry.stored_size).ok());
        let range = range.and_then(|(start, size)| Some(start..start.checked_add(size)?));
        let stored = range.and_then(|range| Some((self.bytes.get(range.clone())?, range)));
        let (stored, range) =
            stored.ok_or_else(|| malformed("lies outside the file".to_owned()))?;
        let data = if entry.deflated {
            self.charge(entry).map_err(malformed)?;
            Data::Inflated(inflate(stored, entry.size).map_err(malformed)?)
        } else {
            Data::Stored(range)
        };
        if checksum == Checksum::Compare {
            let mut crc = Crc::new();
            // In steps, because one call takes 32-bit lengths on some paths.
            for chunk in data.of(self.bytes).chunks(1 << 24) {
                crc.update(chunk);
            }
            if crc.sum() != entry.crc {
                return Err(malformed(format!(
                    "CRC-32 is {:08x}, expected {:08x}",
                    crc.sum(),
                    entry.crc
                )));
            }
        }
        Ok(data)
    }

    /// For fuzzing: reads every entry and forgets it.
    pub fn read_everything(&self) {
        for name in self.entries.keys() {
            if let Some((_, name)) = name.split_once('/') {
                drop(self.read(name, Checksum::Compare));
            }
        }
    }

    /// Counts what is about to be inflated against the archive's budget.
    fn charge(&self, entry: &Entry) -> Result<(), String> {
        if entry.size / RATIO_LIMIT > entry.stored_size {
            return Err(format!(
                "{} bytes deflated to {}, more than {RATIO_LIMIT} to 1",
                entry.size, entry.stored_size
            ));
        }
        let limit =
            (self.bytes.len() as u64).saturating_mul(INFLATED_RATIO_LIMIT).max(INFLATED_FREE);
        let before = self.inflated.fetch_add(entry.size, Ordering::Relaxed);
        if before.saturating_add(entry.size) > limit {
            return Err(format!("inflates the archive to more than {limit} bytes"));
        }
        Ok(())
    }
}

impl Data {
    /// The bytes, those of the file being `file`.
    pub fn of<'a>(&'a self, file: &'a [u8]) -> &'a [u8] {
        match self {
            Self::Stored(range) => file.get(range.clone()).unwrap_or_default(),
            Self::Inflated(bytes) => bytes,
        }
    }
}

/// All entries by name, each checked for itself and against the others.
fn entries(bytes: &[u8]) -> Result<BTreeMap<String, Entry>, String> {
    let config = Config { archive_offset: ArchiveOffset::Known(0) };
    if !ends(bytes, |_| true) {
        return Err("has no end record: it is cut off, or no zip archive".to_owned());
    }
    let zip = ZipArchive::with_config(config, Cursor::new(bytes));
    let mut zip = zip.map_err(|error| format!("cannot be read: {error}"))?;
    if !ends(bytes, |comment| comment == zip.comment()) {
        return Err("has another end record than its last one".to_owned());
    }
    if zip.len() > ENTRY_LIMIT {
        return Err(format!("has {} entries, limit {ENTRY_LIMIT}", zip.len()));
    }
    if zip.has_duplicate_names() {
        return Err("two entries have one name".to_owned());
    }
    let (mut entries, mut places) = (BTreeMap::new(), Vec::new());
    for index in 0..zip.len() {
        let described = zip.by_index_data(index).map_err(|error| error.to_string())?;
        let (name, start) = (described.name_raw().to_vec(), described.header_start());
        let name = check_name(&name)
            .map_err(|problem| format!("entry {index} of the directory {problem}"))?;
        let file = zip
            .by_index_raw(index)
            .map_err(|_| format!("entry `{}` has no local header at byte {start}", shown(name)))?;
        let entry = read_entry(bytes, &file)
            .map_err(|problem| format!("entry `{}` {problem}", shown(name)))?;
        places.push((start, entry.data_start.saturating_add(entry.stored_size)));
        entries.insert(name.to_owned(), entry);
    }
    check_overlaps(places, zip.central_directory_start())?;
    Ok(entries)
}

/// Whether an end record whose comment `is` the one meant reaches exactly to the end of the file.
fn ends(bytes: &[u8], is: impl Fn(&[u8]) -> bool) -> bool {
    let Some(last) = bytes.len().checked_sub(END_LENGTH) else { return false };
    (last.saturating_sub(u16::MAX.into())..=last).rev().any(|at| {
        let record = bytes.get(at..).and_then(|end| end.split_at_checked(END_LENGTH));
        record.is_some_and(|(head, comment)| {
            let length = head.get(20..).map_or(0, little_endian);
            head.starts_with(b"PK\x05\x06") && length == comment.len() as u64 && is(comment)
        })
    })
}

/// Names are only looked up, never used as paths; still, one that could leave a folder is refused.
fn check_name(name: &[u8]) -> Result<&str, String> {
    if name.len() > NAME_LIMIT {
        return Err(format!("has a name of {} bytes, limit {NAME_LIMIT}", name.len()));
    }
    let name = std::str::from_utf8(name).map_err(|_| "has a name that is not UTF-8".to_owned())?;
    let leaves = name.is_empty()
        || name.starts_with('/')
        || name.contains(['\\', '\0'])
        || name.split('/').any(|part| part == "..");
    if leaves { Err("has a name that is no plain path".to_owned()) } else { Ok(name) }
}

fn read_entry(bytes: &[u8], file: &ZipFile<'_, Cursor<&[u8]>>) -> Result<Entry, String> {
    if file.encrypted() {
        return Err("is encrypted".to_owned());
    }
    let (size, stored_size) = (file.size(), file.compressed_size());
    let deflated = match file.compression() {
        CompressionMethod::Stored if size != stored_size => {
            return Err(format!("is stored, but {size} bytes in {stored_size}"));
        }
        CompressionMethod::Stored => false,
        CompressionMethod::Deflated => true,
        method => {
            #[allow(deprecated, reason = "only the number says which")]
            let method = method.to_u16();
            return Err(format!("uses compression method {method}, expected 0 or 8"));
        }
    };
    let name = usize::try_from(file.header_start().saturating_add(LOCAL_LENGTH));
    let local = name.ok().and_then(|name| bytes.get(name..));
    if !local.is_some_and(|local| local.starts_with(file.name_raw())) {
        return Err("has another name in its local header".to_owned());
    }
    let data_start = file.data_start().ok_or("has no data")?;
    let end = data_start.saturating_add(stored_size);
    if end > bytes.len() as u64 {
        return Err(format!("ends at byte {end}, the file has {}", bytes.len()));
    }
    Ok(Entry { deflated, crc: file.crc32(), stored_size, size, data_start })
}

/// No two entries may share a byte, and none may reach into the directory.
fn check_overlaps(mut places: Vec<(u64, u64)>, directory_start: u64) -> Result<(), String> {
    places.sort_unstable();
    let mut cursor = 0;
    for (start, end) in places {
        if start < cursor {
            return Err(format!("two entries overlap at byte {start}"));
        }
        cursor = end;
    }
    if cursor > directory_start {
        return Err(format!(
            "an entry ends at byte {cursor}, inside the directory at {directory_start}"
        ));
    }
    Ok(())
}

/// Inflates to exactly `size` bytes; one more is an error before it is written.
fn inflate(deflated: &[u8], size: u64) -> Result<Vec<u8>, String> {
    let size = usize::try_from(size).map_err(|_| "is too large for this machine".to_owned())?;
    let mut out = vec![0; size];
    let mut stream = Decompress::new(false);
    let status = stream
        .decompress(deflated, &mut out, FlushDecompress::Finish)
        .map_err(|_| "is not valid deflate data".to_owned())?;
    let complete = status == Status::StreamEnd || (size == 0 && stream.total_out() == 0);
    if !complete || stream.total_out() != size as u64 {
        return Err(format!("does not inflate to the {size} bytes that the directory states"));
    }
    Ok(out)
}

#[cfg(test)]
mod tests;
