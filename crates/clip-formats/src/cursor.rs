//! Takes numbers off the front of bytes; none where they run out.

pub(crate) struct Cursor<'a> {
    rest: &'a [u8],
}

impl<'a> Cursor<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Cursor<'a> {
        Cursor { rest: bytes }
    }

    pub(crate) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    pub(crate) fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(count)?;
        self.rest = rest;
        Some(taken)
    }

    pub(crate) fn u8(&mut self) -> Option<u8> {
        self.take(1)?.first().copied()
    }

    pub(crate) fn u16(&mut self) -> Option<u16> {
        self.uint(2).map(|value| value as u16)
    }

    pub(crate) fn u32(&mut self) -> Option<u32> {
        self.uint(4).map(|value| value as u32)
    }

    /// A little-endian number of `size` bytes, at most eight.
    pub(crate) fn uint(&mut self, size: usize) -> Option<u64> {
        Some(little_endian(self.take(size.min(8))?))
    }
}

/// The unsigned number that at most eight `bytes` spell, the lowest first.
pub(crate) fn little_endian(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |value, &byte| value << 8 | u64::from(byte))
}

/// The unsigned number that at most eight `bytes` spell, the highest first.
pub(crate) fn big_endian(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0, |value, &byte| value << 8 | u64::from(byte))
}
