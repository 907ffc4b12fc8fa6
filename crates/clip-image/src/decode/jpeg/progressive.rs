//! Progressive scans with Huffman codes: spectral selection and successive approximation (T.81
//! annex G).
#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    reason = "block positions come from the frame that sized the arrays; coefficient indices are masked"
)]

use pulp::{Arch, Simd, WithSimd};

use super::bits::{BitReader, Bits, Restarts, Source};
use super::coefficients::{Coefficients, ScanLayout};
use super::error::{JpegError, broken};
use super::huffman::{HuffmanTable, extend};
use super::markers::{MarkerReader, ScanHeader};
use super::tables::NATURAL_ORDER;

/// Which coefficients of the image a scan refines, and how far. Checked.
#[derive(Debug, Clone, Copy)]
pub(super) struct Band {
    pub(super) start: usize,
    pub(super) end: usize,
    /// Bit position below which nothing is coded yet.
    pub(super) low: u32,
    pub(super) refines: bool,
}

impl Band {
    /// The limits that libjpeg puts on a progressive scan.
    pub(super) fn of(scan: &ScanHeader) -> Result<Self, JpegError> {
        let (start, end) = (scan.spectral_start, scan.spectral_end);
        let band_is_legal = if start == 0 {
            end == 0
        } else {
            start <= end && end < 64 && scan.components.len() == 1
        };
        let steps_are_legal = scan.low <= 13 && (scan.high == 0 || scan.low == scan.high - 1);
        if !band_is_legal || !steps_are_legal {
            return broken("progression parameters that cannot be");
        }
        Ok(Self {
            start: usize::from(start),
            end: usize::from(end),
            low: u32::from(scan.low),
            refines: scan.high != 0,
        })
    }
}

/// Decodes a scan into the coefficients of the image. Returns the last row of MCUs reached with
/// data left.
pub(super) fn decode_scan(
    markers: &mut MarkerReader<'_>,
    scan: &ScanHeader,
    layout: &ScanLayout,
    coefficients: &mut Coefficients,
) -> Result<usize, JpegError> {
    let band = Band::of(scan)?;
    Arch::new().dispatch(DecodeScan { markers, scan, layout, coefficients, band })
}

/// A scan to decode; compiled once per instruction set, for the sake of the shifts.
struct DecodeScan<'s, 'a> {
    markers: &'s mut MarkerReader<'a>,
    scan: &'s ScanHeader,
    layout: &'s ScanLayout,
    coefficients: &'s mut Coefficients,
    band: Band,
}

impl WithSimd for DecodeScan<'_, '_> {
    type Output = Result<usize, JpegError>;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> Self::Output {
        let Self { markers, scan, layout, coefficients, band } = self;
        let (reader, restarts) =
            (BitReader::new(markers), Restarts::new(markers.restart_interval, markers));
        let scan_reader = ScanReader { reader, restarts, last_good_row: 0, markers };
        match (band.start, band.refines) {
            (0, false) => scan_reader.dc_first(scan, layout, coefficients, band.low),
            (0, true) => scan_reader.dc_refine(layout, coefficients, band.low),
            _ => scan_reader.ac(scan, layout, coefficients, band),
        }
    }
}

struct ScanReader<'a, 'm> {
    markers: &'m mut MarkerReader<'a>,
    reader: BitReader<'a>,
    restarts: Restarts,
    last_good_row: usize,
}

