//! The coefficients of a block in the Huffman codes of a sequential scan.
//!
//! Most symbols of a photograph take 3 to 6 bits with their value, so that ten bits often hold two
//! of them, or one and the end of the block: [`PairTable`] finds both in one step, as each step has
//! to wait for the one before.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    reason = "tables of fixed size are indexed by values masked or shifted below their length"
)]

use super::bits::{BitReader, Bits};
use super::error::JpegError;
use super::huffman::{Entry, HuffmanTable, LOOKAHEAD, extend};
use super::tables::{HuffmanSpec, NATURAL_ORDER};

/// One or two symbols with their values, and perhaps the end of the block.
#[derive(Debug, Clone, Copy, Default)]
struct Pair {
    /// 0 where the bits hold no such symbol.
    first: i16,
    /// The first again where there is no second.
    second: i16,
    /// Bits used up.
    length: u8,
    /// From the coefficient before to the first.
    to_first: u8,
    /// From the coefficient before to the second.
    to_second: u8,
    ends_block: bool,
}

/// The AC table of a sequential scan.
#[derive(Debug)]
pub(super) struct PairTable {
    single: HuffmanTable,
    pairs: Box<[Pair; 1 << LOOKAHEAD]>,
}

impl PairTable {
    pub(super) fn new(spec: Option<&HuffmanSpec>) -> Result<Self, JpegError> {
        let single = HuffmanTable::new(spec)?;
        let mut pairs = Box::new([Pair::default(); 1 << LOOKAHEAD]);
        for (bits, pair) in (0..1 << LOOKAHEAD).zip(pairs.iter_mut()) {
            *pair = Pair::of(&single, bits);
        }
        Ok(Self { single, pairs })
    }

    /// What the next bits mean; nothing is taken from the window.
    #[inline(always)]
    fn look(&self, bits: Bits) -> Pair {
        self.pairs[bits.peek(LOOKAHEAD) as usize]
    }
}

impl Pair {
    /// What these bits hold as a whole.
    fn of(table: &HuffmanTable, bits: u32) -> Self {
        let whole = |used: u32, wanted: fn(Entry) -> bool| {
            let entry = table.entry(bits << used);
            let fits = entry.length() != 0 && used + entry.length() <= LOOKAHEAD;
            (fits && wanted(entry)).then_some(entry)
        };
        let is_value = |entry: Entry| entry.value() != 0;
        let is_end = |entry: Entry| entry.value() == 0 && entry.more() == 0 && entry.run() != 15;
        let Some(first) = whole(0, is_value) else { return Self::default() };
        let (value, to_first) = (first.value(), first.run() as u8 + 1);
        let mut pair =
            Self { first: value, second: value, to_first, to_second: to_first, ..Self::default() };
        let mut used = first.length();
        if let Some(second) = whole(used, is_value) {
            used += second.length();
            pair.second = second.value();
            pair.to_second += second.run() as u8 + 1;
        }
        if let Some(end) = whole(used, is_end) {
            used += end.length();
            pair.ends_block = true;
        }
        Self { length: used as u8, ..pair }
    }
}

/// The difference of DC that a block begins with.
#[inline(always)]
pub(super) fn decode_dc(reader: &mut BitReader<'_>, table: &HuffmanTable) -> i32 {
    let mut now = reader.bits.refill(&mut reader.source);
    let entry = table.look(now);
    now.drop(entry.length());
    let difference = match entry.more() {
        0 => i32::from(entry.value()),
        size => extend(now.take(size), size),
    };
    reader.bits = now;
    difference
}

/// Searches that a full window is enough for: all but the last of them in the lookahead.
const SEARCHES_PER_REFILL: usize = 3;

