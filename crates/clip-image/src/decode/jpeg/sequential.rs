//! Baseline and extended sequential scans with Huffman codes.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    reason = "block positions come from the frame that sized the planes; coefficient indices are masked"
)]

use super::bits::{Bits, Restarts};
use super::coefficients::{Coefficients, ScanLayout};
use super::error::{JpegError, broken};
use super::frame::{BLOCK, Frame};
use super::huffman::{HuffmanTable, extend};
use super::idct::{Transform, WithTransform, dispatch, inverse_of_dc};
use super::markers::{MarkerReader, NATURAL_ORDER, ScanHeader};
use super::output::Bands;
use super::typical_tables;
use super::upsample::Plane;

/// The tables of one component of a scan.
#[derive(Debug)]
pub(super) struct Tables {
    dc: HuffmanTable,
    ac: HuffmanTable,
}

impl Tables {
    /// One for each component of the scan.
    pub(super) fn of(scan: &ScanHeader, markers: &MarkerReader<'_>) -> Result<Vec<Self>, JpegError> {
        scan.components
            .iter()
            .map(|component| {
                let (dc, ac) = (usize::from(component.dc_table), usize::from(component.ac_table));
                Ok(Self {
                    dc: HuffmanTable::new_dc(markers.dc_huffman.get(dc).and_then(Option::as_ref), 15)?,
                    ac: HuffmanTable::new(markers.ac_huffman.get(ac).and_then(Option::as_ref))?,
                })
            })
            .collect()
    }
}

/// Supplies the typical tables where the file has defined none before its first scan.
pub(super) fn supply_tables(markers: &mut MarkerReader<'_>) {
    for (index, slot) in markers.dc_huffman.iter_mut().enumerate() {
        if slot.is_none() {
            *slot = typical_tables::dc(index);
        }
    }
    for (index, slot) in markers.ac_huffman.iter_mut().enumerate() {
        if slot.is_none() {
            *slot = typical_tables::ac(index);
        }
    }
}

/// Decodes the coefficients of a block, not dequantised, natural order, over what `block` holds.
///
/// Returns whether there is any besides DC.
#[inline(always)]
pub(super) fn decode_block(
    data: &[u8],
    bits: &mut Bits,
    tables: &Tables,
    prediction: &mut i32,
    block: &mut [i16; 64],
) -> bool {
    let mut now = *bits;
    if now.count < 32 {
        now = now.refill(data);
    }
    let entry = tables.dc.look(now);
    now.drop(entry.length());
    let difference = match entry.more() {
        0 => i32::from(entry.value()),
        size => extend(now.take(size), size),
    };
    *prediction = prediction.wrapping_add(difference);
    block[0] = *prediction as i16;

    let mut index = 1;
    let mut any = false;
    while index < 64 {
        if now.count < 32 {
            now = now.refill(data);
        }
        let entry = tables.ac.look(now);
        now.drop(entry.length());
        index += entry.run();
        let value = match entry.more() {
            0 => entry.value(),
            size => extend(now.take(size), size) as i16,
        };
        if value == 0 {
            if entry.run() != 15 {
                break; // end of block
            }
        } else {
            block[usize::from(NATURAL_ORDER[index & 127])] = value;
            any = true;
        }
        index += 1;
    }
    *bits = now;
    any
}

/// The blocks of a sequential scan, however they are coded.
pub(super) trait Entropy {
    /// Passes a restart marker that is due.
    fn begin_mcu(&mut self, markers: &mut MarkerReader<'_>) -> Result<(), JpegError>;
    /// Decodes the next block, which is of the component at this position of the scan, over what `block` holds.
    /// Returns whether there may be any coefficient besides DC.
    fn block(&mut self, position: usize, block: &mut [i16; 64]) -> bool;
    /// Notes that an MCU is over: from here on the data may turn out to have run dry in it.
    fn end_mcu(&mut self);
    /// Checks that the bytes did not simply end.
    fn end_row(&self) -> Result<(), JpegError>;
    /// Gives the position back to the reader of markers.
    fn finish(self, markers: &mut MarkerReader<'_>);
}

/// Huffman codes.
pub(super) struct HuffmanScan<'a> {
    data: &'a [u8],
    tables: Vec<Tables>,
    predictions: [i32; 4],
    bits: Bits,
    restarts: Restarts,
}

impl<'a> HuffmanScan<'a> {
    pub(super) fn new(scan: &ScanHeader, markers: &MarkerReader<'a>) -> Result<Self, JpegError> {
        Ok(Self {
            data: markers.data,
            tables: Tables::of(scan, markers)?,
            predictions: [0; 4],
            bits: Bits::new(markers),
            restarts: Restarts::new(markers.restart_interval, markers),
        })
    }
}

impl Entropy for HuffmanScan<'_> {
    #[inline(always)]
    fn begin_mcu(&mut self, markers: &mut MarkerReader<'_>) -> Result<(), JpegError> {
        if self.restarts.due() {
            self.restarts.pass(&mut self.bits, markers)?;
            self.predictions = [0; 4];
        }
        Ok(())
    }

