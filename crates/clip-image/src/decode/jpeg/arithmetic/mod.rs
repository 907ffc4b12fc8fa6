//! Arithmetic-coded scans (T.81 annex D and sections F.1.4, F.2.4, G.1.3, G.2.3).
#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    reason = "bins are addressed below 64 (DC) and 256 (AC) by construction; block positions come from the frame"
)]

mod coder;

use coder::Coder;

use super::bits::Restarts;
use super::coefficients::{Coefficients, ScanLayout};
use super::error::{JpegError, broken, truncated};
use super::markers::{MarkerReader, ScanHeader};
use super::progressive::Band;
use super::sequential::Entropy;
use super::tables::{Conditioning, NATURAL_ORDER};

/// What the bins of a table remember.
type DcBins = [u8; 64];
type AcBins = [u8; 256];

/// A code that cannot be; libjpeg then leaves everything up to the next restart as it is.
struct BadCode;

/// Everything a scan needs to decode blocks.
pub(super) struct ArithmeticScan<'a> {
    coder: Coder<'a>,
    restarts: Restarts,
    conditioning: Conditioning,
    /// Tables of each component of the scan.
    tables: Vec<(usize, usize)>,
    dc_bins: [DcBins; 16],
    ac_bins: [AcBins; 16],
    predictions: [i32; 4],
    /// Class of the difference before, as an offset into the bins.
    contexts: [usize; 4],
}

impl<'a> ArithmeticScan<'a> {
    pub(super) fn new(scan: &ScanHeader, markers: &MarkerReader<'a>) -> Self {
        Self {
            coder: Coder::new(markers),
            restarts: Restarts::new(markers.restart_interval, markers),
            conditioning: markers.conditioning,
            tables: scan
                .components
                .iter()
                .map(|c| (usize::from(c.dc_table), usize::from(c.ac_table)))
                .collect(),
            dc_bins: [[0; 64]; 16],
            ac_bins: [[0; 256]; 16],
            predictions: [0; 4],
            contexts: [0; 4],
        }
    }

    /// The next DC value of a component of the scan.
    fn dc(&mut self, position: usize) -> Result<i16, BadCode> {
        let (coder, table) = (&mut self.coder, self.tables[position].0);
        let bins = &mut self.dc_bins[table];
        let start = self.contexts[position];
        if !coder.decide(&mut bins[start]) {
            self.contexts[position] = 0;
            return Ok(self.predictions[position] as i16);
        }
        let negative = coder.decide(&mut bins[start + 1]);
        let mut bin = start + 2 + usize::from(negative);
        let mut magnitude = i32::from(coder.decide(&mut bins[bin]));
        if magnitude != 0 {
            bin = 20;
            while coder.decide(&mut bins[bin]) {
                magnitude <<= 1;
                if magnitude == 0x8000 {
                    return Err(BadCode);
                }
                bin += 1;
            }
        }
        let (low, high) = self.conditioning.dc[table];
        let sign = usize::from(negative) * 4;
        self.contexts[position] = if magnitude < (1 << low) >> 1 {
            0
        } else if magnitude > (1 << high) >> 1 {
            12 + sign
        } else {
            4 + sign
        };
        let value = value_bits(coder, &mut bins[(bin + 14) & 63], magnitude, negative);
        self.predictions[position] = (self.predictions[position] + value) & 0xffff;
        Ok(self.predictions[position] as i16)
    }

    /// The AC coefficients `start..=end` of a block, first pass. Returns whether there is any.
    fn ac(&mut self, position: usize, band: Band, block: &mut [i16; 64]) -> Result<bool, BadCode> {
        let (coder, table) = (&mut self.coder, self.tables[position].1);
        let bins = &mut self.ac_bins[table];
        let mut any = false;
        let mut index = band.start;
        while index <= band.end {
            let mut bin = 3 * (index - 1);
            if coder.decide(&mut bins[bin]) {
                break; // end of block
            }
            while !coder.decide(&mut bins[bin + 1]) {
                bin += 3;
                index += 1;
                if index > band.end {
                    return Err(BadCode);
                }
            }
            let negative = coder.decide_evenly();
            bin += 2;
            let mut magnitude = i32::from(coder.decide(&mut bins[bin]));
            if magnitude != 0 && coder.decide(&mut bins[bin]) {
                magnitude <<= 1;
                bin = if index <= usize::from(self.conditioning.ac[table]) { 189 } else { 217 };
                while coder.decide(&mut bins[bin]) {
                    magnitude <<= 1;
                    if magnitude == 0x8000 {
                        return Err(BadCode);
                    }
                    bin += 1;
                }
            }
            let value = value_bits(coder, &mut bins[(bin + 14) & 255], magnitude, negative);
            block[usize::from(NATURAL_ORDER[index & 63])] = (value << band.low) as i16;
            any = true;
            index += 1;
        }
        Ok(any)
    }

