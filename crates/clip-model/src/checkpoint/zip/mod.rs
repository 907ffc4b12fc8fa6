//! Zip archives as `torch.save` and TorchScript write them (PROTOCOL 5.2), read from the central
//! directory alone.
//!
//! An own reader rather than the `zip` crate: entries must be mapped in place, which needs their
//! offsets, and what readers disagree about (duplicate names, overlapping entries, counts that lie,
//! two ends) must be refused rather than resolved one way or the other. Local headers are only used
//! to find where the data begin. Nothing is ever extracted.

#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects
    )
)]

mod directory;

use crate::error::CheckpointError;
use crate::tensor::SharedBytes;
use flate2::{Crc, Decompress, FlushDecompress, Status};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// Deflated data may be this much longer than their deflated form. Deflate itself reaches 1032.
const RATIO_LIMIT: u64 = 1000;
/// All deflated entries together may become this many times as long as the archive, or
/// [`INFLATED_FREE`] bytes. Weights hardly shrink, and `torch.save` does not deflate them at all.
const INFLATED_RATIO_LIMIT: u64 = 64;
const INFLATED_FREE: u64 = 16 << 20;

/// An archive whose directory has been checked.
pub(super) struct Archive {
    path: PathBuf,
    bytes: SharedBytes,
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

/// Whether an entry's check sum is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Checksum {
    Compare,
    Skip,
}

impl Archive {
    /// Reads and checks the directory.
    pub(super) fn open(path: &Path, bytes: SharedBytes) -> Result<Self, CheckpointError> {
        let entries = directory::read(path, bytes.as_slice())?;
        let root = match entries.keys().next().and_then(|name| name.split_once('/')) {
            Some((root, _)) => root.to_owned(),
            None => {
                return Err(CheckpointError::malformed(
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
            return Err(CheckpointError::malformed(path, "archive", problem));
        }
        Ok(Self { path: path.to_path_buf(), bytes, entries, root, inflated: AtomicU64::new(0) })
    }

    /// Whether there is an entry of this name, counted from the root folder.
    pub(super) fn contains(&self, name: &str) -> bool {
        self.entries.contains_key(&format!("{}/{name}", self.root))
    }

    /// The data of an entry: a view into the file where it is stored, a vector where it is deflated.
    pub(super) fn read(
        &self,
        name: &str,
        checksum: Checksum,
    ) -> Result<SharedBytes, CheckpointError> {
        let malformed = |problem: String| {
            let name: String = name.chars().take(80).flat_map(char::escape_debug).collect();
            CheckpointError::malformed(&self.path, format!("entry `{name}`"), problem)
        };
        let Some(entry) = self.entries.get(&format!("{}/{name}", self.root)) else {
            return Err(malformed("is not in the archive".to_owned()));
        };
        let range =
            usize::try_from(entry.data_start).ok().zip(usize::try_from(entry.stored_size).ok());
        let data = range.and_then(|(start, size)| self.bytes.slice(start, size));
        let data = data.ok_or_else(|| malformed("lies outside the file".to_owned()))?;
        let data = if entry.deflated {
            self.charge(entry).map_err(malformed)?;
            SharedBytes::new(inflate(data.as_slice(), entry.size).map_err(malformed)?)
        } else {
            data
        };
        if checksum == Checksum::Compare {
            let mut crc = Crc::new();
            // In steps, because one call takes 32-bit lengths on some paths.
            for chunk in data.as_slice().chunks(1 << 24) {
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
    pub(super) fn read_everything(&self) {
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
        let limit = (self.bytes.as_slice().len() as u64)
            .saturating_mul(INFLATED_RATIO_LIMIT)
            .max(INFLATED_FREE);
        let before = self.inflated.fetch_add(entry.size, Ordering::Relaxed);
        if before.saturating_add(entry.size) > limit {
            return Err(format!("inflates the archive to more than {limit} bytes"));
        }
        Ok(())
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