    #[inline(always)]
    fn block(&mut self, position: usize, block: &mut [i16; 64]) -> bool {
        if self.restarts.starved {
            return false;
        }
        let prediction = &mut self.predictions[position & 3];
        decode_block(self.data, &mut self.bits, &self.tables[position], prediction, block)
    }

    #[inline(always)]
    fn end_mcu(&mut self) {
        if self.bits.count < 0 {
            self.restarts.starved = true;
            (self.bits.count, self.bits.window) = (0, 0);
        }
    }

    fn end_row(&self) -> Result<(), JpegError> {
        if self.bits.filled && !self.restarts.expected() {
            // libjpeg decodes such an MCU twice, the second time over what the first left: not worth repeating.
            return broken("fill bytes inside entropy-coded data");
        }
        self.restarts.check(&self.bits)
    }

    fn finish(self, markers: &mut MarkerReader<'_>) {
        self.bits.finish(markers);
    }
}

/// A file with a single scan: each row of MCUs goes straight from bits to samples.
pub(super) struct SingleScan<'a, 'm, E> {
    pub(super) markers: &'m mut MarkerReader<'a>,
    pub(super) frame: &'m Frame,
    pub(super) entropy: E,
}

impl<E: Entropy> SingleScan<'_, '_, E> {
    /// Gives the position back to the reader of markers.
    pub(super) fn finish(self) {
        self.entropy.finish(self.markers);
    }
}

impl<E: Entropy> Bands for SingleScan<'_, '_, E> {
    fn fill(&mut self, _index: usize, planes: &mut [Plane]) -> Result<(), JpegError> {
        dispatch(DecodeRow { scan: self, planes })
    }
}

/// Decodes a row of MCUs to samples; compiled once per instruction set.
struct DecodeRow<'s, 'a, 'm, E> {
    scan: &'s mut SingleScan<'a, 'm, E>,
    planes: &'s mut [Plane],
}

impl<E: Entropy> WithTransform for DecodeRow<'_, '_, '_, E> {
    type Output = Result<(), JpegError>;

    #[inline(always)]
    fn run(self, transform: impl Transform) -> Self::Output {
        let SingleScan { markers, frame, entropy } = self.scan;
        let mut block = [0; 64];
        for mcu in 0..frame.mcus_wide {
            entropy.begin_mcu(markers)?;
            for (index, (component, plane)) in frame.components.iter().zip(self.planes.iter_mut()).enumerate()
            {
                let quant = component.quant.as_ref().unwrap_or(&[0; 64]);
                for y in 0..component.v {
                    for x in 0..component.h {
                        block.fill(0);
                        let any = entropy.block(index, &mut block);
                        let at = y * BLOCK * plane.stride + (mcu * component.h + x) * BLOCK;
                        let out = &mut plane.next[at..];
                        if any {
                            transform.inverse(&block, quant, out, plane.stride);
                        } else {
                            inverse_of_dc(block[0], quant[0], out, plane.stride);
                        }
                    }
                }
            }
            entropy.end_mcu();
        }
        entropy.end_row()
    }
}

/// Decodes one of several scans into the coefficients of the image.
pub(super) fn decode_scan(
    markers: &mut MarkerReader<'_>,
    mut entropy: impl Entropy,
    layout: &ScanLayout,
    coefficients: &mut Coefficients,
) -> Result<(), JpegError> {
    for mcu_y in 0..layout.mcus_high {
        for mcu_x in 0..layout.mcus_wide {
            entropy.begin_mcu(markers)?;
            for place in &layout.blocks {
                let block = &mut coefficients.blocks_mut(place.component)[place.at(mcu_x, mcu_y)];
                entropy.block(place.position, block);
            }
            entropy.end_mcu();
        }
        entropy.end_row()?;
    }
    entropy.finish(markers);
    Ok(())
}