impl ScanReader<'_, '_> {
    #[inline(always)]
    fn dc_first(
        mut self,
        scan: &ScanHeader,
        layout: &ScanLayout,
        coefficients: &mut Coefficients,
        low: u32,
    ) -> Result<usize, JpegError> {
        let tables = scan
            .components
            .iter()
            .map(|c| {
                let index = usize::from(c.dc_table);
                HuffmanTable::new_dc(
                    self.markers.dc_huffman.get(index).and_then(Option::as_ref),
                    15,
                )
            })
            .collect::<Result<Vec<_>, _>>()?;
        let mut predictions = [0i32; 4];
        for mcu_y in 0..layout.mcus_high {
            self.begin_row(mcu_y);
            for mcu_x in 0..layout.mcus_wide {
                if self.restarts.due() {
                    self.restart(mcu_y, mcu_x + 1 < layout.mcus_wide)?;
                    predictions = [0; 4];
                }
                if self.restarts.starved {
                    continue;
                }
                for block in &layout.blocks {
                    let mut bits = self.reader.bits.refill(&mut self.reader.source);
                    let entry = tables[block.position].look(bits);
                    bits.drop(entry.length());
                    let difference = match entry.more() {
                        0 => i32::from(entry.value()),
                        size => extend(bits.take(size), size),
                    };
                    self.reader.bits = bits;
                    let Some(sum) = predictions[block.position].checked_add(difference) else {
                        return broken("a DC coefficient out of range");
                    };
                    predictions[block.position] = sum;
                    coefficients.blocks_mut(block.component)[block.at(mcu_x, mcu_y)][0] =
                        (sum << low) as i16;
                }
                self.note_starvation();
            }
            self.restarts.check(&mut self.reader)?;
        }
        self.reader.finish(self.markers);
        Ok(self.last_good_row)
    }

    #[inline(always)]
    fn dc_refine(
        mut self,
        layout: &ScanLayout,
        coefficients: &mut Coefficients,
        low: u32,
    ) -> Result<usize, JpegError> {
        for mcu_y in 0..layout.mcus_high {
            self.begin_row(mcu_y);
            for mcu_x in 0..layout.mcus_wide {
                if self.restarts.due() {
                    self.restart(mcu_y, mcu_x + 1 < layout.mcus_wide)?;
                }
                for block in &layout.blocks {
                    if self.reader.bit() {
                        coefficients.blocks_mut(block.component)[block.at(mcu_x, mcu_y)][0] |=
                            1 << low;
                    }
                }
                self.note_starvation();
            }
            self.restarts.check(&mut self.reader)?;
        }
        self.reader.finish(self.markers);
        Ok(self.last_good_row)
    }

    #[inline(always)]
    fn ac(
        mut self,
        scan: &ScanHeader,
        layout: &ScanLayout,
        coefficients: &mut Coefficients,
        band: Band,
    ) -> Result<usize, JpegError> {
        let Some(selected) = scan.components.first() else {
            return broken("a scan of no component");
        };
        let spec = self.markers.ac_huffman.get(usize::from(selected.ac_table));
        let table = HuffmanTable::new(spec.and_then(Option::as_ref))?;
        let (blocks, nonzero) = coefficients.tracked_mut(selected.index);
        let Some(place) = layout.blocks.first() else {
            return broken("a scan of no component");
        };
        let mut zero_blocks = 0;
        for y in 0..layout.mcus_high {
            self.begin_row(y);
            let row = &mut blocks[place.at(0, y)..][..layout.mcus_wide];
            let nonzero = &mut nonzero[place.at(0, y)..][..layout.mcus_wide];
            for (x, (block, nonzero)) in row.iter_mut().zip(nonzero).enumerate() {
                if self.restarts.due() {
                    self.restart(y, x + 1 < layout.mcus_wide)?;
                    zero_blocks = 0;
                }
                if self.restarts.starved {
                    continue;
                }
                if band.refines {
                    refine_block(&mut self.reader, &table, &mut zero_blocks, band, block, nonzero);
                } else if zero_blocks > 0 {
                    zero_blocks -= 1;
                    continue;
                } else {
                    zero_blocks = first_block(&mut self.reader, &table, band, block, nonzero);
                }
                self.note_starvation();
            }
            self.restarts.check(&mut self.reader)?;
        }
        self.reader.finish(self.markers);
        Ok(self.last_good_row)
    }

    fn begin_row(&mut self, row: usize) {
        if !self.restarts.starved {
            self.last_good_row = row;
        }
    }

    fn restart(&mut self, row: usize, more_in_row: bool) -> Result<(), JpegError> {
        self.restarts.pass(&mut self.reader, self.markers)?;
        if more_in_row {
            self.begin_row(row);
        }
        Ok(())
    }

    /// The rest of the segment is left as it is once zeros behind the end of the data have been
    /// used.
    #[inline(always)]
    fn note_starvation(&mut self) {
        if self.reader.has_run_dry() {
            self.restarts.starved = true;
        }
    }
}

