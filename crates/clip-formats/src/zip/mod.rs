//! Zip archives as `torch.save` and TorchScript write them (PROTOCOL 5.2), read from the central
//! directory alone.
//!
//! An own reader rather than the `zip` crate: entries must be mapped in place, which needs their
//! offsets, and what readers disagree about (duplicate names, overlapping entries, counts that lie,
//! two ends) must be refused rather than resolved one way or the other. Local headers are only used
//! to find where the data begin. Nothing is ever extracted.

mod directory;

use crate::error::FormatError;
use flate2::{Crc, Decompress, FlushDecompress, Status};
use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

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
        let entries = directory::read(path, bytes)?;
        let root = match entries.keys().next().and_then(|name| name.split_once('/')) {
            Some((root, _)) => root.to_owned(),
            None => {
                return Err(FormatError::malformed_at(
                    path,
                    "archive",
                    "no entry lies in a folder",
                ));
            }
        };
        if let Some(other) =
            entries.keys().find(|name| name.split('/').next() != Some(root.as_str()))
        {
            let other: String = other.chars().take(80).flat_map(char::escape_debug).collect();
            let problem =
                format!("entry `{other}` lies outside the archive's one folder `{root:.80}`");
            return Err(FormatError::malformed_at(path, "archive", problem));
        }
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
            let name: String = name.chars().take(80).flat_map(char::escape_debug).collect();
            FormatError::malformed_at(&self.path, format!("entry `{name}`"), problem)
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
