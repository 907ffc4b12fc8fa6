//! Groups: names and the addresses of what they name.

use super::file::Hdf5;
use super::header::{self, kind};
use super::tree::{self, Kind};
use crate::cursor::{Cursor, little_endian};
use crate::error::FormatError;

pub(super) fn child(file: &Hdf5, group: u64, name: &str) -> Result<Option<u64>, FormatError> {
    let messages = header::messages(file, group)?;
    for message in &messages {
        match message.kind {
            kind::SYMBOL_TABLE => {
                let mut cursor = Cursor::new(&message.body);
                let (tree, heap) = (cursor.uint(file.address_size), cursor.uint(file.address_size));
                let (tree, heap) =
                    tree.zip(heap).ok_or_else(|| file.truncated("a symbol table"))?;
                return in_tree(file, tree, &heap_data(file, heap)?, name.as_bytes());
            }
            kind::LINK => {
                if let Some(address) = link(&message.body, name, file.address_size) {
                    return Ok(Some(address));
                }
            }
            kind::LINK_INFO if has_dense_links(file, &message.body) => {
                return file.fail(
                    "a group of the newest kind (dense links); `h5repack --high=1` rewrites it",
                );
            }
            _ => {}
        }
    }
    Ok(None)
}

/// The names of a group, each ending in a zero.
fn heap_data(file: &Hdf5, address: u64) -> Result<Vec<u8>, FormatError> {
    let size = file.length_size as u64;
    let head = file.block(address, size.saturating_mul(2).saturating_add(16))?;
    let mut cursor = Cursor::new(&head);
    if cursor.take(8).is_none_or(|head| !head.starts_with(b"HEAP")) {
        return file.fail(format!("no heap of names at {address}"));
    }
    let length = cursor.uint(file.length_size);
    cursor.take(file.length_size);
    let data = cursor.uint(file.address_size);
    let (length, data) = length.zip(data).ok_or_else(|| file.truncated("a heap of names"))?;
    file.block(data, length)
}

fn in_tree(file: &Hdf5, root: u64, heap: &[u8], name: &[u8]) -> Result<Option<u64>, FormatError> {
    for leaf in tree::leaves(file, root, Kind::Names, file.length_size)? {
        let address = little_endian(leaf.get(file.length_size..).unwrap_or_default());
        if let Some(found) = in_node(file, address, heap, name)? {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

/// Looks through a leaf of names.
fn in_node(
    file: &Hdf5,
    address: u64,
    heap: &[u8],
    name: &[u8],
) -> Result<Option<u64>, FormatError> {
    let head = file.block(address, 8)?;
    let mut cursor = Cursor::new(&head);
    if cursor.take(6).is_none_or(|head| !head.starts_with(b"SNOD")) {
        return file.fail(format!("no names of a group at {address}"));
    }
    let count = u64::from(cursor.u16().unwrap_or_default());
    let entry = file.address_size.saturating_mul(2).saturating_add(24);
    let entries = file.block(address.saturating_add(8), count.saturating_mul(entry as u64))?;
    for entry in entries.chunks_exact(entry) {
        let mut cursor = Cursor::new(entry);
        let (offset, object) = (cursor.uint(file.address_size), cursor.uint(file.address_size));
        let stored =
            offset.and_then(|offset| heap.get(usize::try_from(offset).ok()?..)).unwrap_or_default();
        if stored.split(|&byte| byte == 0).next() == Some(name) {
            return Ok(object);
        }
    }
    Ok(None)
}

/// The address of a hard link called `name`.
fn link(body: &[u8], name: &str, address_size: usize) -> Option<u64> {
    let mut cursor = Cursor::new(body);
    let _version = cursor.u8()?;
    let flags = cursor.u8()?;
    let hard = if flags & 8 != 0 { cursor.u8()? == 0 } else { true };
    cursor.take(if flags & 4 != 0 { 8 } else { 0 })?; // order of creation
    cursor.take(usize::from(flags & 16 != 0))?; // character set
    let length = cursor.uint(1 << (flags & 3))?;
    let stored = cursor.take(usize::try_from(length).ok()?)?;
    if hard && stored == name.as_bytes() { cursor.uint(address_size) } else { None }
}

fn has_dense_links(file: &Hdf5, body: &[u8]) -> bool {
    let mut cursor = Cursor::new(body);
    let flags = cursor.take(2).and_then(|head| head.get(1).copied()).unwrap_or_default();
    cursor.take(if flags & 1 != 0 { 8 } else { 0 });
    cursor.uint(file.address_size).is_some_and(|heap| !file.is_none(heap))
}
