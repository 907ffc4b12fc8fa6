//! The central directory: the end record, 64-bit fields, and every entry's place.

use super::Entry;
use crate::error::FormatError;
use std::collections::BTreeMap;
use std::path::Path;

const ENTRY_LIMIT: u64 = 100_000;
const NAME_LIMIT: usize = 4096;

const END: [u8; 4] = *b"PK\x05\x06";
const END_64: [u8; 4] = *b"PK\x06\x06";
const LOCATOR_64: [u8; 4] = *b"PK\x06\x07";
const CENTRAL: [u8; 4] = *b"PK\x01\x02";
const LOCAL: [u8; 4] = *b"PK\x03\x04";

const END_LENGTH: usize = 22;
const END_64_LENGTH: usize = 56;
const LOCATOR_LENGTH: usize = 20;
const CENTRAL_LENGTH: usize = 46;
const LOCAL_LENGTH: usize = 30;

pub(super) fn read(path: &Path, bytes: &[u8]) -> Result<BTreeMap<String, Entry>, FormatError> {
    let malformed = |problem: String| FormatError::malformed_at(path, "archive", problem);
    let end = find_end(bytes).map_err(malformed)?;
    if end.entries > ENTRY_LIMIT {
        return Err(FormatError::Limit {
            path: path.to_path_buf(),
            what: "number of entries".to_owned(),
            claimed: end.entries,
            limit: ENTRY_LIMIT,
        });
    }
    let (entries, places) = read_entries(bytes, &end).map_err(malformed)?;
    check_overlaps(places, end.directory_start as u64).map_err(malformed)?;
    Ok(entries)
}

/// The end record: how many entries, and where their directory is.
struct End {
    entries: u64,
    directory_start: usize,
    directory_end: usize,
}

fn find_end(bytes: &[u8]) -> Result<End, String> {
    let position =
        end_position(bytes).ok_or("has no end record: it is cut off, or no zip archive")?;
    let record = Fields::at(bytes, position, END_LENGTH).ok_or("ends inside its end record")?;
    let (disk, directory_disk) = (record.u16(4), record.u16(6));
    let (here, total) = (u64::from(record.u16(8)), u64::from(record.u16(10)));
    let (mut entries, mut size, mut start) =
        (total, u64::from(record.u32(12)), u64::from(record.u32(16)));
    if disk != directory_disk || disk != 0 || here != total {
        return Err("is split into several files".to_owned());
    }
    let mut directory_end = position;
    if let Some((position_64, record)) = end_64(bytes, position)? {
        let wide = [record.u64(32), record.u64(40), record.u64(48)];
        // The short fields either agree or say that they cannot hold the value.
        for (short, wide, sentinel) in [
            (entries, wide[0], 0xFFFF),
            (size, wide[1], 0xFFFF_FFFF),
            (start, wide[2], 0xFFFF_FFFF),
        ] {
            if short != wide && short != sentinel {
                return Err(format!("states {short} and {wide} in its two end records"));
            }
        }
        [entries, size, start] = wide;
        directory_end = position_64;
    }
    let range = usize::try_from(start)
        .ok()
        .zip(start.checked_add(size).and_then(|end| usize::try_from(end).ok()));
    match range {
        Some((directory_start, end)) if end == directory_end => {
            Ok(End { entries, directory_start, directory_end })
        }
        _ => Err(format!(
            "states a directory of {size} bytes at {start}, which is not where it ends ({directory_end})"
        )),
    }
}

/// The last place where an end record's comment reaches exactly to the end of the file.
fn end_position(bytes: &[u8]) -> Option<usize> {
    let last = bytes.len().checked_sub(END_LENGTH)?;
    let first = last.saturating_sub(usize::from(u16::MAX));
    (first..=last).rev().find(|&position| {
        Fields::at(bytes, position, END_LENGTH).is_some_and(|record| {
            record.signature() == Some(END)
                && position.saturating_add(END_LENGTH).saturating_add(record.u16(20).into())
                    == bytes.len()
        })
    })
}

/// The 64-bit end record, where a locator stands before the end record.
fn end_64(bytes: &[u8], end: usize) -> Result<Option<(usize, Fields<'_>)>, String> {
    let locator =
        end.checked_sub(LOCATOR_LENGTH).and_then(|start| Fields::at(bytes, start, LOCATOR_LENGTH));
    let Some(locator) = locator.filter(|locator| locator.signature() == Some(LOCATOR_64)) else {
        return Ok(None);
    };
    let position = locator.u64(8);
    let record = usize::try_from(position)
        .ok()
        .and_then(|at| Some((at, Fields::at(bytes, at, END_64_LENGTH)?)));
    match record {
        Some((at, record)) if record.signature() == Some(END_64) && at < end => {
            Ok(Some((at, record)))
        }
        _ => Err(format!("has no 64-bit end record at {position}, where it says")),
    }
}

/// Where an entry lies in the file, its local header included.
type Place = (u64, u64);

