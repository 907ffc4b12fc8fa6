//! The tags of the first image of a TIFF.
//!
//! Damage is treated as Pillow treats it: of two equal tags the first counts; unknown field types,
//! empty values and values that are too large for the file are dropped; a value outside the file
//! ends the directory.

use std::collections::{BTreeMap, BTreeSet};

use super::error::corrupt;
use crate::decode::bytes::Bytes;
use crate::{Format, ImageError};

/// Tags with their field types and raw values.
pub(super) struct Directory<'a> {
    big_endian: bool,
    fields: BTreeMap<u16, (u16, &'a [u8])>,
    /// Tags whose values are too large for the file.
    dropped: BTreeSet<u16>,
}

/// More values than any of our tags can use: one per row of the tallest image.
const MOST_VALUES: usize = 1 << 28;

impl<'a> Directory<'a> {
    pub(super) fn read(bytes: &'a [u8]) -> Result<Self, ImageError> {
        let truncated = |what: &str| ImageError::truncated(Format::Tiff, what);
        let head = bytes.first_chunk::<8>().ok_or_else(|| truncated("no header"))?;
        let big_tiff = head.get(2..4).is_some_and(|mark| mark.contains(&43));
        let mut file =
            Reader { cursor: Bytes::new(bytes, 4), big_endian: head.starts_with(b"MM"), big_tiff };
        if big_tiff {
            file.cursor.skip(4);
        }
        let offset = file.offset().ok_or_else(|| truncated("no directory"))?;
        if offset == 0 || offset >= bytes.len() as u64 {
            return Err(truncated("the directory lies outside the file"));
        }
        file.cursor = Bytes::new(bytes, offset as usize);
        let mut directory =
            Self { big_endian: file.big_endian, fields: BTreeMap::new(), dropped: BTreeSet::new() };
        directory.fields(bytes, &mut file);
        Ok(directory)
    }

    /// Reads fields until the last one or the first that cannot be read.
    fn fields(&mut self, bytes: &'a [u8], file: &mut Reader<'a>) -> Option<()> {
        let count = if file.big_tiff { file.u64()? } else { file.u16()?.into() };
        let mut total = 0_u64;
        for _ in 0..count {
            let (tag, kind) = (file.u16()?, file.u16()?);
            let count = file.offset()?;
            let inline = if file.big_tiff { 8 } else { 4 };
            let mut place = Reader { cursor: file.cursor, ..*file };
            let field = file.cursor.take(inline)?;
            if self.fields.contains_key(&tag) {
                continue;
            }
            let Some(unit) = unit_bytes(kind) else { continue };
            let size = count.saturating_mul(unit);
            let value = if size <= inline as u64 {
                field.get(..size as usize)?
            } else {
                let offset = place.offset()?;
                total = total.saturating_add(size);
                if offset >= 1 << 63 || total > bytes.len() as u64 {
                    self.dropped.insert(tag);
                    continue;
                }
                Bytes::new(bytes, usize::try_from(offset).ok()?).take(size as usize)?
            };
            if !value.is_empty() {
                self.fields.insert(tag, (kind, value));
            }
        }
        Some(())
    }

    pub(super) fn big_endian(&self) -> bool {
        self.big_endian
    }

    /// The first value of a tag that holds integers; negative ones are none.
    pub(super) fn value(&self, tag: u16) -> Option<u64> {
        let (kind, bytes) = self.fields.get(&tag)?;
        let first = bytes.get(..unit_bytes(*kind)? as usize)?;
        self.integer(*kind, first)
    }

    /// All values of a tag that holds integers.
    pub(super) fn values(&self, tag: u16) -> Option<Vec<u64>> {
        let (kind, bytes) = self.fields.get(&tag)?;
        let unit = unit_bytes(*kind)? as usize;
        let values = bytes.chunks_exact(unit.max(1)).take(MOST_VALUES);
        values.map(|value| self.integer(*kind, value)).collect()
    }

    /// An error where a tag is larger than the file.
    pub(super) fn check_kept(&self, tag: u16) -> Result<(), ImageError> {
        if self.dropped.contains(&tag) {
            return Err(corrupt(format!("tag {tag} has more values than fit in the file")));
        }
        Ok(())
    }

    /// An error where a tag holds other than one value.
    pub(super) fn check_single(&self, tag: u16) -> Result<(), ImageError> {
        self.check_kept(tag)?;
        match self.fields.get(&tag) {
            Some((kind, bytes)) if unit_bytes(*kind) != Some(bytes.len() as u64) => {
                Err(corrupt(format!("tag {tag} has more than one value")))
            }
            _ => Ok(()),
        }
    }

    /// The bytes of a tag.
    pub(super) fn bytes(&self, tag: u16) -> Option<&'a [u8]> {
        self.fields.get(&tag).map(|(_, bytes)| *bytes)
    }

    fn integer(&self, kind: u16, value: &[u8]) -> Option<u64> {
        let mut reader =
            Reader { cursor: Bytes::new(value, 0), big_endian: self.big_endian, big_tiff: false };
        match kind {
            3 => reader.u16().map(u64::from),
            4 | 13 => reader.u32().map(u64::from),
            16 => reader.u64(),
            6 => value.first().and_then(|byte| u64::try_from(*byte as i8).ok()),
            8 => reader.u16().and_then(|value| u64::try_from(value as i16).ok()),
            9 => reader.u32().and_then(|value| u64::try_from(value as i32).ok()),
            _ => None,
        }
    }

    /// The values of a tag, or `default` where it is missing; an error where they are no integers.
    pub(super) fn values_or(&self, tag: u16, default: &[u64]) -> Result<Vec<u64>, ImageError> {
        if !self.fields.contains_key(&tag) {
            return Ok(default.to_vec());
        }
        self.values(tag).ok_or_else(|| corrupt(format!("tag {tag} does not hold integers")))
    }
}

/// Bytes of one value of a field type.
fn unit_bytes(kind: u16) -> Option<u64> {
    match kind {
        1 | 2 | 6 | 7 => Some(1),
        3 | 8 => Some(2),
        4 | 9 | 11 | 13 => Some(4),
        5 | 10 | 12 | 16 => Some(8),
        _ => None,
    }
}

/// A cursor that knows the file's order of bytes and the size of its offsets.
#[derive(Clone, Copy)]
struct Reader<'a> {
    cursor: Bytes<'a>,
    big_endian: bool,
    big_tiff: bool,
}

impl Reader<'_> {
    fn u16(&mut self) -> Option<u16> {
        let bytes = self.cursor.array()?;
        Some(if self.big_endian { u16::from_be_bytes(bytes) } else { u16::from_le_bytes(bytes) })
    }

    fn u32(&mut self) -> Option<u32> {
        let bytes = self.cursor.array()?;
        Some(if self.big_endian { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) })
    }

    fn u64(&mut self) -> Option<u64> {
        let bytes = self.cursor.array()?;
        Some(if self.big_endian { u64::from_be_bytes(bytes) } else { u64::from_le_bytes(bytes) })
    }

    /// A count or an offset: 8 bytes in BigTIFF, else 4.
    fn offset(&mut self) -> Option<u64> {
        if self.big_tiff { self.u64() } else { self.u32().map(u64::from) }
    }
}
