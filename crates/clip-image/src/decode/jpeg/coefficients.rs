//! The coefficients of a whole image, for files that bring them in several scans.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    reason = "block positions come from the frame that sized the arrays"
)]

use std::ops::Range;

use super::error::JpegError;
use super::frame::{Component, Frame, Process};
use super::idct::{Transform, WithTransform, dispatch, samples};
use super::markers::ScanHeader;
use super::output::Bands;
use super::smoothing::Smoothing;
use super::upsample::Plane;

/// All blocks of all components, natural order, not dequantised.
#[derive(Debug)]
pub(super) struct Coefficients {
    planes: Vec<Vec<i16>>,
    /// Which coefficients of each block are not zero, in zigzag order from the lowest bit; DC is
    /// left out. Kept by progressive scans with Huffman codes, whose refinements walk from one such
    /// coefficient to the next.
    nonzero: Vec<Vec<u64>>,
}

impl Coefficients {
    pub(super) fn new(frame: &Frame) -> Self {
        // Numbers, not blocks of them: only so does the memory come zeroed, and untouched, from the
        // system.
        let planes =
            frame.components.iter().map(|c| vec![0; c.stored_wide * c.stored_high * 64]).collect();
        let tracked = frame.process == Process::Progressive && !frame.arithmetic;
        let size = |c: &Component| if tracked { c.stored_wide * c.stored_high } else { 0 };
        let nonzero = frame.components.iter().map(|c| vec![0; size(c)]).collect();
        Self { planes, nonzero }
    }

    /// The blocks of a component: `[stored_high, stored_wide]`.
    #[inline(always)]
    pub(super) fn blocks(&self, component: usize) -> &[[i16; 64]] {
        self.planes[component].as_chunks().0
    }

    #[inline(always)]
    pub(super) fn blocks_mut(&mut self, component: usize) -> &mut [[i16; 64]] {
        self.planes[component].as_chunks_mut().0
    }

    /// The same, and which coefficients are not zero.
    #[inline(always)]
    pub(super) fn tracked_mut(&mut self, component: usize) -> (&mut [[i16; 64]], &mut [u64]) {
        (self.planes[component].as_chunks_mut().0, &mut self.nonzero[component])
    }
}

/// The order of the blocks of a scan: where MCUs begin, and which block of which component comes
/// next.
#[derive(Debug, Clone)]
pub(super) struct ScanLayout {
    pub(super) mcus_wide: usize,
    pub(super) mcus_high: usize,
    /// Rows of MCUs of this scan in one of the frame.
    rows_per_frame_row: usize,
    pub(super) blocks: Vec<BlockOfMcu>,
}

/// One block of an MCU.
#[derive(Debug, Clone, Copy)]
pub(super) struct BlockOfMcu {
    /// Position of the component in the scan.
    pub(super) position: usize,
    /// Index of the component in the frame.
    pub(super) component: usize,
    step_x: usize,
    step_y: usize,
    x: usize,
    y: usize,
    stored_wide: usize,
}

impl BlockOfMcu {
    /// Index of this block of the MCU at these coordinates among all blocks of its component.
    #[inline(always)]
    pub(super) fn at(&self, mcu_x: usize, mcu_y: usize) -> usize {
        (mcu_y * self.step_y + self.y) * self.stored_wide + mcu_x * self.step_x + self.x
    }
}

impl ScanLayout {
    /// A scan of one component has one block per MCU and leaves out the padding; others take
    /// `h * v` of each.
    pub(super) fn new(frame: &Frame, scan: &ScanHeader) -> Self {
        let interleaved = scan.components.len() > 1;
        let (mut mcus_wide, mut mcus_high) = (frame.mcus_wide, frame.mcus_high);
        let mut rows_per_frame_row = 1;
        let mut blocks = Vec::with_capacity(16);
        for (position, selected) in scan.components.iter().enumerate() {
            let component = &frame.components[selected.index];
            let (h, v) = if interleaved { (component.h, component.v) } else { (1, 1) };
            if !interleaved {
                (mcus_wide, mcus_high) = (component.units_wide, component.units_high);
                rows_per_frame_row = component.v;
            }
            for (y, x) in (0..v).flat_map(|y| (0..h).map(move |x| (y, x))) {
                let stored_wide = component.stored_wide;
                blocks.push(BlockOfMcu {
                    position,
                    component: selected.index,
                    step_x: h,
                    step_y: v,
                    x,
                    y,
                    stored_wide,
                });
            }
        }
        Self { mcus_wide, mcus_high, rows_per_frame_row, blocks }
    }

    /// The row of MCUs of the frame that a row of MCUs of this scan lies in.
    pub(super) fn row_of_frame(&self, row: usize) -> usize {
        row / self.rows_per_frame_row
    }
}

/// Coefficients on their way to samples.
pub(super) struct StoredBands<'a> {
    pub(super) frame: &'a Frame,
    pub(super) coefficients: Coefficients,
    /// Present when the file ended before all coefficients were known.
    pub(super) smoothing: Option<Smoothing>,
}

impl Bands for StoredBands<'_> {
    fn fill(
        &mut self,
        index: usize,
        columns: Range<usize>,
        planes: &mut [Plane],
    ) -> Result<(), JpegError> {
        if columns.is_empty() {
            return Ok(());
        }
        for (number, (component, plane)) in self.frame.components.iter().zip(planes).enumerate() {
            let quant = component.quant.unwrap_or([0; 64]);
            let blocks = self.coefficients.blocks(number);
            let width = component.stored_wide;
            for (y, out) in plane.next.chunks_exact_mut(plane.stride * component.side).enumerate() {
                let row = index * component.v + y;
                let guessed = self
                    .smoothing
                    .as_ref()
                    .map(|smoothing| smoothing.row(self.frame, number, blocks, row));
                let blocks = guessed.as_deref().unwrap_or(&blocks[row * width..][..width]);
                let blocks = &blocks[columns.start * component.h..columns.end * component.h];
                dispatch(TransformRow {
                    blocks,
                    quant: &quant,
                    side: component.side,
                    out,
                    stride: plane.stride,
                });
            }
        }
        Ok(())
    }
}

/// Transforms a row of blocks to eight rows of samples; compiled once per instruction set.
struct TransformRow<'a> {
    blocks: &'a [[i16; 64]],
    quant: &'a [i16; 64],
    side: usize,
    out: &'a mut [u8],
    stride: usize,
}

impl WithTransform for TransformRow<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self, transform: impl Transform) {
        let Self { blocks, quant, side, out, stride } = self;
        for (x, block) in blocks.iter().enumerate() {
            let any = block[1..].iter().fold(0, |any, &c| any | c) != 0;
            samples(transform, block, any, quant, side, &mut out[x * side..], stride);
        }
    }
}
