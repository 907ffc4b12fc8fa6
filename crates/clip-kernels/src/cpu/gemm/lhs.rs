//! The left side of a product: rows that stand in memory, or that a picture or a map is read as,
//! and their words.

use super::im2col::Im2col;
use super::macro_kernel::MC;
use super::packed_words;
use super::panels::Panels;
use super::quantize::{RowScale, quantize_row, subtract_row};
use crate::cpu::isa::Isa;
use crate::cpu::transpose::Transpose;
use crate::{PatchGrid, Precision};
use std::ops::Range;

/// The words of some rows and inputs, as the tiles read them. They stay in the second-level cache.
#[derive(Default)]
pub(super) struct PackedLhs {
    words: Vec<u32>,
    stride: usize,
    scales: Vec<RowScale>,
    row: Vec<f32>,
}

impl PackedLhs {
    /// Takes the values of these rows that belong to a range of the panels' words.
    pub(super) fn fill(
        &mut self,
        isa: Isa,
        lhs: &Lhs<'_>,
        rows: Range<usize>,
        panels: &Panels<'_>,
        depth: Range<usize>,
    ) {
        let inputs_of_word = packed_words::inputs_of(panels.precision);
        let inputs = depth.start * inputs_of_word..panels.inputs.min(depth.end * inputs_of_word);
        self.stride = stride(depth.len());
        if self.words.len() < rows.len() * self.stride {
            self.words.resize(rows.len() * self.stride, 0);
        }
        self.scales.clear();
        if let Lhs::Im2colWords(maps) = lhs {
            let words = &mut self.words[..rows.len() * self.stride];
            return maps.copy(isa, rows, depth, bytemuck::cast_slice_mut(words), self.stride);
        }
        if let Lhs::Columns { values, stride } = *lhs {
            let columns = Columns { values, stride, precision: panels.precision };
            return columns.fill(isa, rows, inputs, &mut self.words, self.stride);
        }
        if let (Lhs::Im2col(maps), Precision::Bf16) = (lhs, panels.precision) {
            return self.fill_rounded(isa, *maps, rows, inputs);
        }
        self.row.resize(inputs.len(), 0.0);
        for (row, words) in rows.zip(self.words.chunks_exact_mut(self.stride)) {
            let words = &mut words[..depth.len()];
            if panels.precision == Precision::F32 {
                lhs.copy(isa, row, inputs.clone(), bytemuck::cast_slice_mut(words));
                continue;
            }
            let values = match lhs.borrow(row, inputs.clone()) {
                Some(values) => values,
                None => {
                    lhs.copy(isa, row, inputs.clone(), &mut self.row);
                    &self.row
                }
            };
            if panels.precision == Precision::Bf16 {
                packed_words::from_row(isa, Precision::Bf16, values, words);
                continue;
            }
            let mut scale = quantize_row(isa, values, words);
            if let Lhs::Patches { part: Part::Rest, .. } = lhs {
                subtract_row(isa, scale, words, &mut self.row);
                scale = quantize_row(isa, &self.row, words);
            }
            self.scales.push(scale);
        }
    }

    /// In bf16, from maps whose cells do not begin with a word: of pictures, so rows are short.
    fn fill_rounded(
        &mut self,
        isa: Isa,
        maps: Im2col<'_>,
        rows: Range<usize>,
        inputs: Range<usize>,
    ) {
        let width = inputs.len().max(1);
        self.row.resize(rows.len() * width, 0.0);
        maps.copy(isa, rows, inputs, &mut self.row, width);
        let words = self.words.chunks_exact_mut(self.stride);
        for (values, words) in self.row.chunks_exact(width).zip(words) {
            let words = &mut words[..packed_words::count(Precision::Bf16, width)];
            packed_words::from_row(isa, Precision::Bf16, values, words);
        }
    }

    /// The words from one row on.
    pub(super) fn starting_at(&self, row: usize) -> &[u32] {
        &self.words[row * self.stride..]
    }

    /// From one row to the next.
    pub(super) fn stride(&self) -> usize {
        self.stride
    }

    /// The scales of some rows in int8, nothing else.
    pub(super) fn scales(&self, rows: Range<usize>) -> &[RowScale] {
        self.scales.get(rows).unwrap_or_default()
    }
}

/// Words from one row to the next. Not a multiple of 4096 bytes, or all rows of a tile would
/// compete for the same eight lines of the first-level cache.
fn stride(words: usize) -> usize {
    let lines = words.div_ceil(16) + 1;
    16 * if lines.is_multiple_of(64) { lines + 1 } else { lines }
}

