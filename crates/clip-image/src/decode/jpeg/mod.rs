//! JPEG to pixels, equal bit for bit to libjpeg-turbo 3 as Pillow drives it. PROTOCOL 9.20.
//!
//! ```text
//! bytes ── markers ──► frame, tables ──► scans: sequential | progressive | arithmetic | lossless
//!                                          │ coefficients [blocks, 64], not dequantised
//!                                          ▼
//!                        idct ──► bands of samples, one plane per component, one row of MCUs high
//!                                          │ upsample: triangle filter or repetition
//!                                          ▼
//!                        color ──► rows of pixels, one slice per channel ──► RowSink
//! ```
//!
//! A file with one sequential scan goes through band by band; one with several keeps its
//! coefficients until the end of the file. Damaged entropy-coded data decode as libjpeg decodes
//! them (its warnings are Pillow's silence); data that end without a marker are an error, as in
//! Pillow.

mod arithmetic;
mod bits;
mod block;
mod coefficients;
mod color;
mod error;
mod frame;
mod huffman;
mod idct;
mod lossless;
mod markers;
mod output;
mod progressive;
mod region;
mod sequential;
mod smoothing;
mod tables;
mod typical_tables;
mod upsample;
mod whole;

pub use color::{ColorTransform, JpegColor};
pub use error::JpegError;
pub(crate) use frame::Reduction;

use std::ops::Range;

use arithmetic::ArithmeticScan;
use coefficients::{Coefficients, ScanLayout, StoredBands};
use color::Conversion;
use error::{broken, truncated};
use frame::{Frame, MAX_UNITS_OF_MCU, Process};
use lossless::Samples;
use markers::{MarkerReader, ScanHeader, Stop};
use output::Output;
use region::Region;
use sequential::{Entropy, HuffmanScan, SingleScan};
use smoothing::Smoothing;
use whole::Whole;

use super::row_sink::RowSink;

/// A decoded file.
#[derive(Debug, Clone)]
pub struct JpegImage {
    /// What the channels are.
    pub color: JpegColor,
    /// Columns in pixels.
    pub width: u32,
    /// Rows in pixels.
    pub height: u32,
    /// `[height, width, channels]`.
    pub data: Vec<u8>,
    /// Payload of the first Exif segment, after `Exif\0\0`.
    pub exif: Option<Vec<u8>>,
}

/// What the headers of a file say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JpegHeader {
    /// What the channels will be.
    pub color: JpegColor,
    /// Columns in pixels.
    pub width: u32,
    /// Rows in pixels.
    pub height: u32,
    /// Whether the process is the lossless one, which has no transform.
    pub lossless: bool,
}

/// Blocks visited over all scans, about two seconds of work. A sound progressive file has some 10
/// scans, each over one component in three: 178 Mpixel at 4:4:4 come to less than 50 million
/// visits.
const MAX_BLOCK_VISITS: u64 = 500_000_000;
/// Up to here the data of a scan may end early, and grey fills the rest as in libjpeg. Larger
/// images must have the bytes for what they claim: a small file shall not take gigabytes and
/// minutes.
const UNCHECKED_PIXELS: u64 = 1 << 24;
/// As in libjpeg-turbo's own test programs.
const MAX_SCANS: u32 = 500;

/// Decodes a file.
///
/// Refuses more than `max_pixels` (width times height) on the header, before any memory is taken.
///
/// # Errors
///
/// [`JpegError`]: not a JPEG, truncated, broken, unsupported, or beyond a limit.
pub fn decode(bytes: &[u8], max_pixels: u64) -> Result<JpegImage, JpegError> {
    decode_with_tables(None, bytes, max_pixels, ColorTransform::Auto)
}

/// Reads the headers up to the first scan.
///
/// # Errors
///
/// As [`decode`], as far as the headers show.
pub fn read_header(bytes: &[u8]) -> Result<JpegHeader, JpegError> {
    let mut markers = MarkerReader::new(bytes)?;
    let (frame, _, conversion) = first_scan(&mut markers, u64::MAX, ColorTransform::Auto)?;
    Ok(JpegHeader {
        color: conversion.color(),
        width: frame.width as u32,
        height: frame.height as u32,
        lossless: frame.process == Process::Lossless,
    })
}