fn read_entries(bytes: &[u8], end: &End) -> Result<(BTreeMap<String, Entry>, Vec<Place>), String> {
    let mut entries = BTreeMap::new();
    let mut places = Vec::new();
    let mut at = end.directory_start;
    for index in 0..end.entries {
        let record = Fields::at(bytes, at, CENTRAL_LENGTH)
            .filter(|record| record.signature() == Some(CENTRAL));
        let record =
            record.ok_or_else(|| format!("has {index} entries, {} are announced", end.entries))?;
        let lengths = [record.u16(28), record.u16(30), record.u16(32)].map(usize::from);
        let [name_length, extra_length, comment_length] = lengths;
        let name_start = at.saturating_add(CENTRAL_LENGTH);
        let extra_start = name_start.saturating_add(name_length);
        let comment_start = extra_start.saturating_add(extra_length);
        at = comment_start.saturating_add(comment_length);
        if at > end.directory_end {
            return Err(format!("entry {index} of the directory is cut off"));
        }
        let name = bytes.get(name_start..extra_start).unwrap_or(&[]);
        let name = check_name(name)
            .map_err(|problem| format!("entry {index} of the directory {problem}"))?;
        let extra = bytes.get(extra_start..comment_start).unwrap_or(&[]);
        let (entry, place) = read_entry(bytes, &record, extra, name).map_err(|problem| {
            format!("entry `{:.80}` {problem}", name.escape_debug().to_string())
        })?;
        places.push(place);
        if entries.insert(name.to_owned(), entry).is_some() {
            return Err(format!("entry `{:.80}` is there twice", name.escape_debug().to_string()));
        }
    }
    if at != end.directory_end {
        return Err(format!("has more than the {} entries announced", end.entries));
    }
    Ok((entries, places))
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

fn read_entry(
    bytes: &[u8],
    record: &Fields<'_>,
    extra: &[u8],
    name: &str,
) -> Result<(Entry, Place), String> {
    let flags = record.u16(8);
    if flags & 0x0041 != 0 {
        return Err("is encrypted".to_owned());
    }
    let deflated = match record.u16(10) {
        0 => false,
        8 => true,
        method => return Err(format!("uses compression method {method}, expected 0 or 8")),
    };
    let [mut size, mut stored_size, mut start] =
        [record.u32(24), record.u32(20), record.u32(42)].map(u64::from);
    let mut wide = wide_fields(extra)?.into_iter();
    for field in [&mut size, &mut stored_size, &mut start] {
        if *field == 0xFFFF_FFFF {
            *field = wide.next().ok_or("lacks a 64-bit field")?;
        }
    }
    if !deflated && size != stored_size {
        return Err(format!("is stored, but {size} bytes in {stored_size}"));
    }
    let local =
        usize::try_from(start).ok().and_then(|start| Fields::at(bytes, start, LOCAL_LENGTH));
    let local = local.filter(|local| local.signature() == Some(LOCAL));
    let local = local.ok_or_else(|| format!("has no local header at byte {start}"))?;
    let name_start = start.saturating_add(LOCAL_LENGTH as u64);
    let extra_start = name_start.saturating_add(local.u16(26).into());
    let data_start = extra_start.saturating_add(local.u16(28).into());
    let local_name = usize::try_from(name_start).ok().zip(usize::try_from(extra_start).ok());
    if local_name.and_then(|(from, to)| bytes.get(from..to)) != Some(name.as_bytes()) {
        return Err("has another name in its local header".to_owned());
    }
    let end = data_start.saturating_add(stored_size);
    if end > bytes.len() as u64 {
        return Err(format!("ends at byte {end}, the file has {}", bytes.len()));
    }
    Ok((Entry { deflated, crc: record.u32(16), stored_size, size, data_start }, (start, end)))
}

/// The 64-bit values of the extra field 0x0001, in their order.
fn wide_fields(mut extra: &[u8]) -> Result<Vec<u64>, String> {
    while let Some((header, rest)) = extra.split_first_chunk::<4>() {
        let [id_low, id_high, length_low, length_high] = *header;
        let length = usize::from(u16::from_le_bytes([length_low, length_high]));
        let Some((field, rest)) = rest.split_at_checked(length) else {
            return Err("has an extra field that is cut off".to_owned());
        };
        if u16::from_le_bytes([id_low, id_high]) == 0x0001 {
            return Ok(field
                .as_chunks()
                .0
                .iter()
                .take(3)
                .map(|&value| u64::from_le_bytes(value))
                .collect());
        }
        extra = rest;
    }
    Ok(Vec::new())
}

/// No two entries may share a byte, and none may reach into the directory.
fn check_overlaps(mut places: Vec<Place>, directory_start: u64) -> Result<(), String> {
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

/// Little-endian fields of one record whose length was checked.
struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn at(bytes: &'a [u8], start: usize, length: usize) -> Option<Self> {
        bytes.get(start..start.checked_add(length)?).map(Self)
    }

    fn array<const N: usize>(&self, offset: usize) -> Option<[u8; N]> {
        self.0.get(offset..)?.first_chunk().copied()
    }

    fn signature(&self) -> Option<[u8; 4]> {
        self.array(0)
    }

    // Offsets are constants inside the record, so the defaults are never taken.
    fn u16(&self, offset: usize) -> u16 {
        u16::from_le_bytes(self.array(offset).unwrap_or_default())
    }

    fn u32(&self, offset: usize) -> u32 {
        u32::from_le_bytes(self.array(offset).unwrap_or_default())
    }

    fn u64(&self, offset: usize) -> u64 {
        u64::from_le_bytes(self.array(offset).unwrap_or_default())
    }
}
