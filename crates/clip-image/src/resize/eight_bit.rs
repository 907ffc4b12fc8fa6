//! The passes for modes of 8-bit channels: weights in 22-bit fixed point, sums in i32.
//!
//! The loops are written for the vectoriser, and `pulp` compiles them once per instruction set:
//!
//! - horizontal: a few rows lie interleaved, `[columns][16]` = 16 rows of one channel, 8 of two, 4 of three or four,
//!   so that a weight meets 16 neighbouring bytes and no sum crosses lanes;
//! - vertical: 32 neighbouring bytes of a row at a time, their sums held while all rows pass.
//!
//! Sums are of integers, so their order does not matter; they cannot overflow because the absolute weights of an
//! output sum to less than 2.
//!
//! 16-bit halves of the weights and multiply-add of pairs would need fewer instructions, but no safe code makes the
//! compiler choose them.

use pulp::{Arch, Simd, WithSimd};

use super::axis::{Axes, Axis};
use super::filter::Filter;
use super::weights::Weights;
use super::window::Window;
use crate::choices::Interpolation;

/// Bits behind the point: what a sum of 8-bit values times weights leaves of 32 bits, as Pillow counts them.
const PRECISION: u32 = 32 - 8 - 2;
const HALF: i32 = 1 << (PRECISION - 1);

/// Bytes of neighbouring rows that are summed together in the horizontal pass.
const ROW_LANES: usize = 16;
/// Bytes of a row that are summed together in the vertical pass.
const COLUMN_LANES: usize = 32;

/// `[rows, columns, CHANNELS]` of the window out of `data`, an image of `source` pixels.
pub(super) fn resize<const CHANNELS: usize>(
    data: &[u8],
    source: (u64, u64),
    window: &Window,
    interpolation: Interpolation,
) -> Vec<u8> {
    let filter = Filter::of(interpolation);
    let Axes { x, y, vertical_first } = Axes::new(source, window);
    let row_bytes = source.0 as usize * CHANNELS;
    if vertical_first {
        return horizontal::<CHANNELS>(&vertical(data, row_bytes, 0, &y, &filter), &x, &filter);
    }
    let rows = y.needed(&filter);
    let narrow = horizontal::<CHANNELS>(&data[rows.start * row_bytes..rows.end * row_bytes], &x, &filter);
    if y.changes() { vertical(&narrow, x.len() * CHANNELS, rows.start, &y, &filter) } else { narrow }
}

/// All rows of `data`, each `x.input` pixels wide, made `x.len()` wide.
fn horizontal<const CHANNELS: usize>(data: &[u8], x: &Axis, filter: &Filter) -> Vec<u8> {
    let row_bytes = x.input as usize * CHANNELS;
    if !x.changes() {
        let kept = x.kept().start * CHANNELS..x.kept().end * CHANNELS;
        return data.chunks_exact(row_bytes).flat_map(|row| &row[kept.clone()]).copied().collect();
    }
    let out_bytes = x.len() * CHANNELS;
    let mut out = vec![0; data.len() / row_bytes * out_bytes];
    for (first_column, weights) in x.parts(filter) {
        let weights = &weights.fixed(PRECISION);
        let pass =
            Horizontal::<CHANNELS> { data, row_bytes, weights, first_column, out_bytes, out: &mut out };
        Arch::new().dispatch(pass);
    }
    out
}

/// `y.len()` rows made of those in `data`, which begin with row `first_row` of the image.
fn vertical(data: &[u8], row_bytes: usize, first_row: usize, y: &Axis, filter: &Filter) -> Vec<u8> {
    let mut out = vec![0; y.len() * row_bytes];
    for (first, weights) in y.parts(filter) {
        let weights = &weights.fixed(PRECISION);
        let rows = weights.iter().len() * row_bytes;
        let out = &mut out[first * row_bytes..][..rows];
        Arch::new().dispatch(Vertical { data, first_row, row_bytes, weights, out });
    }
    out
}

/// Back from fixed point: an arithmetic shift, then the range of a byte.
#[inline(always)]
fn to_byte(sum: i32) -> u8 {
    (sum >> PRECISION).clamp(0, 255) as u8
}