/// Decodes an abbreviated stream whose tables stand in a stream of their own, as in TIFF.
///
/// # Errors
///
/// As [`decode`].
pub fn decode_with_tables(
    tables: Option<&[u8]>,
    bytes: &[u8],
    max_pixels: u64,
    transform: ColorTransform,
) -> Result<JpegImage, JpegError> {
    let mut markers = MarkerReader::new(bytes)?;
    if let Some(tables) = tables {
        markers.take_tables(tables)?;
    }
    let (mut frame, scan, conversion) = first_scan(&mut markers, max_pixels, transform)?;
    let mut whole = Whole::new(&frame, conversion.color());
    let region = Region::whole(&frame);
    let output = Output { conversion, region, sink: &mut whole };
    decode_scans(&mut markers, &mut frame, scan, output)?;
    Ok(JpegImage {
        color: conversion.color(),
        width: frame.width as u32,
        height: frame.height as u32,
        data: whole.pixels,
        exif: markers.exif.map(<[u8]>::to_vec),
    })
}

/// Decodes a file row by row, for those who want only these pixels of it. Fails exactly where
/// [`decode`] does.
///
/// The sink gets them, perhaps with others around them whose values mean nothing. They are counted
/// in the image as it is after the reduction.
pub(crate) fn decode_rows(
    bytes: &[u8],
    max_pixels: u64,
    reduction: Reduction,
    (columns, rows): (Range<usize>, Range<usize>),
    sink: &mut dyn RowSink,
) -> Result<(), JpegError> {
    let mut markers = MarkerReader::new(bytes)?;
    let (frame, scan, conversion) = first_scan(&mut markers, max_pixels, ColorTransform::Auto)?;
    let mut frame = frame.reduced(reduction);
    let region = Region::around(&frame, columns, rows);
    decode_scans(&mut markers, &mut frame, scan, Output { conversion, region, sink })
}

/// Reads up to the first scan and checks the frame.
fn first_scan(
    markers: &mut MarkerReader<'_>,
    max_pixels: u64,
    transform: ColorTransform,
) -> Result<(Frame, ScanHeader, Conversion), JpegError> {
    let Stop::Scan(scan) = markers.advance()? else {
        return broken("the image ends before its first scan");
    };
    let Some(header) = &markers.frame else {
        return broken("a scan before the frame header");
    };
    header.validate(max_pixels)?;
    let frame = Frame::new(header);
    markers.strict = header.pixels() > UNCHECKED_PIXELS;
    if markers.strict && frame.units() > (markers.data.len() as u64).saturating_mul(8) {
        return truncated("the entropy-coded data: a block takes a bit at least");
    }
    let conversion = Conversion::of(markers, &frame, transform)?;
    Ok((frame, scan, conversion))
}

fn decode_scans(
    markers: &mut MarkerReader<'_>,
    frame: &mut Frame,
    first: ScanHeader,
    output: Output<'_>,
) -> Result<(), JpegError> {
    let complete = first.components.len() == frame.components.len();
    if frame.process == Process::Sequential && !frame.arithmetic {
        sequential::supply_tables(markers);
    }
    match frame.process {
        Process::Sequential if complete && frame.arithmetic => {
            begin_scan(markers, frame, &first)?;
            let entropy = ArithmeticScan::new(&first, markers);
            decode_single_scan(markers, frame, entropy, output)
        }
        Process::Sequential if complete => {
            begin_scan(markers, frame, &first)?;
            let entropy = HuffmanScan::new(&first, markers)?;
            decode_single_scan(markers, frame, entropy, output)
        }
        Process::Sequential | Process::Progressive => {
            decode_transformed(markers, frame, first, output)
        }
        Process::Lossless => decode_lossless(markers, frame, first, complete, output),
    }
}

fn decode_single_scan<'a>(
    markers: &mut MarkerReader<'a>,
    frame: &Frame,
    entropy: impl Entropy<'a>,
    mut output: Output<'_>,
) -> Result<(), JpegError> {
    let mut source = SingleScan { markers, frame, entropy };
    output.render(frame, &mut source)?;
    source.finish();
    finish_single_scan(markers)
}

