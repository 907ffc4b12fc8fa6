//! Baseline and extended sequential scans with Huffman codes.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    reason = "block positions come from the frame that sized the planes"
)]

use std::ops::Range;

use super::bits::{BitReader, Restarts};
use super::block::{PairTable, decode_ac, decode_dc, skip_ac};
use super::coefficients::{Coefficients, ScanLayout};
use super::error::{JpegError, broken};
use super::frame::{Frame, MAX_UNITS_OF_MCU};
use super::huffman::HuffmanTable;
use super::idct::{Transform, WithTransform, dispatch, samples};
use super::markers::{MarkerReader, ScanHeader};
use super::output::Bands;
use super::typical_tables;
use super::upsample::Plane;

/// The tables of one component of a scan.
#[derive(Debug)]
pub(super) struct Tables {
    dc: HuffmanTable,
    ac: PairTable,
}

impl Tables {
    /// One for each component of the scan.
    pub(super) fn of(
        scan: &ScanHeader,
        markers: &MarkerReader<'_>,
    ) -> Result<Vec<Self>, JpegError> {
        scan.components
            .iter()
            .map(|component| {
                let (dc, ac) = (usize::from(component.dc_table), usize::from(component.ac_table));
                Ok(Self {
                    dc: HuffmanTable::new_dc(
                        markers.dc_huffman.get(dc).and_then(Option::as_ref),
                        15,
                    )?,
                    ac: PairTable::new(markers.ac_huffman.get(ac).and_then(Option::as_ref))?,
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

/// The blocks of a sequential scan, however they are coded.
pub(super) trait Entropy<'a> {
    /// Passes a restart marker that is due.
    fn begin_mcu(&mut self, markers: &mut MarkerReader<'a>) -> Result<(), JpegError>;
    /// Decodes the next block, which is of the component at this position of the scan, over what
    /// `block` holds. Returns whether there may be any coefficient besides DC.
    fn block(&mut self, position: usize, block: &mut [i16; 64]) -> bool;
    /// Passes over the next block, which is of the component at this position of the scan.
    fn skip(&mut self, position: usize);
    /// Notes that an MCU is over: from here on the data may turn out to have run dry in it.
    fn end_mcu(&mut self);
    /// Checks that the bytes did not simply end.
    fn end_row(&mut self) -> Result<(), JpegError>;
    /// Gives the position back to the reader of markers.
    fn finish(self, markers: &mut MarkerReader<'_>);
}

/// Huffman codes.
pub(super) struct HuffmanScan<'a> {
    tables: Vec<Tables>,
    predictions: [i32; 4],
    reader: BitReader<'a>,
    restarts: Restarts,
}

impl<'a> HuffmanScan<'a> {
    pub(super) fn new(scan: &ScanHeader, markers: &MarkerReader<'a>) -> Result<Self, JpegError> {
        Ok(Self {
            tables: Tables::of(scan, markers)?,
            predictions: [0; 4],
            reader: BitReader::new(markers),
            restarts: Restarts::new(markers.restart_interval, markers),
        })
    }
}

impl<'a> Entropy<'a> for HuffmanScan<'a> {
    #[inline(always)]
    fn begin_mcu(&mut self, markers: &mut MarkerReader<'a>) -> Result<(), JpegError> {
        if self.restarts.due() {
            self.restarts.pass(&mut self.reader, markers)?;
            self.predictions = [0; 4];
        }
        Ok(())
    }

    #[inline(always)]
    fn block(&mut self, position: usize, block: &mut [i16; 64]) -> bool {
        if self.restarts.starved {
            return false;
        }
        let tables = &self.tables[position];
        let difference = decode_dc(&mut self.reader, &tables.dc);
        let prediction = &mut self.predictions[position & 3];
        *prediction = prediction.wrapping_add(difference);
        block[0] = *prediction as i16;
        decode_ac(&mut self.reader, &tables.ac, block)
    }

    #[inline(always)]
    fn skip(&mut self, position: usize) {
        if self.restarts.starved {
            return;
        }
        let tables = &self.tables[position];
        let difference = decode_dc(&mut self.reader, &tables.dc);
        let prediction = &mut self.predictions[position & 3];
        *prediction = prediction.wrapping_add(difference);
        skip_ac(&mut self.reader, &tables.ac);
    }

    #[inline(always)]
    fn end_mcu(&mut self) {
        if self.reader.has_run_dry() {
            self.restarts.starved = true;
        }
    }

    fn end_row(&mut self) -> Result<(), JpegError> {
        if !self.restarts.expected() && self.reader.has_fill_bytes() {
            // libjpeg decodes such an MCU twice, the second time over what the first left: not
            // worth repeating.
            return broken("fill bytes inside entropy-coded data");
        }
        self.restarts.check(&mut self.reader)
    }

    fn finish(self, markers: &mut MarkerReader<'_>) {
        self.reader.finish(markers);
    }
}

/// A file with a single scan: each row of MCUs goes straight from bits to samples.
pub(super) struct SingleScan<'a, 'm, E> {
    pub(super) markers: &'m mut MarkerReader<'a>,
    pub(super) frame: &'m Frame,
    pub(super) entropy: E,
}

impl<'a, E: Entropy<'a>> SingleScan<'a, '_, E> {
    /// Gives the position back to the reader of markers.
    pub(super) fn finish(self) {
        self.entropy.finish(self.markers);
    }
}

impl<'a, E: Entropy<'a>> Bands for SingleScan<'a, '_, E> {
    fn fill(
        &mut self,
        _index: usize,
        columns: Range<usize>,
        planes: &mut [Plane],
    ) -> Result<(), JpegError> {
        dispatch(DecodeRow { scan: self, columns, planes })
    }
}

/// Decodes a row of MCUs, some of them to samples; compiled once per instruction set.
struct DecodeRow<'s, 'a, 'm, E> {
    scan: &'s mut SingleScan<'a, 'm, E>,
    columns: Range<usize>,
    planes: &'s mut [Plane],
}

impl<'a, E: Entropy<'a>> WithTransform for DecodeRow<'_, 'a, '_, E> {
    type Output = Result<(), JpegError>;

    #[inline(always)]
    fn run(self, transform: impl Transform) -> Self::Output {
        let Self { scan: SingleScan { markers, frame, entropy }, columns, planes } = self;
        // An MCU at a time: the transform would have to wait for the coefficients of a block
        // written just before.
        let mut blocks = [[0; 64]; MAX_UNITS_OF_MCU];
        let mut any = [false; MAX_UNITS_OF_MCU];
        for _ in 0..columns.start {
            skip_mcu(frame, entropy, markers)?;
        }
        for mcu in columns.clone() {
            entropy.begin_mcu(markers)?;
            let mut slots = blocks.iter_mut().zip(&mut any);
            for (index, component) in frame.components.iter().enumerate() {
                for (block, any) in slots.by_ref().take(component.v * component.h) {
                    block.fill(0);
                    *any = entropy.block(index, block);
                }
            }
            entropy.end_mcu();
            let mut slots = blocks.iter().zip(&any);
            for (component, plane) in frame.components.iter().zip(planes.iter_mut()) {
                let quant = component.quant.as_ref().unwrap_or(&[0; 64]);
                for y in 0..component.v {
                    for (x, (block, &any)) in (0..component.h).zip(slots.by_ref()) {
                        let column = (mcu - columns.start) * component.h + x;
                        let out = &mut plane.next[(y * plane.stride + column) * component.side..];
                        samples(transform, block, any, quant, component.side, out, plane.stride);
                    }
                }
            }
        }
        for _ in columns.end..frame.mcus_wide {
            skip_mcu(frame, entropy, markers)?;
        }
        entropy.end_row()
    }
}

/// Decodes an MCU of whose samples none are wanted.
#[inline(always)]
fn skip_mcu<'a>(
    frame: &Frame,
    entropy: &mut impl Entropy<'a>,
    markers: &mut MarkerReader<'a>,
) -> Result<(), JpegError> {
    entropy.begin_mcu(markers)?;
    for (index, component) in frame.components.iter().enumerate() {
        for _ in 0..component.h * component.v {
            entropy.skip(index);
        }
    }
    entropy.end_mcu();
    Ok(())
}

/// Decodes one of several scans into the coefficients of the image.
pub(super) fn decode_scan<'a>(
    markers: &mut MarkerReader<'a>,
    mut entropy: impl Entropy<'a>,
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