struct Horizontal<'a, const CHANNELS: usize> {
    data: &'a [u8],
    row_bytes: usize,
    weights: &'a Weights<i32>,
    /// Where in a row of `out` the weights' first output belongs.
    first_column: usize,
    out_bytes: usize,
    out: &'a mut [u8],
}

impl<const CHANNELS: usize> WithSimd for Horizontal<'_, CHANNELS> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let lanes = if CHANNELS == 3 { 4 } else { CHANNELS };
        let block_rows = ROW_LANES / lanes;
        let span = self.weights.span();
        let mut block = vec![[0_u8; ROW_LANES]; span.len()];
        let out_bytes = self.out_bytes;
        let inputs = self.data.chunks(self.row_bytes * block_rows);
        for (input, out) in inputs.zip(self.out.chunks_mut(out_bytes * block_rows)) {
            for (index, row) in input.chunks_exact(self.row_bytes).enumerate() {
                let row = &row[span.start * CHANNELS..span.end * CHANNELS];
                interleave::<CHANNELS>(row, index * lanes, &mut block);
            }
            for (x, (first, weights)) in self.weights.iter().enumerate() {
                let pixels = &block[first - span.start..][..weights.len()];
                let mut sums = [HALF; ROW_LANES];
                for (weight, bytes) in weights.iter().zip(pixels) {
                    for (sum, byte) in sums.iter_mut().zip(bytes) {
                        *sum = sum.wrapping_add(weight.wrapping_mul(i32::from(*byte)));
                    }
                }
                let bytes = sums.map(to_byte);
                let at = (self.first_column + x) * CHANNELS;
                for (row, pixel) in out.chunks_exact_mut(out_bytes).zip(bytes.chunks_exact(lanes)) {
                    row[at..at + CHANNELS].copy_from_slice(&pixel[..CHANNELS]);
                }
            }
        }
    }
}

/// Puts the pixels of a row at byte `lane` of each column of the block.
#[inline(always)]
fn interleave<const CHANNELS: usize>(row: &[u8], lane: usize, block: &mut [[u8; ROW_LANES]]) {
    if CHANNELS == 3 {
        // Four bytes at a time are cheaper than three: the fourth is the next pixel's first, and is never read.
        let (last, all_but_last) = block.split_last_mut().expect("an output is made of at least one pixel");
        for (column, pixel) in all_but_last.iter_mut().zip(row.windows(4).step_by(3)) {
            column[lane..lane + 4].copy_from_slice(pixel);
        }
        last[lane..lane + 3].copy_from_slice(&row[row.len() - 3..]);
    } else {
        for (column, pixel) in block.iter_mut().zip(row.as_chunks::<CHANNELS>().0) {
            column[lane..lane + CHANNELS].copy_from_slice(pixel);
        }
    }
}

struct Vertical<'a> {
    data: &'a [u8],
    /// Which input row `data` begins with.
    first_row: usize,
    row_bytes: usize,
    weights: &'a Weights<i32>,
    out: &'a mut [u8],
}

impl WithSimd for Vertical<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        for ((first, weights), out) in self.weights.iter().zip(self.out.chunks_exact_mut(self.row_bytes)) {
            let rows = &self.data[(first - self.first_row) * self.row_bytes..];
            let (blocks, rest) = out.as_chunks_mut::<COLUMN_LANES>();
            for (index, block) in blocks.iter_mut().enumerate() {
                let at = index * COLUMN_LANES;
                let mut sums = [HALF; COLUMN_LANES];
                for (weight, row) in weights.iter().zip(rows.chunks_exact(self.row_bytes)) {
                    let bytes: &[u8; COLUMN_LANES] =
                        row[at..].first_chunk().expect("a row is as long as the output's");
                    for (sum, byte) in sums.iter_mut().zip(bytes) {
                        *sum = sum.wrapping_add(weight.wrapping_mul(i32::from(*byte)));
                    }
                }
                *block = sums.map(to_byte);
            }
            let at = self.row_bytes - rest.len();
            for (offset, byte) in rest.iter_mut().enumerate() {
                let column = rows.iter().skip(at + offset).step_by(self.row_bytes);
                let products =
                    weights.iter().zip(column).map(|(weight, byte)| weight.wrapping_mul(i32::from(*byte)));
                *byte = to_byte(products.fold(HALF, i32::wrapping_add));
            }
        }
    }
}