    /// One more bit of the coefficients of a band, and new ones of that size.
    fn refine_ac(&mut self, band: Band, block: &mut [i16; 64]) -> Result<(), BadCode> {
        let coder = &mut self.coder;
        let bins = &mut self.ac_bins[self.tables[0].1];
        let bit = 1i16 << band.low;
        let at = |index: usize| usize::from(NATURAL_ORDER[index & 63]);
        let last_known = (1..=band.end).rev().find(|&index| block[at(index)] != 0).unwrap_or(0);
        let mut index = band.start;
        while index <= band.end {
            let mut bin = 3 * (index - 1);
            if index > last_known && coder.decide(&mut bins[bin]) {
                break; // end of block
            }
            loop {
                let coefficient = &mut block[at(index)];
                if *coefficient != 0 {
                    if coder.decide(&mut bins[bin + 2]) {
                        let step = if *coefficient < 0 { bit.wrapping_neg() } else { bit };
                        *coefficient = coefficient.wrapping_add(step);
                    }
                    break;
                }
                if coder.decide(&mut bins[bin + 1]) {
                    *coefficient = if coder.decide_evenly() { bit.wrapping_neg() } else { bit };
                    break;
                }
                bin += 3;
                index += 1;
                if index > band.end {
                    return Err(BadCode);
                }
            }
            index += 1;
        }
        Ok(())
    }

    /// Notes a bad code: nothing more is decoded up to the next restart.
    fn note<T: Default>(&mut self, result: Result<T, BadCode>) -> T {
        result.unwrap_or_else(|BadCode| {
            self.restarts.starved = true;
            T::default()
        })
    }
}

/// The bits of a magnitude below its highest one; all share a bin.
fn value_bits(coder: &mut Coder<'_>, bin: &mut u8, magnitude: i32, negative: bool) -> i32 {
    let mut value = magnitude;
    let mut bit = magnitude >> 1;
    while bit != 0 {
        if coder.decide(bin) {
            value |= bit;
        }
        bit >>= 1;
    }
    value += 1;
    if negative { -value } else { value }
}

impl<'a> Entropy<'a> for ArithmeticScan<'a> {
    fn begin_mcu(&mut self, markers: &mut MarkerReader<'a>) -> Result<(), JpegError> {
        if self.restarts.due() {
            self.coder.finish(markers);
            self.restarts.pass_marker(markers)?;
            self.restarts.starved = false; // a decoder of arithmetic codes reads on, zeros if need be
            self.coder.restart(markers);
            self.dc_bins = [[0; 64]; 16];
            self.ac_bins = [[0; 256]; 16];
            self.predictions = [0; 4];
            self.contexts = [0; 4];
        }
        Ok(())
    }

    fn block(&mut self, position: usize, block: &mut [i16; 64]) -> bool {
        const WHOLE: Band = Band { start: 1, end: 63, low: 0, refines: false };
        if self.restarts.starved {
            return false;
        }
        let dc = self.dc(position);
        let bad = dc.is_err();
        let dc = self.note(dc);
        if bad {
            return false;
        }
        block[0] = dc;
        let any = self.ac(position, WHOLE, block);
        // Coefficients before a bad code stay.
        let bad = any.is_err();
        self.note(any) || bad
    }

    fn skip(&mut self, position: usize) {
        // Every decision teaches the bins: nothing can be left out.
        self.block(position, &mut [0; 64]);
    }

    fn end_mcu(&mut self) {}

    fn end_row(&mut self) -> Result<(), JpegError> {
        if self.coder.has_run_dry() { truncated("the arithmetic-coded data") } else { Ok(()) }
    }

    fn finish(self, markers: &mut MarkerReader<'_>) {
        self.coder.finish(markers);
    }
}

/// Decodes a progressive scan into the coefficients of the image.
pub(super) fn decode_progressive_scan(
    markers: &mut MarkerReader<'_>,
    scan: &ScanHeader,
    layout: &ScanLayout,
    coefficients: &mut Coefficients,
) -> Result<(), JpegError> {
    let band = Band::of(scan)?;
    if layout.blocks.is_empty() {
        return broken("a scan of no component");
    }
    let mut entropy = ArithmeticScan::new(scan, markers);
    for mcu_y in 0..layout.mcus_high {
        for mcu_x in 0..layout.mcus_wide {
            entropy.begin_mcu(markers)?;
            for place in &layout.blocks {
                let block = &mut coefficients.blocks_mut(place.component)[place.at(mcu_x, mcu_y)];
                if band.start == 0 && band.refines {
                    block[0] |= i16::from(entropy.coder.decide_evenly()) << band.low;
                } else if entropy.restarts.starved {
                    break;
                } else if band.start == 0 {
                    let dc = entropy.dc(place.position);
                    if let Ok(dc) = dc {
                        block[0] = dc << band.low;
                    }
                    entropy.note(dc);
                } else if band.refines {
                    let refined = entropy.refine_ac(band, block);
                    entropy.note(refined);
                } else {
                    let any = entropy.ac(place.position, band, block);
                    entropy.note(any);
                }
            }
        }
        entropy.end_row()?;
    }
    entropy.finish(markers);
    Ok(())
}
