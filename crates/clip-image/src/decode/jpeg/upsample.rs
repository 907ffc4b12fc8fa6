//! Bringing each component to the size of the image, as libjpeg does.
//!
//! Where a component has half the columns or half the rows, a triangle filter is used ("fancy"
//! upsampling): 3/4 of the nearer sample, 1/4 of the farther one. Other whole ratios repeat
//! samples. At the edges the last sample that belongs to the image stands in for the missing
//! neighbour.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    reason = "row numbers are clamped to the component's height; sums of 16 samples fit in 16 bits"
)]

use std::ops::Range;

use super::error::{JpegError, broken};
use super::frame::{Component, Frame, Process};

/// How one component reaches the size of the image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Upsampling {
    /// It has that size.
    Full,
    /// Triangle filter along rows.
    Horizontal,
    /// Triangle filter along columns.
    Vertical,
    /// Triangle filter along both.
    Both,
    /// Each sample repeated this often (columns, rows).
    Repeat(usize, usize),
}

impl Upsampling {
    /// libjpeg's choice; ratios that are not whole numbers are refused, as there.
    pub(super) fn of(component: &Component, frame: &Frame) -> Result<Self, JpegError> {
        let (h, v) = (component.h, component.v);
        if !frame.h_max.is_multiple_of(h) || !frame.v_max.is_multiple_of(v) {
            return broken("sampling factors that do not divide each other");
        }
        let (pixels, samples) = (frame.side, component.side);
        let ratio = (frame.h_max * pixels / (h * samples), frame.v_max * pixels / (v * samples));
        let transformed = frame.process != Process::Lossless;
        Ok(match ratio {
            (1, 1) => Self::Full,
            (2, 1) if transformed && component.width > 2 => Self::Horizontal,
            (1, 2) if transformed => Self::Vertical,
            (2, 2) if transformed && component.width > 2 => Self::Both,
            (h, v) => Self::Repeat(h, v),
        })
    }
}

/// The samples of one component around the band being written: the last row before it, the band,
/// and the next band.
#[derive(Debug)]
pub(super) struct Plane {
    pub(super) stride: usize,
    rows_per_band: usize,
    width: usize,
    height: usize,
    upsampling: Upsampling,
    above: Vec<u8>,
    current: Vec<u8>,
    /// The band that the decoder fills next.
    pub(super) next: Vec<u8>,
    /// Column sums of two rows, with a copy of the first and the last at either end.
    sums: Vec<u16>,
    scratch: Vec<u8>,
}

impl Plane {
    /// For these columns of MCUs of the frame; samples beyond them count as beyond the image.
    pub(super) fn new(
        component: &Component,
        frame: &Frame,
        columns: &Range<usize>,
    ) -> Result<Self, JpegError> {
        let side = component.side;
        let stride = columns.len() * component.h * side;
        let rows_per_band = component.v * side;
        let upsampling = Upsampling::of(component, frame)?;
        let ratio = frame.h_max * frame.side / (component.h * side);
        let width = component.width.saturating_sub(columns.start * component.h * side).min(stride);
        Ok(Self {
            stride,
            rows_per_band,
            width,
            height: component.height,
            upsampling,
            above: vec![0; stride],
            current: vec![0; stride * rows_per_band],
            next: vec![0; stride * rows_per_band],
            sums: vec![0; width + 2],
            scratch: vec![0; width * ratio],
        })
    }

    /// Makes the band just filled the current one.
    pub(super) fn turn(&mut self) {
        self.above.copy_from_slice(&self.current[self.stride * (self.rows_per_band - 1)..]);
        std::mem::swap(&mut self.current, &mut self.next);
    }

    /// Row `y` of this component, clamped to its height; it must lie in band `band` or next to it.
    fn source(&self, band: usize, y: isize) -> &[u8] {
        let y = y.clamp(0, self.height as isize - 1);
        let within = y - (band * self.rows_per_band) as isize;
        let row = match usize::try_from(within) {
            Err(_) => &self.above[..],
            Ok(row) if row < self.rows_per_band => &self.current[row * self.stride..],
            Ok(row) => &self.next[(row - self.rows_per_band) * self.stride..],
        };
        &row[..self.width]
    }

    /// Prepares row `y` of the image; [`Plane::row`] then gives it.
    #[inline(always)]
    pub(super) fn prepare(&mut self, band: usize, y: usize) {
        let halved = (y / 2) as isize;
        let (neighbour, odd) =
            if y.is_multiple_of(2) { (halved - 1, false) } else { (halved + 1, true) };
        // The borrow of the source rows ends before the planes are put back.
        let mut scratch = std::mem::take(&mut self.scratch);
        let mut sums = std::mem::take(&mut self.sums);
        match self.upsampling {
            Upsampling::Full => {}
            Upsampling::Horizontal => {
                widen(self.source(band, y as isize), &mut sums, &mut scratch);
            }
            Upsampling::Vertical => {
                // libjpeg rounds one half up for upper rows and down for lower ones.
                let bias = if odd { 2 } else { 1 };
                let (near, far) = (self.source(band, halved), self.source(band, neighbour));
                for ((out, &near), &far) in scratch.iter_mut().zip(near).zip(far) {
                    *out = ((u16::from(near) * 3 + u16::from(far) + bias) >> 2) as u8;
                }
            }
            Upsampling::Both => {
                widen_sum(
                    self.source(band, halved),
                    self.source(band, neighbour),
                    &mut sums,
                    &mut scratch,
                );
            }
            Upsampling::Repeat(h, v) => {
                for (out, &sample) in
                    scratch.chunks_exact_mut(h).zip(self.source(band, (y / v) as isize))
                {
                    out.fill(sample);
                }
            }
        }
        self.scratch = scratch;
        self.sums = sums;
    }

    /// The row prepared last.
    #[inline(always)]
    pub(super) fn row(&self, band: usize, y: usize) -> &[u8] {
        if self.upsampling == Upsampling::Full {
            self.source(band, y as isize)
        } else {
            &self.scratch
        }
    }
}

/// Triangle filter along a row: `out` has twice its length.
#[inline(always)]
fn widen(source: &[u8], padded: &mut [u16], out: &mut [u8]) {
    let count = source.len();
    for (slot, &sample) in padded[1..].iter_mut().zip(source) {
        *slot = u16::from(sample);
    }
    padded[0] = padded[1];
    padded[count + 1] = padded[count];
    let (pairs, _) = out.as_chunks_mut::<2>();
    for (((pair, &before), &here), &after) in
        pairs.iter_mut().zip(&padded[..count]).zip(&padded[1..=count]).zip(&padded[2..])
    {
        *pair = [((here * 3 + before + 1) >> 2) as u8, ((here * 3 + after + 2) >> 2) as u8];
    }
}

/// Triangle filter along columns and rows: `out` has twice the length of a row.
#[inline(always)]
fn widen_sum(near: &[u8], far: &[u8], padded: &mut [u16], out: &mut [u8]) {
    let count = near.len();
    for ((slot, &near), &far) in padded[1..].iter_mut().zip(near).zip(far) {
        *slot = u16::from(near) * 3 + u16::from(far);
    }
    padded[0] = padded[1];
    padded[count + 1] = padded[count];
    let (pairs, _) = out.as_chunks_mut::<2>();
    for (((pair, &before), &here), &after) in
        pairs.iter_mut().zip(&padded[..count]).zip(&padded[1..=count]).zip(&padded[2..])
    {
        *pair = [((here * 3 + before + 8) >> 4) as u8, ((here * 3 + after + 7) >> 4) as u8];
    }
}
