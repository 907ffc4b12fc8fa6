//! The lossless process (SOF3, T.81 annex H): each sample is a difference from a prediction by its
//! neighbours.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    reason = "rows are sized by the frame; samples have 16 bits in 32"
)]

use std::ops::Range;

use super::bits::{BitReader, Restarts};
use super::error::{JpegError, broken};
use super::frame::{Component, Frame};
use super::huffman::{HuffmanTable, extend};
use super::markers::{MarkerReader, ScanHeader};
use super::output::Bands;
use super::upsample::Plane;

/// Bits per sample; other precisions are refused with the frame header.
const PRECISION: u32 = 8;

/// The samples of a whole image.
#[derive(Debug)]
pub(super) struct Samples<'a> {
    frame: &'a Frame,
    /// `[stored_high, stored_wide]` of each component.
    planes: Vec<Vec<u8>>,
}

impl<'a> Samples<'a> {
    pub(super) fn new(frame: &'a Frame) -> Self {
        let planes =
            frame.components.iter().map(|c| vec![0; c.stored_wide * c.stored_high]).collect();
        Self { frame, planes }
    }

    /// Decodes a scan into the samples.
    pub(super) fn decode_scan(
        &mut self,
        markers: &mut MarkerReader<'_>,
        scan: &ScanHeader,
    ) -> Result<(), JpegError> {
        if !(1..=7).contains(&scan.spectral_start)
            || scan.spectral_end != 0
            || scan.high != 0
            || scan.low >= 8
        {
            return broken("a predictor or point transform that cannot be");
        }
        let mut reader = ScanReader::new(self.frame, markers, scan)?;
        for mcu_row in 0..self.frame.mcus_high {
            reader.read_differences(markers, mcu_row)?;
            for channel in &mut reader.channels {
                let stride = channel.component.stored_wide;
                let band =
                    &mut self.planes[channel.index][mcu_row * channel.component.v * stride..];
                for (row, out) in
                    band.chunks_exact_mut(stride).take(channel.rows_in(mcu_row)).enumerate()
                {
                    channel.restore(row, scan.spectral_start, u32::from(scan.low));
                    for (out, &sample) in out.iter_mut().zip(&channel.samples) {
                        *out = (sample << scan.low) as u8;
                    }
                }
            }
        }
        reader.reader.finish(markers);
        Ok(())
    }
}

impl Bands for Samples<'_> {
    fn fill(
        &mut self,
        index: usize,
        _: Range<usize>,
        planes: &mut [Plane],
    ) -> Result<(), JpegError> {
        for (samples, plane) in self.planes.iter().zip(planes) {
            let size = plane.next.len();
            plane.next.copy_from_slice(&samples[index * size..][..size]);
        }
        Ok(())
    }
}

/// A component of the scan on its way from differences to samples.
struct Channel<'a> {
    index: usize,
    component: &'a Component,
    table: HuffmanTable,
    /// Samples per MCU along a row and a column.
    h: usize,
    v: usize,
    /// One row of MCUs: `[component.v, stored_wide]`.
    differences: Vec<i32>,
    /// The row restored last.
    samples: Vec<i32>,
    /// No row above counts: at the start, and after a restart.
    fresh: bool,
}

impl Channel<'_> {
    /// Rows of the image in this row of MCUs.
    fn rows_in(&self, mcu_row: usize) -> usize {
        (self.component.units_high - mcu_row * self.component.v).min(self.component.v)
    }

    /// Adds predictions to a row of differences; `samples` becomes that row.
    fn restore(&mut self, row: usize, predictor: u8, point_transform: u32) {
        let width = self.component.units_wide;
        let differences = &self.differences[row * self.component.stored_wide..][..width];
        let samples = &mut self.samples[..width];
        let (mut left, mut above_left) =
            if self.fresh { (1 << (PRECISION - point_transform - 1), 0) } else { (samples[0], 0) };
        for (column, (sample, &difference)) in samples.iter_mut().zip(differences).enumerate() {
            let above = *sample;
            // The first row knows only its left neighbour, the first column only the one above.
            let prediction = match predictor {
                _ if self.fresh || column == 0 => left,
                1 => left,
                2 => above,
                3 => above_left,
                4 => left + above - above_left,
                5 => left + ((above - above_left) >> 1),
                6 => above + ((left - above_left) >> 1),
                _ => (left + above) >> 1,
            };
            left = (difference + prediction) & 0xffff;
            *sample = left;
            above_left = above;
        }
        self.fresh = false;
    }
}

