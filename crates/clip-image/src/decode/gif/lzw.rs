//! GIF's LZW, with the behaviour of Pillow's decoder for streams that break the rules.
//!
//! - A code one past the table is taken as "last string plus its first index"; anything beyond is
//!   an error.
//! - An end code before the last pixel is an error, but only once the file has been read to its
//!   end, which Pillow does in pieces: in a longer file what follows the code is decoded too.
//! - Data that end before the last pixel are an error; data after it are not looked at.

use crate::{Format, ImageError};

const MAX_CODE_BITS: u32 = 12;
const TABLE: usize = 1 << MAX_CODE_BITS;

/// Where a frame lies on its canvas, in pixels. The frame must lie inside.
pub(super) struct Place {
    pub(super) stride: usize,
    pub(super) left: usize,
    pub(super) top: usize,
    pub(super) width: usize,
    pub(super) height: usize,
    pub(super) interlaced: bool,
}

/// Unpacks the data blocks in `bytes` onto the canvas.
pub(super) fn unpack(
    bytes: &[u8],
    code_bits: u8,
    place: Place,
    canvas: &mut [u8],
) -> Result<(), ImageError> {
    if u32::from(code_bits) > MAX_CODE_BITS {
        return Err(ImageError::corrupt(
            Format::Gif,
            format!("codes of {code_bits} bits, at most 12 are allowed"),
        ));
    }
    let mut codes = Codes::new(bytes);
    let mut table = Table::new(code_bits);
    let mut rows = Rows::new(place);
    loop {
        let row = rows.y;
        let truncated = || ImageError::truncated(Format::Gif, format!("the rows end in row {row}"));
        let Some(code) = codes.next(table.code_size) else { return Err(truncated()) };
        if code == table.clear {
            table.reset();
        } else if code == table.end {
            if codes.read_on().is_none() {
                return Err(truncated());
            }
        } else {
            let string = table.expand(code).ok_or_else(|| {
                ImageError::corrupt(Format::Gif, format!("code {code} is not in the table"))
            })?;
            if rows.write(string, canvas) {
                return Ok(());
            }
        }
    }
}

/// Codes out of blocks of at most 255 bytes, least significant bit first.
struct Codes<'a> {
    bytes: &'a [u8],
    at: usize,
    /// How much of the file Pillow has read into its buffer so far.
    read: usize,
    left_in_block: u8,
    bits: u32,
    count: u32,
}

/// Pillow reads a file in pieces of this size.
const PIECE: usize = 1 << 16;

impl<'a> Codes<'a> {
    fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0, read: PIECE.min(bytes.len()), left_in_block: 0, bits: 0, count: 0 }
    }

    fn next(&mut self, size: u32) -> Option<usize> {
        while self.count < size {
            let byte = *self.bytes.get(self.at)?;
            let behind = self.at.saturating_add(1);
            if let Some(left) = self.left_in_block.checked_sub(1) {
                self.left_in_block = left;
                self.bits |= u32::from(byte) << self.count;
                self.count = self.count.saturating_add(8);
            } else {
                // A block is not begun before it is whole.
                while behind.saturating_add(byte.into()) > self.read {
                    self.read_on()?;
                }
                self.left_in_block = byte;
            }
            self.at = behind;
        }
        let code = self.bits & (1_u32 << size).wrapping_sub(1);
        self.bits >>= size;
        self.count = self.count.saturating_sub(size);
        Some(code as usize)
    }

    /// Another piece of the file; none at its end.
    fn read_on(&mut self) -> Option<()> {
        let more = self.read < self.bytes.len();
        self.read = self.read.saturating_add(PIECE).min(self.bytes.len());
        more.then_some(())
    }
}

/// The strings seen so far: each is an index appended to an earlier string.
struct Table {
    clear: usize,
    end: usize,
    next: usize,
    code_bits: u32,
    code_size: u32,
    last: [u8; TABLE],
    before: [u16; TABLE],
    /// The code before this one; none right after a clear code.
    previous: Option<usize>,
    /// First index of the string before this one.
    first: u8,
    /// The string last expanded, filled from the back.
    string: [u8; TABLE],
}

