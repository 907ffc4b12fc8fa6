//! The left side of a product: rows that stand in memory, or that a picture or a map is read as.

use crate::{ConvolutionShape, PatchGrid};
use std::ops::Range;

/// Where the values of the left rows come from. Nothing is laid out in full: a block of rows and
/// inputs is copied at a time, into a buffer that stays in the second-level cache.
#[derive(Clone, Copy)]
pub(in crate::cpu) enum Left<'a> {
    /// Row `r` is `values[r · stride..][column..]`.
    Rows { values: &'a [f32], stride: usize, column: usize },
    /// Row `r` is patch `r % patches` of picture `r / patches`, `[3 · patch_size²]`.
    Patches { images: &'a [f32], grid: PatchGrid },
    /// Row `r` is what the kernel covers at output cell `r % cells` of map `r / cells`, `[kernel² · channels]`.
    Kernel { maps: &'a [f32], channels: usize, shape: ConvolutionShape },
}

impl Left<'_> {
    /// Copies the values of one row that belong to these inputs.
    pub(super) fn copy(&self, row: usize, inputs: Range<usize>, out: &mut [f32]) {
        match *self {
            Self::Rows { values, stride, column } => {
                let start = row * stride + column + inputs.start;
                out.copy_from_slice(&values[start..start + out.len()]);
            }
            Self::Patches { images, grid } => copy_patch(images, grid, row, inputs, out),
            Self::Kernel { maps, channels, shape } => copy_kernel(maps, channels, shape, row, inputs, out),
        }
    }
}

/// A patch is `3 · patch_size` runs of `patch_size` values.
fn copy_patch(images: &[f32], grid: PatchGrid, row: usize, inputs: Range<usize>, out: &mut [f32]) {
    let PatchGrid { resolution, patch_size } = grid;
    let (image, patch) = (row / grid.patches(), row % grid.patches());
    let (top, left) = (patch / grid.side() * patch_size, patch % grid.side() * patch_size);
    let image = &images[image * grid.image_values()..(image + 1) * grid.image_values()];
    for_each_run(inputs, patch_size, out, |run, within, out| {
        let (channel, y) = (run / patch_size, run % patch_size);
        let start = (channel * resolution + top + y) * resolution + left + within;
        out.copy_from_slice(&image[start..start + out.len()]);
    });
}

/// What a kernel covers is `kernel²` runs of `channels` values, zeros outside of the map.
fn copy_kernel(
    maps: &[f32],
    channels: usize,
    shape: ConvolutionShape,
    row: usize,
    inputs: Range<usize>,
    out: &mut [f32],
) {
    let output_cells = shape.output().cells();
    let (item, cell) = (row / output_cells, row % output_cells);
    let first = item * shape.input.cells();
    for_each_run(inputs, channels, out, |tap, within, out| match shape.source_cell(cell, tap) {
        Some(source) => {
            let start = (first + source) * channels + within;
            out.copy_from_slice(&maps[start..start + out.len()]);
        }
        None => out.fill(0.0),
    });
}

/// Splits `out`, which stands for `inputs`, where a run of `length` values ends and the next begins.
/// The function gets the run, the place within it, and its part of `out`.
fn for_each_run(
    inputs: Range<usize>,
    length: usize,
    mut out: &mut [f32],
    mut copy: impl FnMut(usize, usize, &mut [f32]),
) {
    let mut input = inputs.start;
    while input < inputs.end {
        let (run, within) = (input / length, input % length);
        let taken = (length - within).min(inputs.end - input);
        let (part, rest) = out.split_at_mut(taken);
        copy(run, within, part);
        out = rest;
        input += taken;
    }
}
