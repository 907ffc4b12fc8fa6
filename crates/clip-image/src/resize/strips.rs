//! Resizing an image whose rows come one after another: it is never in memory as a whole.

use std::ops::Range;

use super::axis::{Axes, Axis};
use super::eight_bit::vertical;
use super::filter::{Filter, Interpolation};
use super::horizontal_u8::{HorizontalPass, Strip};
use super::lanes::LANES;
use super::window::Window;
use crate::decode::RowSink;

/// Takes rows and makes the window of the resized image out of them. Equal to
/// [`resize_window`](super::resize_window).
pub(crate) struct Strips<const CHANNELS: usize> {
    pass: HorizontalPass<CHANNELS>,
    y: Axis,
    filter: Filter,
    /// The rows that are needed.
    rows: Range<usize>,
    /// `[CHANNELS, 16, span]`: rows that wait for others.
    strip: Vec<u8>,
    waiting: usize,
    /// `[rows, width, CHANNELS]`, as far as they are made.
    narrow: Vec<u8>,
}

impl<const CHANNELS: usize> Strips<CHANNELS> {
    /// For an 8-bit image of `source` pixels, of which `extent` are the image's: less than a pixel
    /// less on each side. None where another order of the passes, or another way, is right.
    pub(crate) fn new(
        source: (u64, u64),
        extent: (f64, f64),
        window: &Window,
        interpolation: Interpolation,
    ) -> Option<Self> {
        let filter = Filter::of(interpolation);
        let Axes { x, y, vertical_first } = Axes::with_extent(source, extent, window);
        if vertical_first || !x.changes() || interpolation == Interpolation::Nearest {
            return None;
        }
        let (_, weights) = x.parts(&filter).next()?;
        if weights.iter().len() != x.len() {
            return None; // more weights than are held at a time
        }
        let pass = HorizontalPass::new(&weights);
        let rows = y.needed(&filter);
        let strip = vec![0; CHANNELS * LANES * pass.span.len()];
        Some(Self { pass, y, filter, rows, strip, waiting: 0, narrow: Vec::new() })
    }

    /// The columns and rows of the image that are needed.
    pub(crate) fn needed(&self) -> (Range<usize>, Range<usize>) {
        (self.pass.span.clone(), self.rows.clone())
    }

    /// `[rows, columns, CHANNELS]` of the window, once all rows have come.
    pub(crate) fn finish(mut self) -> Vec<u8> {
        self.narrow_strip();
        let row_bytes = self.pass.width() * CHANNELS;
        if !self.y.changes() {
            return self.narrow;
        }
        vertical(&self.narrow, row_bytes, self.rows.start, &self.y, &self.filter)
    }

    fn narrow_strip(&mut self) {
        let row_bytes = self.pass.width() * CHANNELS;
        if self.narrow.is_empty() {
            self.narrow.reserve_exact(self.rows.len() * row_bytes);
        }
        let start = self.narrow.len();
        self.narrow.resize(start + self.waiting * row_bytes, 0);
        self.pass.strip(Strip::Planar(&self.strip), &mut self.narrow[start..]);
        self.waiting = 0;
    }
}

impl<const CHANNELS: usize> RowSink for Strips<CHANNELS> {
    fn row(&mut self, (x, y): (usize, usize), channels: &[&[u8]]) {
        if !self.rows.contains(&y) {
            return;
        }
        let span = &self.pass.span;
        for (plane, channel) in self.strip.chunks_exact_mut(LANES * span.len()).zip(channels) {
            let row = &mut plane[self.waiting * span.len()..][..span.len()];
            row.copy_from_slice(&channel[span.start - x..span.end - x]);
        }
        self.waiting += 1;
        if self.waiting == LANES {
            self.narrow_strip();
        }
    }
}
