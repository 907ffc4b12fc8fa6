//! B-trees of version 1: of a group's names, and of a dataset's chunks.

use super::file::Hdf5;
use crate::cursor::Cursor;
use crate::error::FormatError;

/// What a tree leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Names = 0,
    Chunks = 1,
}

/// The entries of all leaves: a key of `key_size` bytes with the address behind it, each.
pub(super) fn leaves(
    file: &Hdf5,
    root: u64,
    kind: Kind,
    key_size: usize,
) -> Result<Vec<Vec<u8>>, FormatError> {
    let entry_size = key_size.saturating_add(file.address_size);
    let most = file.bytes.len().checked_div(entry_size as u64).unwrap_or(0); // each has its own place in the file
    let head_size = file.address_size.saturating_mul(2).saturating_add(8) as u64;
    let mut leaves = Vec::new();
    let mut nodes = vec![(root, u8::MAX)];
    let mut seen = 0u64;
    while let Some((address, below)) = nodes.pop() {
        let head = file.block(address, head_size)?;
        let mut cursor = Cursor::new(&head);
        if cursor.take(4) != Some(b"TREE") || cursor.u8() != Some(kind as u8) {
            return file.fail(format!("no node of {kind:?} at {address}"));
        }
        let level = cursor.u8().filter(|&level| level < below);
        let level =
            level.ok_or_else(|| file.malformed(format!("{kind:?} whose tree has no end")))?;
        let used = u64::from(cursor.u16().unwrap_or_default());
        seen = seen.saturating_add(used).saturating_add(1);
        if seen > most {
            return file.fail(format!("more {kind:?} than the file has room for"));
        }
        let size = used.saturating_mul(entry_size as u64);
        let entries = file.block(address.saturating_add(head_size), size)?;
        for entry in entries.chunks_exact(entry_size) {
            if level == 0 {
                leaves.push(entry.to_vec());
                continue;
            }
            let child =
                Cursor::new(entry.get(key_size..).unwrap_or_default()).uint(file.address_size);
            nodes.push((child.ok_or_else(|| file.truncated("a node"))?, level));
        }
    }
    Ok(leaves)
}