struct ScanReader<'f, 'a> {
    channels: Vec<Channel<'f>>,
    reader: BitReader<'a>,
    restarts: Restarts,
    mcus_wide: usize,
    interleaved: bool,
}

impl<'f, 'a> ScanReader<'f, 'a> {
    fn new(
        frame: &'f Frame,
        markers: &MarkerReader<'a>,
        scan: &ScanHeader,
    ) -> Result<Self, JpegError> {
        let interleaved = scan.components.len() > 1;
        let mut mcus_wide = frame.mcus_wide;
        let mut channels = Vec::with_capacity(4);
        for selected in &scan.components {
            let component = &frame.components[selected.index];
            let spec =
                markers.dc_huffman.get(usize::from(selected.dc_table)).and_then(Option::as_ref);
            if !interleaved {
                mcus_wide = component.units_wide;
            }
            channels.push(Channel {
                index: selected.index,
                component,
                table: HuffmanTable::new_dc(spec, 16)?,
                h: if interleaved { component.h } else { 1 },
                v: if interleaved { component.v } else { 1 },
                differences: vec![0; component.stored_wide * component.v],
                samples: vec![0; component.stored_wide],
                fresh: true,
            });
        }
        let rows_per_restart =
            markers.restart_interval / u32::try_from(mcus_wide).unwrap_or(u32::MAX);
        if rows_per_restart as usize * mcus_wide != markers.restart_interval as usize {
            return broken("a restart interval that is not whole rows");
        }
        let restarts = Restarts::new(rows_per_restart, markers);
        Ok(Self { channels, reader: BitReader::new(markers), restarts, mcus_wide, interleaved })
    }

    /// Reads the differences of a row of MCUs of the frame: one row of MCUs of an interleaved scan,
    /// `v` of another.
    fn read_differences(
        &mut self,
        markers: &mut MarkerReader<'a>,
        mcu_row: usize,
    ) -> Result<(), JpegError> {
        let rows = if self.interleaved { 1 } else { self.channels[0].rows_in(mcu_row) };
        for row in 0..rows {
            if self.restarts.due() {
                self.restarts.pass(&mut self.reader, markers)?;
                self.channels.iter_mut().for_each(|channel| channel.fresh = true);
            }
            if self.restarts.starved {
                for channel in &mut self.channels {
                    let width = channel.component.stored_wide;
                    channel.differences[row * width..][..channel.v * width].fill(0);
                    channel.fresh = true;
                }
                continue;
            }
            for mcu in 0..self.mcus_wide {
                self.read_mcu(row, mcu);
            }
            if self.reader.has_run_dry() {
                self.restarts.starved = true;
            }
            self.restarts.check(&mut self.reader)?;
        }
        Ok(())
    }

    fn read_mcu(&mut self, row: usize, mcu: usize) {
        for channel in &mut self.channels {
            for y in 0..channel.v {
                for x in 0..channel.h {
                    let mut bits = self.reader.bits.refill(&mut self.reader.source);
                    let entry = channel.table.look(bits);
                    bits.drop(entry.length());
                    let difference = match entry.more() {
                        0 if entry.run() == 1 => 32768, // size 16 has no value bits
                        0 => i32::from(entry.value()),
                        size => extend(bits.take(size), size),
                    };
                    self.reader.bits = bits;
                    let at = (row + y) * channel.component.stored_wide + mcu * channel.h + x;
                    channel.differences[at] = difference;
                }
            }
        }
    }
}
