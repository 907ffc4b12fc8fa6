//! Huffman codes: what a table segment says, and the tables that decode it quickly.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    reason = "tables of fixed size are indexed by values masked or shifted below their length"
)]

use super::bits::Bits;
use super::error::{JpegError, broken};
use super::tables::HuffmanSpec;

/// Bits looked up at once. 11 are no faster: the tables are filled for each file.
pub(super) const LOOKAHEAD: u32 = 10;

/// What the next bits mean: a symbol with its value, if that fits in the lookahead.
///
/// From the lowest bit: 8 bits length used up (0: the code is longer than the lookahead), 4 bits
/// zero run, 4 bits how many value bits still follow, 16 bits the value.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Entry(u32);

impl Entry {
    #[inline(always)]
    pub(super) fn length(self) -> u32 {
        self.0 & 0xff
    }

    /// Zeros before the value, or the high half of the symbol where there is no value.
    #[inline(always)]
    pub(super) fn run(self) -> usize {
        (self.0 >> 8 & 15) as usize
    }

    /// Value bits that follow the `length` bits.
    #[inline(always)]
    pub(super) fn more(self) -> u32 {
        self.0 >> 12 & 15
    }

    #[inline(always)]
    pub(super) fn value(self) -> i16 {
        (self.0 >> 16) as i16
    }

    fn symbol(length: u32, symbol: u8) -> Self {
        Self(length | u32::from(symbol >> 4) << 8 | u32::from(symbol & 15) << 12)
    }
}

/// A table ready for decoding.
#[derive(Debug, Clone)]
pub(super) struct HuffmanTable {
    lookup: Box<[Entry; 1 << LOOKAHEAD]>,
    /// Length and symbol of the code alone, 0 if it is longer than the lookahead.
    codes: Box<[u16; 1 << LOOKAHEAD]>,
    /// Largest code of each length, -1 where there is none.
    max_code: [i32; 17],
    /// What to add to a code of each length to find its symbol.
    offset: [i32; 17],
    symbols: [u8; 256],
}

impl HuffmanTable {
    /// Builds the table; the code must be a proper prefix code.
    pub(super) fn new(spec: Option<&HuffmanSpec>) -> Result<Self, JpegError> {
        let Some(spec) = spec else {
            return broken("a scan uses a Huffman table that was never defined");
        };
        let mut table = Self {
            lookup: Box::new([Entry::default(); 1 << LOOKAHEAD]),
            codes: Box::new([0; 1 << LOOKAHEAD]),
            max_code: [-1; 17],
            offset: [0; 17],
            symbols: spec.symbols,
        };
        let (mut code, mut index) = (0i32, 0usize);
        for length in 1..=16u32 {
            let count = i32::from(spec.counts[length as usize - 1]);
            if count > 0 {
                table.offset[length as usize] = index as i32 - code;
                for _ in 0..count {
                    if length <= LOOKAHEAD {
                        table.fill(code as u32, length, spec.symbols[index & 255]);
                    }
                    code += 1;
                    index += 1;
                }
                table.max_code[length as usize] = code - 1;
            }
            // A code of ones only is not allowed.
            if code >= 1 << length && spec.counts[length as usize - 1..].iter().any(|&n| n > 0) {
                return broken("a Huffman table with more codes than fit");
            }
            code <<= 1;
        }
        Ok(table)
    }

    /// A table for DC differences, whose symbols are sizes up to `max_size`.
    pub(super) fn new_dc(spec: Option<&HuffmanSpec>, max_size: u8) -> Result<Self, JpegError> {
        if let Some(spec) = spec {
            let total: usize = spec.counts.iter().map(|&n| usize::from(n)).sum();
            if spec.symbols.iter().take(total).any(|&symbol| symbol > max_size) {
                return broken("a Huffman table for DC with a size out of range");
            }
        }
        Self::new(spec)
    }

    /// Enters a code, once for each filling of the bits behind it.
    fn fill(&mut self, code: u32, length: u32, symbol: u8) {
        let size = u32::from(symbol & 15);
        let spare = LOOKAHEAD - length;
        for below in 0..1u32 << spare {
            let index = (code << spare | below) as usize;
            let entry = if size > 0 && size <= spare {
                let value = extend(below >> (spare - size), size);
                Entry((length + size) | u32::from(symbol >> 4) << 8 | (value as u32) << 16)
            } else {
                Entry::symbol(length, symbol)
            };
            if let (Some(slot), Some(code)) =
                (self.lookup.get_mut(index), self.codes.get_mut(index))
            {
                *slot = entry;
                *code = (length as u16) << 8 | u16::from(symbol);
            }
        }
    }

    /// What these bits mean, as many as the lookahead has.
    pub(super) fn entry(&self, bits: u32) -> Entry {
        self.lookup[bits as usize & ((1 << LOOKAHEAD) - 1)]
    }

    /// What the next bits mean. The window must hold 16 bits; nothing is taken from it.
    #[inline(always)]
    pub(super) fn look(&self, bits: Bits) -> Entry {
        let entry = self.lookup[bits.peek(LOOKAHEAD) as usize];
        if entry.length() != 0 { entry } else { self.look_long(bits.peek(16)) }
    }

    /// For codes beyond the lookahead. Takes no reference to the window, for which see
    /// [`Bits::refill`].
    #[cold]
    #[inline(never)]
    fn look_long(&self, next_16: u32) -> Entry {
        for length in LOOKAHEAD + 1..=16 {
            let code = (next_16 >> (16 - length)) as i32;
            if code <= self.max_code[length as usize] {
                let index = (code + self.offset[length as usize]) & 255;
                return Entry::symbol(length, self.symbols[index as usize]);
            }
        }
        // Not a code: libjpeg has then taken 17 bits and goes on with symbol 0.
        Entry::symbol(17, 0)
    }

    /// The symbol and length of the code alone, for scans where value bits mean something else.
    #[inline(always)]
    pub(super) fn bare(&self, bits: Bits) -> (u8, u32) {
        let packed = self.codes[bits.peek(LOOKAHEAD) as usize];
        if packed != 0 {
            return (packed as u8, u32::from(packed >> 8));
        }
        let entry = self.look_long(bits.peek(16));
        ((entry.run() as u8) << 4 | entry.more() as u8, entry.length())
    }
}

/// The signed value of `size` value bits (T.81 figure F.12).
#[inline(always)]
pub(super) fn extend(bits: u32, size: u32) -> i32 {
    let value = bits as i32;
    if value < 1 << (size - 1) { value - (1 << size) + 1 } else { value }
}