/// Decodes the coefficients of a block besides DC, not dequantised, natural order, over what
/// `block` holds.
///
/// Returns whether there may be any.
#[inline(always)]
pub(super) fn decode_ac(
    reader: &mut BitReader<'_>,
    table: &PairTable,
    block: &mut [i16; 64],
) -> bool {
    let BitReader { bits, source } = reader;
    let mut now = *bits;
    let mut index = 0; // of the last coefficient, zigzag
    'block: while index < 63 {
        now = now.refill(source);
        for _ in 0..SEARCHES_PER_REFILL {
            let pair = table.look(now);
            let next = index + usize::from(pair.to_second);
            // Behind the last coefficient nothing ends the block, and the next one begins.
            if pair.first == 0 || next >= 63 {
                let Some(after) = decode_symbol(&mut now, &table.single, index, block) else {
                    break 'block;
                };
                index = after;
                continue 'block;
            }
            now.drop(u32::from(pair.length));
            block[usize::from(NATURAL_ORDER[(index + usize::from(pair.to_first)) & 127])] =
                pair.first;
            block[usize::from(NATURAL_ORDER[next & 127])] = pair.second;
            index = next;
            if pair.ends_block {
                break 'block;
            }
        }
    }
    *bits = now;
    index != 0
}

/// Decodes any symbol. Returns the place of the last coefficient then, nothing at the end of the
/// block.
#[inline(always)]
fn decode_symbol(
    now: &mut Bits,
    table: &HuffmanTable,
    index: usize,
    block: &mut [i16; 64],
) -> Option<usize> {
    let entry = table.look(*now);
    now.drop(entry.length());
    let value = match entry.more() {
        0 => entry.value(),
        size => extend(now.take(size), size) as i16,
    };
    let index = index + entry.run() + 1;
    if value != 0 {
        block[usize::from(NATURAL_ORDER[index & 127])] = value;
    } else if entry.run() != 15 {
        return None;
    }
    Some(index)
}

/// Passes over the coefficients of a block besides DC.
#[inline(always)]
pub(super) fn skip_ac(reader: &mut BitReader<'_>, table: &PairTable) {
    let BitReader { bits, source } = reader;
    let mut now = *bits;
    let mut index = 0;
    'block: while index < 63 {
        now = now.refill(source);
        for _ in 0..SEARCHES_PER_REFILL {
            let pair = table.look(now);
            let next = index + usize::from(pair.to_second);
            if pair.first == 0 || next >= 63 {
                let mut nowhere = [0; 64];
                let Some(after) = decode_symbol(&mut now, &table.single, index, &mut nowhere)
                else {
                    break 'block;
                };
                index = after;
                continue 'block;
            }
            now.drop(u32::from(pair.length));
            index = next;
            if pair.ends_block {
                break 'block;
            }
        }
    }
    *bits = now;
}

#[cfg(test)]
mod tests {
    use super::super::markers::MarkerReader;
    use super::super::typical_tables;
    use super::*;

    #[test]
    fn pairs_give_the_coefficients_of_single_symbols_and_the_same_place() {
        let mut state = 1_u32;
        let mut random = move || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        };
        for table in [0, 1] {
            let table = PairTable::new(typical_tables::ac(table).as_ref()).expect("a table");
            let data: Vec<u8> = [0xff, 0xd8, 0xff]
                .into_iter()
                .chain((0..100_000).map(|_| random() & 0xfe))
                .collect();
            let mut markers = MarkerReader::new(&data).expect("a start of image");
            markers.at = 3;
            let (mut pairs, mut singles, mut skipped) =
                (BitReader::new(&markers), BitReader::new(&markers), BitReader::new(&markers));
            for number in 0..5000 {
                let (mut found, mut expected) = ([0; 64], [0; 64]);
                decode_ac(&mut pairs, &table, &mut found);
                skip_ac(&mut skipped, &table);
                let mut index = 0;
                while index < 63 {
                    singles.bits = singles.bits.refill(&mut singles.source);
                    match decode_symbol(&mut singles.bits, &table.single, index, &mut expected) {
                        Some(after) => index = after,
                        None => break,
                    }
                }
                assert!(found == expected, "block {number}: {found:?} against {expected:?}");
                for reader in [&mut pairs, &mut singles, &mut skipped] {
                    reader.bits = reader.bits.refill(&mut reader.source);
                }
                assert_eq!(pairs.bits.peek(32), singles.bits.peek(32), "after block {number}");
                assert_eq!(
                    skipped.bits.peek(32),
                    singles.bits.peek(32),
                    "after skipped block {number}"
                );
            }
        }
    }
}