impl Table {
    fn new(code_bits: u8) -> Self {
        let clear = 1_usize << code_bits;
        let code_size = u32::from(code_bits).saturating_add(1);
        Self {
            clear,
            end: clear.saturating_add(1),
            next: clear.saturating_add(2),
            code_bits: code_bits.into(),
            code_size,
            last: [0; TABLE],
            before: [0; TABLE],
            previous: None,
            first: 0,
            string: [0; TABLE],
        }
    }

    fn reset(&mut self) {
        self.next = self.clear.saturating_add(2);
        self.code_size = self.code_bits.saturating_add(1);
        self.previous = None;
    }

    /// The string of a code, and the new string it completes. None for a code that cannot be.
    fn expand(&mut self, code: usize) -> Option<&[u8]> {
        let Some(previous) = self.previous else {
            if code > self.clear {
                return None;
            }
            self.previous = Some(code);
            self.first = code as u8;
            return self.string.get_mut(..1).map(|one| {
                one.fill(code as u8);
                &*one
            });
        };
        if code > self.next {
            return None;
        }
        let mut at = TABLE;
        let mut link = code;
        if code == self.next {
            at = at.checked_sub(1)?;
            *self.string.get_mut(at)? = self.first;
            link = previous;
        }
        while link >= self.clear {
            at = at.checked_sub(1)?;
            *self.string.get_mut(at)? = *self.last.get(link)?;
            link = usize::from(*self.before.get(link)?);
        }
        self.first = link as u8;
        at = at.checked_sub(1)?;
        *self.string.get_mut(at)? = self.first;
        self.add(previous);
        self.previous = Some(code);
        self.string.get(at..)
    }

    /// Adds "string of `previous` plus `first`" while there is room.
    fn add(&mut self, previous: usize) {
        if let (Some(last), Some(before)) =
            (self.last.get_mut(self.next), self.before.get_mut(self.next))
        {
            *last = self.first;
            *before = previous as u16;
            if self.next.saturating_add(1) == 1_usize << self.code_size
                && self.code_size < MAX_CODE_BITS
            {
                self.code_size = self.code_size.saturating_add(1);
            }
            self.next = self.next.saturating_add(1);
        }
    }
}

/// The rows of the frame in the order of the file: four passes where it is interlaced.
struct Rows {
    place: Place,
    x: usize,
    y: usize,
    step: usize,
    /// First rows of the passes still to come.
    passes: &'static [(usize, usize)],
}

impl Rows {
    fn new(place: Place) -> Self {
        let passes: &[(usize, usize)] =
            if place.interlaced { &[(4, 8), (2, 4), (1, 2)] } else { &[] };
        let step = if place.interlaced { 8 } else { 1 };
        Self { place, x: 0, y: 0, step, passes }
    }

    /// Writes a string of pixels; true when the last row is full.
    fn write(&mut self, mut string: &[u8], canvas: &mut [u8]) -> bool {
        while !string.is_empty() {
            let room = self.place.width.saturating_sub(self.x);
            let (now, later) = string.split_at_checked(room).unwrap_or((string, &[]));
            let row = self.place.top.saturating_add(self.y).saturating_mul(self.place.stride);
            let from = row.saturating_add(self.place.left).saturating_add(self.x);
            if let Some(target) = canvas.get_mut(from..from.saturating_add(now.len())) {
                target.copy_from_slice(now);
            }
            self.x = self.x.saturating_add(now.len());
            string = later;
            if self.x >= self.place.width && self.next_row() {
                return true;
            }
        }
        false
    }

    fn next_row(&mut self) -> bool {
        self.x = 0;
        self.y = self.y.saturating_add(self.step);
        while self.y >= self.place.height {
            let Some(((first, step), rest)) = self.passes.split_first() else { return true };
            (self.y, self.step, self.passes) = (*first, *step, rest);
        }
        false
    }
}
