//! Elements: their tags, and the bytes behind them.

use std::io::{Error, Read};

use flate2::read::ZlibDecoder;

/// Bytes of values at most, all variables together. The largest file of a data set (SVHN train) has
/// 225 MB.
const SIZE_LIMIT: u64 = 1 << 29;
/// Values, cells and fields at most. IIIT5K's test file has 3.2 million.
const COUNT_LIMIT: u64 = 1 << 23;
/// Bytes that are inflated or passed over at most.
const STREAM_LIMIT: u64 = 1 << 33;

#[derive(Debug)]
pub(super) enum Failure {
    Read(Error),
    Content(String),
}

impl Failure {
    pub(super) fn content(reason: impl Into<String>) -> Failure {
        Failure::Content(reason.into())
    }
}

pub(super) fn fail<T>(reason: impl Into<String>) -> Result<T, Failure> {
    Err(Failure::content(reason))
}

/// Types of elements, as the file numbers them.
pub(super) mod kind {
    pub(in super::super) const INT8: u32 = 1;
    pub(in super::super) const UINT8: u32 = 2;
    pub(in super::super) const INT16: u32 = 3;
    pub(in super::super) const UINT16: u32 = 4;
    pub(in super::super) const INT32: u32 = 5;
    pub(in super::super) const UINT32: u32 = 6;
    pub(in super::super) const SINGLE: u32 = 7;
    pub(in super::super) const DOUBLE: u32 = 9;
    pub(in super::super) const INT64: u32 = 12;
    pub(in super::super) const UINT64: u32 = 13;
    pub(in super::super) const MATRIX: u32 = 14;
    pub(in super::super) const COMPRESSED: u32 = 15;
    pub(in super::super) const UTF8: u32 = 16;
    pub(in super::super) const UTF16: u32 = 17;
}

/// What is left to be kept before the limits are reached.
#[derive(Debug, Clone, Copy)]
pub(super) struct Budget {
    pub(super) bytes: u64,
    pub(super) values: u64,
    stream: u64,
}

/// Bytes from first to last; knows how far it may go.
pub(super) struct Stream<'a> {
    source: &'a mut dyn Read,
    pub(super) budget: Budget,
}

/// What stands before an element's content.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tag {
    pub(super) kind: u32,
    /// Bytes of content, without padding.
    pub(super) length: u64,
    /// Content of at most four bytes that stands in the tag itself.
    inline: Option<[u8; 4]>,
}

impl Tag {
    /// A matrix of which `length` bytes are left.
    pub(super) fn of(length: u64) -> Tag {
        Tag { kind: kind::MATRIX, length, inline: None }
    }

    /// Bytes of tag, content and padding.
    pub(super) fn size_in_file(&self) -> u64 {
        let padded = self.length.saturating_add(padding(self.length));
        if self.inline.is_some() { 8 } else { padded.saturating_add(8) }
    }
}

impl<'a> Stream<'a> {
    pub(super) fn new(source: &'a mut dyn Read) -> Stream<'a> {
        let budget = Budget { bytes: SIZE_LIMIT, values: COUNT_LIMIT, stream: STREAM_LIMIT };
        Stream { source, budget }
    }

    /// The next tag; none at the end of the file.
    pub(super) fn tag(&mut self) -> Result<Option<Tag>, Failure> {
        let mut bytes = Vec::new();
        (&mut self.source).take(8).read_to_end(&mut bytes).map_err(Failure::Read)?;
        let [a, b, c, d, rest @ ..] = &*bytes else { return Ok(None) };
        let Ok(rest) = <[u8; 4]>::try_from(rest) else { return Ok(None) };
        let first = u32::from_le_bytes([*a, *b, *c, *d]);
        let small = first >> 16;
        if small == 0 {
            return Ok(Some(Tag {
                kind: first,
                length: u32::from_le_bytes(rest).into(),
                inline: None,
            }));
        }
        if small > 4 {
            return fail(format!("a small element of {small} bytes, at most 4 fit"));
        }
        Ok(Some(Tag { kind: first & 0xffff, length: small.into(), inline: Some(rest) }))
    }

    pub(super) fn expect_tag(&mut self) -> Result<Tag, Failure> {
        self.tag()?.ok_or_else(|| Failure::content("it ends inside a variable"))
    }

    /// The content behind `tag`, which then is past.
    pub(super) fn content(&mut self, tag: Tag) -> Result<Vec<u8>, Failure> {
        if let Some(inline) = tag.inline {
            return Ok(inline.get(..tag.length as usize).unwrap_or_default().to_vec());
        }
        let left = self.budget.bytes.checked_sub(tag.length);
        self.budget.bytes = left
            .ok_or_else(|| Failure::content(format!("more than {SIZE_LIMIT} bytes of values")))?;
        let mut bytes = Vec::new();
        let read =
            (&mut self.source).take(tag.length).read_to_end(&mut bytes).map_err(Failure::Read)?;
        if (read as u64) < tag.length {
            return fail(format!("it ends inside an element of {} bytes", tag.length));
        }
        self.skip(padding(tag.length))?;
        Ok(bytes)
    }

    /// Passes over the content behind `tag`.
    pub(super) fn pass(&mut self, tag: Tag) -> Result<(), Failure> {
        // compressed elements are the only ones without padding
        let padding = if tag.kind == kind::COMPRESSED { 0 } else { padding(tag.length) };
        if tag.inline.is_some() { Ok(()) } else { self.skip(tag.length.saturating_add(padding)) }
    }

    /// Counts `count` values that are about to be kept.
    pub(super) fn count(&mut self, count: u64) -> Result<(), Failure> {
        let left = self.budget.values.checked_sub(count);
        self.budget.values =
            left.ok_or_else(|| Failure::content(format!("more than {COUNT_LIMIT} values")))?;
        Ok(())
    }

    /// Calls `read` with the inflated content of a compressed element of `length` bytes.
    pub(super) fn inflated<T>(
        &mut self,
        length: u64,
        read: impl FnOnce(&mut Stream<'_>) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let mut compressed = (&mut self.source).take(length);
        let mut inflater = ZlibDecoder::new(&mut compressed);
        let mut inner = Stream { source: &mut inflater, budget: self.budget };
        let value = read(&mut inner)?;
        self.budget = inner.budget;
        let rest = compressed.limit();
        self.skip(rest)?;
        Ok(value)
    }

    fn skip(&mut self, count: u64) -> Result<(), Failure> {
        let left = self.budget.stream.checked_sub(count);
        self.budget.stream =
            left.ok_or_else(|| Failure::content(format!("more than {STREAM_LIMIT} bytes")))?;
        // the last element of a file may come without its padding
        std::io::copy(&mut (&mut self.source).take(count), &mut std::io::sink())
            .map_err(Failure::Read)?;
        Ok(())
    }
}

fn padding(length: u64) -> u64 {
    length.wrapping_neg() & 7
}