/// Where the values of the left rows come from. Nothing is laid out in full: a block of rows and
/// inputs is copied at a time, into a buffer that stays in the second-level cache.
#[derive(Clone, Copy)]
pub(in crate::cpu) enum Lhs<'a> {
    /// Row `r` is `values[r · stride..][column..]`.
    Rows { values: &'a [f32], stride: usize, column: usize },
    /// Row `r` is column `r` of rows `stride` values apart: in f32 and bf16.
    Columns { values: &'a [f32], stride: usize },
    /// Row `r` is patch `r % patches` of picture `r / patches`, `[3 · patch_size²]`.
    Patches { images: &'a [f32], grid: PatchGrid, part: Part },
    /// Row `r` is what a kernel covers; the words of the maps are values.
    Im2col(Im2col<'a>),
    /// The same, where the maps are in words of the panels' precision already.
    Im2colWords(Im2col<'a>),
}

/// Of a row that is a sum of two rows in 8 bits.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(in crate::cpu) enum Part {
    /// The row itself, in any precision.
    First,
    /// What the first leaves.
    Rest,
}

impl<'a> Lhs<'a> {
    /// The values of one row that belong to these inputs, where they stand side by side.
    fn borrow(&self, row: usize, inputs: Range<usize>) -> Option<&'a [f32]> {
        match *self {
            Self::Rows { values, stride, column } => {
                let start = row * stride + column;
                Some(&values[start + inputs.start..start + inputs.end])
            }
            _ => None,
        }
    }

    /// Copies the values of one row that belong to these inputs.
    fn copy(&self, isa: Isa, row: usize, inputs: Range<usize>, out: &mut [f32]) {
        match *self {
            Self::Rows { values, stride, column } => {
                let start = row * stride + column + inputs.start;
                out.copy_from_slice(&values[start..start + out.len()]);
            }
            Self::Patches { images, grid, .. } => copy_patch(images, grid, row, inputs, out),
            Self::Im2col(maps) => maps.copy(isa, row..row + 1, inputs, out, out.len()),
            Self::Im2colWords(_) => unreachable!("words are copied as they are"),
            Self::Columns { .. } => unreachable!("columns are turned a block at a time"),
        }
    }

    /// Copies the values of some rows that belong to these inputs to rows `stride` values apart.
    pub(super) fn copy_rows(
        &self,
        isa: Isa,
        rows: Range<usize>,
        inputs: Range<usize>,
        out: &mut [f32],
        stride: usize,
    ) {
        if let Self::Im2col(maps) = *self {
            return maps.copy(isa, rows, inputs, out, stride);
        }
        for (row, out) in rows.zip(out.chunks_exact_mut(stride)) {
            self.copy(isa, row, inputs.clone(), &mut out[..inputs.len()]);
        }
    }
}

/// The columns of a matrix as left rows.
struct Columns<'a> {
    values: &'a [f32],
    stride: usize,
    precision: Precision,
}

impl Columns<'_> {
    /// The words of some columns, of `inputs` from top to bottom.
    fn fill(
        &self,
        isa: Isa,
        columns: Range<usize>,
        inputs: Range<usize>,
        out: &mut [u32],
        out_stride: usize,
    ) {
        let row = |row: usize| &self.values[row * self.stride..][columns.clone()];
        if inputs.is_empty() || columns.is_empty() {
            return;
        }
        let (rows, width) = (inputs.len(), columns.len());
        if self.precision == Precision::F32 {
            let source = &self.values[inputs.start * self.stride + columns.start..];
            Transpose {
                source: bytemuck::cast_slice(source),
                source_stride: self.stride,
                rows,
                columns: width,
                out,
                stride: out_stride,
            }
            .run(isa);
            return;
        }
        /// Rows of words that are turned at a time.
        const WORDS: usize = 16;
        let mut pairs = [0; WORDS * MC];
        let words = packed_words::count(self.precision, rows);
        for first in (0..words).step_by(WORDS) {
            let count = WORDS.min(words - first);
            for (word, pair) in pairs.chunks_exact_mut(width).take(count).enumerate() {
                let input = inputs.start + 2 * (first + word);
                let second = if input + 1 < inputs.end { row(input + 1) } else { &[] };
                packed_words::from_pair(isa, self.precision, row(input), second, pair);
            }
            Transpose {
                source: &pairs,
                source_stride: width,
                rows: count,
                columns: width,
                out: &mut out[first..],
                stride: out_stride,
            }
            .run(isa);
        }
    }
}

/// A patch is `3 · patch_size` runs of `patch_size` values.
fn copy_patch(images: &[f32], grid: PatchGrid, row: usize, inputs: Range<usize>, out: &mut [f32]) {
    let PatchGrid { resolution, patch_size } = grid;
    let (image, patch) = (row / grid.patches(), row % grid.patches());
    let (top, left) = (patch / grid.side() * patch_size, patch % grid.side() * patch_size);
    let image = &images[image * grid.image_values()..(image + 1) * grid.image_values()];
    let (mut input, mut rest) = (inputs.start, out);
    while !rest.is_empty() {
        let (run, within) = (input / patch_size, input % patch_size);
        let (part, behind) = rest.split_at_mut((patch_size - within).min(rest.len()));
        let (channel, y) = (run / patch_size, run % patch_size);
        let start = (channel * resolution + top + y) * resolution + left + within;
        part.copy_from_slice(&image[start..start + part.len()]);
        input += part.len();
        rest = behind;
    }
}