/// Collects the coefficients of all scans up to the end of the image.
fn decode_transformed(
    markers: &mut MarkerReader<'_>,
    frame: &mut Frame,
    first: ScanHeader,
    mut output: Output<'_>,
) -> Result<(), JpegError> {
    let mut coefficients = Coefficients::new(frame);
    let mut budget = Budget::new(frame);
    let mut smoothing = Smoothing::new(frame);
    let mut next = Some(first);
    while let Some(scan) = next {
        begin_scan(markers, frame, &scan)?;
        let layout = ScanLayout::new(frame, &scan);
        budget.spend(&layout)?;
        let into = &mut coefficients;
        match (frame.process, frame.arithmetic) {
            (Process::Progressive, false) => {
                let last_good_row = progressive::decode_scan(markers, &scan, &layout, into)?;
                smoothing.note(&scan, layout.row_of_frame(last_good_row));
            }
            (Process::Progressive, true) => {
                arithmetic::decode_progressive_scan(markers, &scan, &layout, into)?;
                smoothing.note(&scan, frame.mcus_high);
            }
            (_, true) => {
                let entropy = ArithmeticScan::new(&scan, markers);
                sequential::decode_scan(markers, entropy, &layout, into)?;
            }
            (_, false) => {
                let entropy = HuffmanScan::new(&scan, markers)?;
                sequential::decode_scan(markers, entropy, &layout, into)?;
            }
        }
        next = markers.advance()?.scan();
    }
    let smoothing =
        (frame.process == Process::Progressive && smoothing.is_useful(frame)).then_some(smoothing);
    if smoothing.is_some() && markers.has_idle_factors() {
        return Err(JpegError::Unsupported {
            feature: "incomplete progressive JPEG with idle sampling factors",
        });
    }
    output.render(frame, &mut StoredBands { frame, coefficients, smoothing })
}

fn decode_lossless(
    markers: &mut MarkerReader<'_>,
    frame: &mut Frame,
    first: ScanHeader,
    complete: bool,
    mut output: Output<'_>,
) -> Result<(), JpegError> {
    let mut samples = Samples::new(frame);
    let mut budget = Budget::new(frame);
    let mut next = Some(first);
    while let Some(scan) = next {
        check_mcu(frame, &scan)?;
        budget.spend(&ScanLayout::new(frame, &scan))?;
        samples.decode_scan(markers, &scan)?;
        if complete {
            finish_single_scan(markers)?;
            break;
        }
        next = markers.advance()?.scan();
    }
    output.render(frame, &mut samples)
}

/// An interleaved MCU must not be too large.
fn check_mcu(frame: &Frame, scan: &ScanHeader) -> Result<(), JpegError> {
    let selected = scan.components.iter().filter_map(|c| frame.components.get(c.index));
    let units: usize = selected.map(|c| c.h.saturating_mul(c.v)).sum();
    if scan.components.len() > 1 && units > MAX_UNITS_OF_MCU {
        return broken("more than 10 blocks in an MCU");
    }
    Ok(())
}

/// Keeps the quantisation tables that the components of the scan begin with.
fn begin_scan(
    markers: &MarkerReader<'_>,
    frame: &mut Frame,
    scan: &ScanHeader,
) -> Result<(), JpegError> {
    check_mcu(frame, scan)?;
    for selected in &scan.components {
        let Some(component) = frame.components.get_mut(selected.index) else { continue };
        if component.quant.is_none() {
            component.quant =
                markers.quant.get(usize::from(component.quant_index)).copied().flatten();
            if component.quant.is_none() {
                return broken("a component uses a quantisation table that was never defined");
            }
        }
    }
    Ok(())
}

/// All rows are there. What follows may be missing, but if it is there it must be in order, as in
/// libjpeg.
fn finish_single_scan(markers: &mut MarkerReader<'_>) -> Result<(), JpegError> {
    match markers.advance() {
        Ok(Stop::EndOfImage) => Ok(()),
        Err(JpegError::Truncated { .. }) if markers.at >= markers.data.len() => Ok(()),
        Ok(Stop::Scan(_)) => broken("a second scan after a complete one"),
        Err(error) => Err(error),
    }
}

/// Work allowed over all scans of a file.
struct Budget {
    blocks: u64,
    /// Data units that cost about as much as a block.
    units_per_block: u64,
    scans: u32,
    visited: u64,
}

impl Budget {
    fn new(frame: &Frame) -> Self {
        // Samples of the lossless process take a bit of the file each, or next to no time.
        let units_per_block = if frame.process == Process::Lossless { 8 } else { 1 };
        Self { blocks: frame.units(), units_per_block, scans: 0, visited: 0 }
    }

    fn spend(&mut self, layout: &ScanLayout) -> Result<(), JpegError> {
        let mcus = (layout.mcus_wide as u64).saturating_mul(layout.mcus_high as u64);
        let units = mcus.saturating_mul(layout.blocks.len() as u64);
        self.scans = self.scans.saturating_add(1);
        self.visited = self.visited.saturating_add(units.div_euclid(self.units_per_block));
        if self.scans > MAX_SCANS || self.visited > MAX_BLOCK_VISITS {
            let (scans, blocks, limit) = (self.scans, self.blocks, MAX_BLOCK_VISITS);
            return Err(JpegError::TooMuchWork { scans, blocks, limit });
        }
        Ok(())
    }
}
