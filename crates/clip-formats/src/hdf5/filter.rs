//! What is done to chunks before they are written: deflate, shuffle, Fletcher-32.

use std::io::Read;

use flate2::read::ZlibDecoder;

use crate::cursor::Cursor;

/// Filters in a row at most.
const FILTERS: u8 = 32;

/// One filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Filter {
    Deflate,
    /// All first bytes of the elements, then all second ones, …; the size of an element.
    Shuffle(usize),
    /// Four bytes of checksum at the end; not checked.
    Fletcher32,
}

/// Filters in the order in which they were applied.
pub(super) fn parse(body: &[u8], element: usize) -> Result<Vec<Filter>, String> {
    let short = || "filters are cut short".to_owned();
    let mut cursor = Cursor::new(body);
    let version = cursor.u8().ok_or_else(short)?;
    let count = cursor.u8().ok_or_else(short)?;
    if !(1..=2).contains(&version) || count > FILTERS {
        return Err(format!("{count} filters of version {version}"));
    }
    cursor.take(if version == 1 { 6 } else { 0 }).ok_or_else(short)?;
    let mut filters = Vec::new();
    for _ in 0..count {
        let id = cursor.u16().ok_or_else(short)?;
        let name = if version == 1 || id >= 256 { cursor.u16().ok_or_else(short)? } else { 0 };
        let _flags = cursor.u16().ok_or_else(short)?;
        let values = usize::from(cursor.u16().ok_or_else(short)?);
        let padded = if version == 1 { usize::from(name).next_multiple_of(8) } else { name.into() };
        cursor.take(padded).ok_or_else(short)?;
        cursor.take(values.saturating_mul(4)).ok_or_else(short)?;
        cursor.take(if version == 1 && values % 2 == 1 { 4 } else { 0 }).ok_or_else(short)?;
        filters.push(match id {
            1 => Filter::Deflate,
            2 => Filter::Shuffle(element),
            3 => Filter::Fletcher32,
            _ => {
                return Err(format!(
                    "filter {id} is not supported (1 deflate, 2 shuffle, 3 Fletcher-32 are)"
                ));
            }
        });
    }
    Ok(filters)
}

/// Undoes `filters` but those whose bit is set in `skipped`; the result has `size` bytes.
pub(super) fn undo(
    filters: &[Filter],
    skipped: u32,
    mut bytes: Vec<u8>,
    size: u64,
) -> Result<Vec<u8>, String> {
    for (position, filter) in filters.iter().enumerate().rev() {
        if skipped >> position & 1 == 1 {
            continue;
        }
        bytes = match filter {
            Filter::Deflate => {
                let mut inflated = Vec::new();
                // a checksum may have been taken before
                let limit = size.saturating_add(4);
                let read = ZlibDecoder::new(&*bytes).take(limit).read_to_end(&mut inflated);
                read.map_err(|error| error.to_string())?;
                inflated
            }
            Filter::Shuffle(element) => unshuffle(&bytes, *element),
            Filter::Fletcher32 => {
                bytes.truncate(bytes.len().saturating_sub(4));
                bytes
            }
        };
    }
    if bytes.len() as u64 == size {
        return Ok(bytes);
    }
    Err(format!("a chunk has {} bytes, expected {size}", bytes.len()))
}

fn unshuffle(bytes: &[u8], element: usize) -> Vec<u8> {
    let count = bytes.len().checked_div(element).unwrap_or(0);
    let planes: Vec<&[u8]> = bytes.chunks_exact(count.max(1)).take(element).collect();
    let mut elements = Vec::with_capacity(bytes.len());
    for index in 0..count {
        elements.extend(planes.iter().filter_map(|plane| plane.get(index)));
    }
    let shuffled = count.saturating_mul(element); // what is left over stays as it is
    elements.extend_from_slice(bytes.get(shuffled..).unwrap_or_default());
    elements
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shuffled_elements_come_back() {
        assert_eq!(unshuffle(&[1, 3, 5, 2, 4, 6, 7], 2), [1, 2, 3, 4, 5, 6, 7]);
        assert_eq!(unshuffle(&[], 2), [] as [u8; 0]);
    }

    #[test]
    fn filter_that_is_not_supported_is_named() {
        let lzf = [1, 1, 0, 0, 0, 0, 0, 0, 0, 0x7d, 0, 0, 0, 0, 0, 0];
        assert!(parse(&lzf, 1).expect_err("LZF").contains("filter 32000"));
    }
}
