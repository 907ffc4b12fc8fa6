//! Maps as the left side of a convolution: what the kernel covers at each output cell.
//!
//! A row of the kernel lies over cells that stand side by side in the map, so a left row is
//! `kernel` runs of up to `kernel` cells, zeros outside of the map. Words of cells are copied,
//! never numbers converted: a map is brought into its precision once, not once for each tap.

use crate::ConvolutionShape;
use crate::cpu::isa::{Isa, Vectorize};
use crate::cpu::lanes::{LANES, Lanes};
use std::ops::Range;

/// Maps in words, `[items · cells, words_of_cell]`; left row `r` is what the kernel covers at
/// output cell `r % output cells` of map `r / output cells`, `[kernel² · words_of_cell]`.
#[derive(Clone, Copy)]
pub(in crate::cpu) struct Im2col<'a> {
    /// Bits of any kind, as f32 so that vectors load them.
    pub(in crate::cpu) maps: &'a [f32],
    pub(in crate::cpu) words_of_cell: usize,
    pub(in crate::cpu) shape: ConvolutionShape,
}

impl Im2col<'_> {
    /// Copies a range of the words of some rows to rows `stride` words apart.
    pub(super) fn copy(
        self,
        isa: Isa,
        rows: Range<usize>,
        words: Range<usize>,
        out: &mut [f32],
        stride: usize,
    ) {
        isa.vectorize(Copy { maps: self, rows, words, out, stride });
    }
}

struct Copy<'a> {
    maps: Im2col<'a>,
    rows: Range<usize>,
    words: Range<usize>,
    out: &'a mut [f32],
    stride: usize,
}

impl Vectorize for Copy<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self) {
        let Self { maps, rows, words, out, stride } = self;
        let output = maps.shape.output();
        let (mut item, cell) = (rows.start / output.cells(), rows.start % output.cells());
        let (mut y, mut x) = (cell / output.width, cell % output.width);
        for out in out.chunks_exact_mut(stride).take(rows.len()) {
            maps.copy_row::<L>(item, y, x, words.clone(), &mut out[..words.len()]);
            x += 1;
            if x == output.width {
                (x, y) = (0, y + 1);
            }
            if y == output.height {
                (y, item) = (0, item + 1);
            }
        }
    }
}

impl Im2col<'_> {
    #[inline(always)]
    fn copy_row<L: Lanes>(
        &self,
        item: usize,
        y: usize,
        x: usize,
        words: Range<usize>,
        out: &mut [f32],
    ) {
        let Self {
            maps,
            words_of_cell,
            shape: ConvolutionShape { input, kernel, stride, padding },
        } = *self;
        let (top, left) = (y * stride, x * stride); // in the map with its ring of zeros
        // The taps of a kernel row that lie over the map.
        let first = padding.saturating_sub(left).min(kernel);
        let end = (input.width + padding).saturating_sub(left).clamp(first, kernel);
        let run = kernel * words_of_cell;
        for tap_row in 0..kernel {
            let (start, stop) =
                (words.start.max(tap_row * run), words.end.min((tap_row + 1) * run));
            if start >= stop {
                continue;
            }
            let out = &mut out[start - words.start..stop - words.start];
            let (start, stop) = (start - tap_row * run, stop - tap_row * run); // within the kernel row
            let row = top + tap_row;
            if row < padding || row >= input.height + padding || first == end {
                out.fill(0.0);
                continue;
            }
            // The run's words over the map, and zeros on both sides of them.
            let inside = (first * words_of_cell).clamp(start, stop)
                ..(end * words_of_cell).clamp(start, stop);
            out[..inside.start - start].fill(0.0);
            out[inside.end - start..].fill(0.0);
            if inside.is_empty() {
                continue;
            }
            let cell = (item * input.height + row - padding) * input.width + left;
            let source = cell * words_of_cell + inside.start - padding * words_of_cell;
            let count = inside.len();
            copy_run::<L>(
                &maps[source..source + count],
                &mut out[inside.start - start..inside.end - start],
            );
        }
    }
}

/// A copy without a call: the runs are a few vectors long.
#[inline(always)]
fn copy_run<L: Lanes>(source: &[f32], out: &mut [f32]) {
    let (vectors, rest) = source.as_chunks::<LANES>();
    let (out_vectors, out_rest) = out.as_chunks_mut::<LANES>();
    for (out, vector) in out_vectors.iter_mut().zip(vectors) {
        L::load(vector).store(out);
    }
    if !rest.is_empty() {
        out_rest.copy_from_slice(rest);
    }
}
