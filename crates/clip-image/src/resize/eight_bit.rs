//! The passes for modes of 8-bit channels: weights in 22-bit fixed point, sums in i32.
//!
//! Sums are of integers, so their order does not matter; they cannot overflow because the absolute
//! weights of an output sum to less than 2.
//!
//! 16-bit halves of the weights and multiply-add of pairs are no faster: they take two instructions
//! for two products.

use pulp::{Arch, Simd, WithSimd};

use super::axis::{Axes, Axis};
use super::filter::{Filter, Interpolation};
use super::horizontal_u8::{HorizontalPass, Strip};
use super::lanes::{HALF, LANES, PRECISION, to_byte};
use super::weights::Weights;
use super::window::Window;

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
    let narrow =
        horizontal::<CHANNELS>(&data[rows.start * row_bytes..rows.end * row_bytes], &x, &filter);
    if y.changes() {
        vertical(&narrow, x.len() * CHANNELS, rows.start, &y, &filter)
    } else {
        narrow
    }
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
        let mut pass = HorizontalPass::<CHANNELS>::new(&weights);
        let bytes = pass.width() * CHANNELS;
        let mut narrow = vec![0; LANES * bytes];
        let start = pass.span.start * CHANNELS;
        for (rows, out) in data.chunks(LANES * row_bytes).zip(out.chunks_mut(LANES * out_bytes)) {
            if bytes == out_bytes {
                pass.strip(Strip::Interleaved(&rows[start..], row_bytes), out);
                continue;
            }
            pass.strip(Strip::Interleaved(&rows[start..], row_bytes), &mut narrow);
            for (row, narrow) in out.chunks_exact_mut(out_bytes).zip(narrow.chunks_exact(bytes)) {
                row[first_column * CHANNELS..][..bytes].copy_from_slice(narrow);
            }
        }
    }
    out
}

/// `y.len()` rows made of those in `data`, which begin with row `first_row` of the image.
pub(super) fn vertical(
    data: &[u8],
    row_bytes: usize,
    first_row: usize,
    y: &Axis,
    filter: &Filter,
) -> Vec<u8> {
    let mut out = vec![0; y.len() * row_bytes];
    for (first, weights) in y.parts(filter) {
        let weights = &weights.fixed(PRECISION);
        let rows = weights.iter().len() * row_bytes;
        let out = &mut out[first * row_bytes..][..rows];
        Arch::new().dispatch(Vertical { data, first_row, row_bytes, weights, out });
    }
    out
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
        for ((first, weights), out) in
            self.weights.iter().zip(self.out.chunks_exact_mut(self.row_bytes))
        {
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
                block.iter_mut().zip(sums).for_each(|(byte, sum)| *byte = to_byte(sum));
            }
            let at = self.row_bytes - rest.len();
            for (offset, byte) in rest.iter_mut().enumerate() {
                let column = rows.iter().skip(at + offset).step_by(self.row_bytes);
                let products = weights
                    .iter()
                    .zip(column)
                    .map(|(weight, byte)| weight.wrapping_mul(i32::from(*byte)));
                *byte = to_byte(products.fold(HALF, i32::wrapping_add));
            }
        }
    }
}
