//! Baseline and extended sequential scans with Huffman codes.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    reason = "block positions come from the frame that sized the planes; coefficient indices are masked"
)]

use super::bits::{Bits, Restarts};
use super::coefficients::{Coefficients, ScanLayout};
use super::error::JpegError;
use super::frame::{BLOCK, Frame};
use super::huffman::{HuffmanTable, extend};
use super::idct::{inverse_dct, inverse_dct_of_dc};
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

/// A file with a single scan: each row of MCUs goes straight from bits to samples.
pub(super) struct SingleScan<'a, 'm> {
    markers: &'m mut MarkerReader<'a>,
    frame: &'m Frame,
    tables: Vec<Tables>,
    quant: Vec<[i16; 64]>,
    predictions: [i32; 4],
    bits: Bits,
    restarts: Restarts,
}

impl<'a, 'm> SingleScan<'a, 'm> {
    pub(super) fn new(
        markers: &'m mut MarkerReader<'a>,
        frame: &'m Frame,
        scan: &ScanHeader,
    ) -> Result<Self, JpegError> {
        supply_tables(markers);
        let tables = Tables::of(scan, markers)?;
        let quant = frame.components.iter().map(|c| c.quant.unwrap_or([0; 64])).collect();
        let bits = Bits::new(markers);
        let restarts = Restarts::new(markers.restart_interval);
        Ok(Self { markers, frame, tables, quant, predictions: [0; 4], bits, restarts })
    }

    /// Gives the position back to the reader of markers.
    pub(super) fn finish(self) {
        self.bits.finish(self.markers);
    }
}

impl Bands for SingleScan<'_, '_> {
    fn fill(&mut self, _index: usize, planes: &mut [Plane]) -> Result<(), JpegError> {
        let data = self.markers.data;
        let mut block = [0; 64];
        for mcu in 0..self.frame.mcus_wide {
            if self.restarts.due() {
                self.restarts.pass(&mut self.bits, self.markers)?;
                self.predictions = [0; 4];
            }
            let starved = self.restarts.starved;
            for (index, component) in self.frame.components.iter().enumerate() {
                let (tables, quant, plane) = (&self.tables[index], &self.quant[index], &mut planes[index]);
                for y in 0..component.v {
                    for x in 0..component.h {
                        block.fill(0);
                        let any = !starved
                            && decode_block(
                                data,
                                &mut self.bits,
                                tables,
                                &mut self.predictions[index],
                                &mut block,
                            );
                        let at = y * BLOCK * plane.stride + (mcu * component.h + x) * BLOCK;
                        let out = &mut plane.next[at..];
                        if any {
                            inverse_dct(&block, quant, out, plane.stride);
                        } else {
                            inverse_dct_of_dc(block[0], quant[0], out, plane.stride);
                        }
                    }
                }
            }
            if self.bits.count < 0 {
                self.restarts.starved = true;
                (self.bits.count, self.bits.window) = (0, 0);
            }
        }
        self.restarts.check(&self.bits)
    }
}

/// Decodes one of several scans into the coefficients of the image.
pub(super) fn decode_scan(
    markers: &mut MarkerReader<'_>,
    scan: &ScanHeader,
    layout: &ScanLayout,
    coefficients: &mut Coefficients,
) -> Result<(), JpegError> {
    let tables = Tables::of(scan, markers)?;
    let data = markers.data;
    let mut bits = Bits::new(markers);
    let mut restarts = Restarts::new(markers.restart_interval);
    let mut predictions = [0; 4];
    for mcu_y in 0..layout.mcus_high {
        for mcu_x in 0..layout.mcus_wide {
            if restarts.due() {
                restarts.pass(&mut bits, markers)?;
                predictions = [0; 4];
            }
            if restarts.starved {
                continue;
            }
            for place in &layout.blocks {
                let block = &mut coefficients.planes[place.component][place.at(mcu_x, mcu_y)];
                decode_block(
                    data,
                    &mut bits,
                    &tables[place.position],
                    &mut predictions[place.position],
                    block,
                );
            }
            if bits.count < 0 {
                restarts.starved = true;
                (bits.count, bits.window) = (0, 0);
            }
        }
        restarts.check(&bits)?;
    }
    bits.finish(markers);
    Ok(())
}
