//! The part of an image that is wanted. All of a file is entropy-decoded, so that damage is found
//! wherever it is; the transform and what follows it are left out elsewhere.
#![allow(clippy::arithmetic_side_effects, reason = "pixel places are below 2^17")]

use std::ops::Range;

use super::frame::{Frame, Process};

/// A rectangle of MCUs.
#[derive(Debug, Clone)]
pub(super) struct Region {
    pub(super) columns: Range<usize>,
    pub(super) rows: Range<usize>,
    /// Its pixels.
    pub(super) pixel_columns: Range<usize>,
    pub(super) pixel_rows: Range<usize>,
}

impl Region {
    pub(super) fn whole(frame: &Frame) -> Self {
        Self::around(frame, 0..frame.width, 0..frame.height)
    }

    /// The MCUs of these pixels and of their neighbours: upsampling looks one sample to each side,
    /// and the outermost pixels of a region are therefore not those of the image. The lossless
    /// process always goes through whole.
    pub(super) fn around(frame: &Frame, columns: Range<usize>, rows: Range<usize>) -> Self {
        if frame.process == Process::Lossless {
            return Self {
                columns: 0..frame.mcus_wide,
                rows: 0..frame.mcus_high,
                pixel_columns: 0..frame.width,
                pixel_rows: 0..frame.height,
            };
        }
        let (columns, pixel_columns) = units(columns, frame.h_max * frame.side, frame.width);
        let (rows, pixel_rows) = units(rows, frame.v_max * frame.side, frame.height);
        Self { columns, rows, pixel_columns, pixel_rows }
    }
}

/// The units of `size` pixels that hold the pixels and one more to each side, out of `all` pixels;
/// and their pixels.
fn units(pixels: Range<usize>, size: usize, all: usize) -> (Range<usize>, Range<usize>) {
    let first = pixels.start.saturating_sub(1) / size;
    let end = (pixels.end + 1).min(all).div_ceil(size);
    (first..end, first * size..(end * size).min(all))
}