/// First pass over a band of a block. Returns how many blocks after it have nothing in the band.
#[inline(always)]
fn first_block(
    reader: &mut BitReader<'_>,
    table: &HuffmanTable,
    band: Band,
    block: &mut [i16; 64],
    nonzero: &mut u64,
) -> u32 {
    let BitReader { bits, source } = reader;
    let mut now = *bits;
    let mut index = band.start;
    let mut zero_blocks = 0;
    while index <= band.end {
        now = now.refill(source);
        let entry = table.look(now);
        now.drop(entry.length());
        let value = match entry.more() {
            0 => entry.value(),
            size => extend(now.take(size), size) as i16,
        };
        if value != 0 {
            index += entry.run();
            set(block, nonzero, index, value << band.low);
            index += 1;
        } else if entry.run() == 15 {
            index += 16;
        } else {
            zero_blocks = run_of_blocks(&mut now, entry.run() as u32) - 1;
            break;
        }
    }
    *bits = now;
    zero_blocks
}

/// Sets a coefficient; `index` is zigzag and may overshoot the block, which means its last
/// position.
#[inline(always)]
fn set(block: &mut [i16; 64], nonzero: &mut u64, index: usize, value: i16) {
    let bit = 1 << index.min(63);
    block[usize::from(NATURAL_ORDER[index & 127])] = value;
    // Bits can be shifted out of a value in a damaged file.
    *nonzero = if value == 0 { *nonzero & !bit } else { *nonzero | bit };
}

/// Length of an end-of-band run, this block included: 2^size plus `size` bits.
#[inline(always)]
fn run_of_blocks(bits: &mut Bits, size: u32) -> u32 {
    let below = if size == 0 { 0 } else { bits.take(size) };
    (1 << size) + below
}

/// One more bit of the coefficients of a band that are known, and new ones of that size.
#[inline(always)]
fn refine_block(
    reader: &mut BitReader<'_>,
    table: &HuffmanTable,
    zero_blocks: &mut u32,
    band: Band,
    block: &mut [i16; 64],
    nonzero: &mut u64,
) {
    let bit = 1i16 << band.low;
    let BitReader { bits, source } = reader;
    let mut now = *bits;
    // Known coefficients of the band that are still to be refined.
    let mut known = *nonzero & (u64::MAX >> (63 - band.end)) & (u64::MAX << band.start);
    let mut index = band.start;
    if *zero_blocks == 0 {
        while index <= band.end {
            now = now.refill(source);
            let (symbol, length) = table.bare(now);
            now.drop(length);
            let (mut run, size) = (usize::from(symbol >> 4), symbol & 15);
            let mut new = 0;
            if size != 0 {
                new = if now.take(1) != 0 { bit } else { bit.wrapping_neg() };
            } else if run != 15 {
                *zero_blocks = run_of_blocks(&mut now, run as u32);
                break;
            }
            // Pass `run` zeros, refining what lies between them, up to the zero behind them.
            loop {
                let next_known =
                    if known == 0 { band.end + 1 } else { known.trailing_zeros() as usize };
                if index + run < next_known {
                    index += run;
                    break;
                }
                run -= next_known - index;
                index = next_known;
                if known == 0 {
                    break;
                }
                refine_next(source, &mut now, block, &mut known, bit);
                index += 1;
            }
            if new != 0 {
                set(block, nonzero, index, new);
            }
            index += 1;
        }
    }
    if *zero_blocks > 0 {
        while known != 0 {
            refine_next(source, &mut now, block, &mut known, bit);
        }
        *zero_blocks -= 1;
    }
    *bits = now;
}

/// Refines the first of the known coefficients and takes it from them.
#[inline(always)]
fn refine_next(
    source: &mut Source<'_>,
    bits: &mut Bits,
    block: &mut [i16; 64],
    known: &mut u64,
    bit: i16,
) {
    let index = known.trailing_zeros() as usize;
    refine(source, bits, &mut block[usize::from(NATURAL_ORDER[index & 63])], bit);
    *known &= *known - 1;
}

/// A correction bit: when set, the magnitude grows by `bit`, unless it has that bit already.
#[inline(always)]
fn refine(source: &mut Source<'_>, bits: &mut Bits, coefficient: &mut i16, bit: i16) {
    if bits.bit(source) && *coefficient & bit == 0 {
        let step = if *coefficient >= 0 { bit } else { bit.wrapping_neg() };
        *coefficient = coefficient.wrapping_add(step);
    }
}
