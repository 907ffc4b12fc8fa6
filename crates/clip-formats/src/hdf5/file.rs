//! The file: its superblock, and bytes by their addresses.

use std::path::Path;

use crate::cursor::Cursor;
use crate::error::FormatError;
use crate::file_bytes::FileBytes;

const SIGNATURE: &[u8] = b"\x89HDF\r\n\x1a\n";
/// Bytes before the file proper at most: MATLAB puts 512 there.
const USER_BLOCK_LIMIT: u64 = 1 << 20;
/// Bytes of one header, heap or node at most.
const BLOCK_LIMIT: u64 = 1 << 24;

/// An open file.
#[derive(Debug)]
pub struct Hdf5 {
    pub(super) bytes: FileBytes,
    /// What addresses count from.
    base: u64,
    /// Bytes of an address.
    pub(super) address_size: usize,
    /// Bytes of a length.
    pub(super) length_size: usize,
    pub(super) root: u64,
}

impl Hdf5 {
    /// Opens a file, unpacking one that ends in `.gz`, and reads its superblock.
    ///
    /// # Errors
    /// It cannot be read, or is no HDF5 file.
    pub fn open(path: &Path) -> Result<Hdf5, FormatError> {
        let is_packed = path.extension().is_some_and(|ending| ending == "gz");
        let bytes = if is_packed { FileBytes::unpacked(path)? } else { FileBytes::open(path)? };
        let mut base = 0u64;
        while base < USER_BLOCK_LIMIT && base.saturating_add(8) <= bytes.len() {
            if bytes.read(base, 8)? == SIGNATURE {
                let head = bytes.read(base, bytes.len().saturating_sub(base).min(128))?;
                let superblock = Superblock::parse(&head);
                let Superblock { address_size, length_size, root } =
                    superblock.map_err(|reason| FormatError::malformed(path, reason))?;
                return Ok(Hdf5 { bytes, base, address_size, length_size, root });
            }
            base = base.saturating_mul(2).max(512);
        }
        Err(FormatError::malformed(path, "not an HDF5 file: no signature"))
    }

    /// The file's own place.
    pub fn path(&self) -> &Path {
        self.bytes.path()
    }

    /// `count` bytes at `address`.
    pub(super) fn read(&self, address: u64, count: u64) -> Result<Vec<u8>, FormatError> {
        self.bytes.read(self.base.saturating_add(address), count)
    }

    /// [`Hdf5::read`] for what describes the data, which is never large.
    pub(super) fn block(&self, address: u64, count: u64) -> Result<Vec<u8>, FormatError> {
        if count > BLOCK_LIMIT {
            return Err(self
                .malformed(format!("a block of {count} bytes at {address}, limit {BLOCK_LIMIT}")));
        }
        self.read(address, count)
    }

    pub(super) fn malformed(&self, reason: impl Into<String>) -> FormatError {
        FormatError::malformed(self.bytes.path(), reason)
    }

    pub(super) fn fail<T>(&self, reason: impl Into<String>) -> Result<T, FormatError> {
        Err(self.malformed(reason))
    }

    pub(super) fn truncated(&self, what: &str) -> FormatError {
        self.malformed(format!("{what} is shorter than it says"))
    }

    /// Whether an address is the one that means none.
    pub(super) fn is_none(&self, address: u64) -> bool {
        let bits = (self.address_size as u32).saturating_mul(8).min(64);
        address == u64::MAX >> 64u32.saturating_sub(bits)
    }
}

struct Superblock {
    address_size: usize,
    length_size: usize,
    root: u64,
}

impl Superblock {
    fn parse(bytes: &[u8]) -> Result<Superblock, String> {
        let short = || "its superblock is cut short".to_owned();
        let mut cursor = Cursor::new(bytes);
        cursor.take(SIGNATURE.len()).ok_or_else(short)?;
        let version = cursor.u8().ok_or_else(short)?;
        let old = match version {
            0 | 1 => true,
            2 | 3 => false,
            _ => return Err(format!("superblock version {version} is not known")),
        };
        cursor.take(if old { 4 } else { 0 }).ok_or_else(short)?; // versions of what it points to, all 0
        let address_size = usize::from(cursor.u8().ok_or_else(short)?);
        let length_size = usize::from(cursor.u8().ok_or_else(short)?);
        if ![2, 4, 8].contains(&address_size) || ![2, 4, 8].contains(&length_size) {
            return Err(format!("addresses of {address_size} and lengths of {length_size} bytes"));
        }
        let skipped = match version {
            0 => 9,  // reserved, two ranks of B-trees, flags
            1 => 13, // and a third rank
            _ => 1,  // flags
        };
        cursor.take(skipped).ok_or_else(short)?;
        // base, free space or extension, end, and in the old ones the driver and the root's name
        let addresses = if old { 5 } else { 3 };
        cursor.take(address_size.saturating_mul(addresses)).ok_or_else(short)?;
        let root = cursor.uint(address_size).ok_or_else(short)?;
        Ok(Superblock { address_size, length_size, root })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_without_signature_is_refused_by_name() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("x.h5");
        std::fs::write(&path, b"MATLAB 5.0 MAT-file").expect("written");
        let error = Hdf5::open(&path).expect_err("no HDF5").to_string();
        assert!(error.contains("x.h5: not an HDF5 file"), "{error}");
    }
}
