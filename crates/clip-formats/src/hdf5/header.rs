//! Object headers: the messages that say what an object is.

use super::file::Hdf5;
use crate::cursor::Cursor;
use crate::error::FormatError;

/// Blocks that a header is spread over, and messages in it, at most.
const PARTS: usize = 1024;

/// One message; `kind` as the specification numbers them.
#[derive(Debug)]
pub(super) struct Message {
    pub(super) kind: u16,
    pub(super) body: Vec<u8>,
}

pub(super) mod kind {
    pub(in super::super) const DATASPACE: u16 = 0x01;
    pub(in super::super) const LINK_INFO: u16 = 0x02;
    pub(in super::super) const DATATYPE: u16 = 0x03;
    pub(in super::super) const LINK: u16 = 0x06;
    pub(in super::super) const LAYOUT: u16 = 0x08;
    pub(in super::super) const FILTERS: u16 = 0x0b;
    pub(in super::super) const CONTINUATION: u16 = 0x10;
    pub(in super::super) const SYMBOL_TABLE: u16 = 0x11;
}

/// All messages of the header at `address`.
pub(super) fn messages(file: &Hdf5, address: u64) -> Result<Vec<Message>, FormatError> {
    let head = file.block(address, 16)?;
    let version_2 = head.starts_with(b"OHDR");
    let (start, length, ordered) =
        if version_2 { second(file, address)? } else { first(file, address, &head)? };
    let mut blocks = vec![(start, length)];
    let mut messages = Vec::new();
    let mut seen = 0usize;
    while let Some((start, length)) = blocks.pop() {
        let block = file.block(start, length)?;
        let body = if version_2 && seen > 0 { continued(file, &block)? } else { &block };
        seen = seen.saturating_add(1);
        let mut cursor = Cursor::new(body);
        while let Some(message) = next(&mut cursor, version_2, ordered) {
            let message = message
                .map_err(|reason| file.malformed(format!("header at {address}: {reason}")))?;
            if message.kind == kind::CONTINUATION {
                let mut place = Cursor::new(&message.body);
                let (start, length) = (place.uint(file.address_size), place.uint(file.length_size));
                let place = start.zip(length).ok_or_else(|| file.truncated("a continuation"))?;
                blocks.push(place);
            }
            messages.push(message);
            if messages.len() > PARTS || seen > PARTS {
                return file.fail(format!("header at {address}: more than {PARTS} messages"));
            }
        }
    }
    Ok(messages)
}

/// Where the messages of a header of version 1 are.
fn first(file: &Hdf5, address: u64, head: &[u8]) -> Result<(u64, u64, bool), FormatError> {
    let mut cursor = Cursor::new(head);
    if cursor.u8() != Some(1) {
        return file.fail(format!("no object header at {address}"));
    }
    cursor.take(7); // reserved, number of messages, references
    let length = cursor.u32().ok_or_else(|| file.truncated("a header"))?;
    Ok((address.saturating_add(16), length.into(), false))
}

/// Where the messages of a header of version 2 are, and whether each has its order of creation.
fn second(file: &Hdf5, address: u64) -> Result<(u64, u64, bool), FormatError> {
    let head = file.block(address, 16)?;
    let flags = head.get(5).copied().unwrap_or_default();
    let optional = if flags & 0x20 != 0 { 16u64 } else { 0 }.saturating_add(if flags & 0x10 != 0 {
        4
    } else {
        0
    });
    let size_at = address.saturating_add(6).saturating_add(optional);
    let width = 1u64 << (flags & 3);
    let length = crate::cursor::little_endian(&file.block(size_at, width)?);
    Ok((size_at.saturating_add(width), length, flags & 4 != 0))
}

/// A block of version 2 that goes on with a header: between its signature and its checksum.
fn continued<'a>(file: &Hdf5, block: &'a [u8]) -> Result<&'a [u8], FormatError> {
    let inner = block
        .strip_prefix(b"OCHK")
        .and_then(|rest| rest.split_at_checked(rest.len().checked_sub(4)?));
    inner.map(|(inner, _)| inner).ok_or_else(|| file.malformed("a header goes on where none is"))
}

/// The next message; none where no further one fits.
fn next(
    cursor: &mut Cursor<'_>,
    version_2: bool,
    ordered: bool,
) -> Option<Result<Message, String>> {
    let head = if !version_2 {
        8
    } else if ordered {
        6
    } else {
        4
    };
    if cursor.rest().len() < head {
        return None;
    }
    let kind = if version_2 { u16::from(cursor.u8()?) } else { cursor.u16()? };
    let length = cursor.u16()?;
    let flags = cursor.u8()?;
    cursor.take(if !version_2 {
        3
    } else if ordered {
        2
    } else {
        0
    })?;
    let Some(body) = cursor.take(length.into()) else {
        return Some(Err(format!(
            "message {kind} claims {length} bytes, {} are left",
            cursor.rest().len()
        )));
    };
    let shared = flags & 2 != 0;
    if shared && matches!(kind, kind::DATASPACE | kind::DATATYPE | kind::LAYOUT | kind::FILTERS) {
        return Some(Err("shared messages are not read".to_owned()));
    }
    Some(Ok(Message { kind, body: body.to_vec() }))
}
