//! JPEG to pixels, equal bit for bit to libjpeg-turbo 3 as Pillow drives it. PROTOCOL 9.20.
//!
//! ```text
//! bytes ── markers ──► frame, tables ──► scans: sequential | progressive | arithmetic | lossless
//!                                          │ coefficients [blocks, 64], not dequantised
//!                                          ▼
//!                        idct ──► bands of samples, one plane per component, one row of MCUs high
//!                                          │ upsample: triangle filter or repetition
//!                                          ▼
//!                        color ──► pixels [height, width, channels]
//! ```
//!
//! A file with one sequential scan goes through band by band; one with several keeps its coefficients until the end
//! of the file. Damaged entropy-coded data decode as libjpeg decodes them (its warnings are Pillow's silence); data that
//! end without a marker are an error, as in Pillow.
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects
    )
)]

mod arithmetic;
mod bits;
mod coefficients;
mod color;
mod error;
mod frame;
mod huffman;
mod idct;
mod markers;
mod output;
mod progressive;
mod sequential;
#[cfg(test)]
mod tests;
mod typical_tables;
mod upsample;

pub use error::JpegError;

use coefficients::{Coefficients, ScanLayout, StoredBands};
use color::Conversion;
use error::broken;
use frame::{Frame, Process};
use markers::{MarkerReader, ScanHeader, Stop};
use sequential::SingleScan;

/// The pixels of a decoded file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JpegColor {
    /// One channel.
    Grey,
    /// Three channels.
    Rgb,
    /// Four channels, 255 = full ink, as Pillow gives it (always inverted from the file).
    Cmyk,
}

impl JpegColor {
    /// Bytes per pixel.
    #[must_use]
    pub fn channels(self) -> usize {
        match self {
            Self::Grey => 1,
            Self::Rgb => 3,
            Self::Cmyk => 4,
        }
    }
}

/// What to make of the components, for containers that know better than the markers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ColorTransform {
    /// By JFIF and Adobe markers and component ids, as libjpeg does.
    #[default]
    Auto,
    /// None: components are channels.
    None,
    /// Three components are YCbCr, four are YCCK.
    YcbcrToRgb,
}

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
}

/// Blocks visited over all scans, about two seconds of work. A sound progressive file has some 10 scans, each over one
/// component in three: 178 Mpixel at 4:4:4 come to less than 50 million visits.
const MAX_BLOCK_VISITS: u64 = 500_000_000;
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
    Ok(JpegHeader { color: conversion.color(), width: frame.width as u32, height: frame.height as u32 })
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
    let data = decode_scans(&mut markers, &mut frame, scan, conversion)?;
    Ok(JpegImage {
        color: conversion.color(),
        width: frame.width as u32,
        height: frame.height as u32,
        data,
        exif: markers.exif.map(<[u8]>::to_vec),
    })
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
    let conversion = Conversion::of(markers, &frame, transform)?;
    Ok((frame, scan, conversion))
}

fn decode_scans(
    markers: &mut MarkerReader<'_>,
    frame: &mut Frame,
    first: ScanHeader,
    conversion: Conversion,
) -> Result<Vec<u8>, JpegError> {
    let complete = first.components.len() == frame.components.len();
    if frame.process == Process::Sequential && !frame.arithmetic && complete {
        begin_scan(markers, frame, &first)?;
        let mut source = SingleScan::new(markers, frame, &first)?;
        let pixels = output::render(frame, conversion, &mut source)?;
        source.finish();
        return finish_single_scan(markers).map(|()| pixels);
    }
    if frame.process == Process::Lossless || frame.arithmetic {
        return Err(JpegError::Unsupported { feature: "this kind of JPEG" });
    }

    let mut coefficients = Coefficients::new(frame);
    let mut budget = Budget { frame_blocks: frame.units(), scans: 0, visited: 0 };
    let mut scan = first;
    sequential::supply_tables(markers);
    loop {
        begin_scan(markers, frame, &scan)?;
        let layout = ScanLayout::new(frame, &scan);
        budget.spend(&layout)?;
        if frame.process == Process::Progressive {
            progressive::decode_scan(markers, &scan, &layout, &mut coefficients)?;
        } else {
            sequential::decode_scan(markers, &scan, &layout, &mut coefficients)?;
        }
        match markers.advance()? {
            Stop::Scan(next) => scan = next,
            Stop::EndOfImage => break,
        }
    }
    output::render(frame, conversion, &mut StoredBands { frame, coefficients })
}

/// Checks the size of the MCU and keeps the quantisation tables that the components of the scan begin with.
fn begin_scan(markers: &MarkerReader<'_>, frame: &mut Frame, scan: &ScanHeader) -> Result<(), JpegError> {
    /// Blocks in an interleaved MCU: T.81 B.2.3.
    const MAX_BLOCKS_IN_MCU: usize = 10;
    let selected = || scan.components.iter().filter_map(|c| frame.components.get(c.index));
    let blocks: usize = selected().map(|c| c.h.saturating_mul(c.v)).sum();
    if scan.components.len() > 1 && blocks > MAX_BLOCKS_IN_MCU {
        return broken("more than 10 blocks in an MCU");
    }
    if frame.process == Process::Lossless {
        return Ok(());
    }
    for selected in &scan.components {
        let Some(component) = frame.components.get_mut(selected.index) else { continue };
        if component.quant.is_none() {
            component.quant = markers.quant.get(usize::from(component.quant_index)).copied().flatten();
            if component.quant.is_none() {
                return broken("a component uses a quantisation table that was never defined");
            }
        }
    }
    Ok(())
}

/// All rows are there. What follows may be missing, but if it is there it must be in order, as in libjpeg.
fn finish_single_scan(markers: &mut MarkerReader<'_>) -> Result<(), JpegError> {
    match markers.advance() {
        Ok(Stop::EndOfImage) | Err(JpegError::Truncated { .. }) => Ok(()),
        Ok(Stop::Scan(_)) => broken("a second scan after a complete one"),
        Err(error) => Err(error),
    }
}

/// Work allowed over all scans of a file.
struct Budget {
    frame_blocks: u64,
    scans: u32,
    visited: u64,
}

impl Budget {
    fn spend(&mut self, layout: &ScanLayout) -> Result<(), JpegError> {
        self.scans = self.scans.saturating_add(1);
        let mcus = (layout.mcus_wide as u64).saturating_mul(layout.mcus_high as u64);
        self.visited = self.visited.saturating_add(mcus.saturating_mul(layout.blocks.len() as u64));
        if self.scans > MAX_SCANS || self.visited > MAX_BLOCK_VISITS {
            return Err(JpegError::TooMuchWork {
                scans: self.scans,
                blocks: self.frame_blocks,
                limit: MAX_BLOCK_VISITS,
            });
        }
        Ok(())
    }
}
