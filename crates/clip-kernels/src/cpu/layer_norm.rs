//! Layer norm, row by row.
//!
//! Order of both sums: 16 lanes, lane `i` takes columns `i, i + 16, …` (what the last sixteen lack
//! comes first), then one tree. Two passes over a row that stays in the first-level cache: mean,
//! then squared distances from it, which keeps the digits that `mean of squares − square of mean`
//! loses.

use super::isa::{Isa, Vectorize, multiply_add};
use super::lanes::{LANES, Lanes, fold, load_part};
use super::target::for_each_chunk;
use crate::{Matrix, Result};

/// Rows of one task: 16 · 768 · 4 bytes = 49 kB in, 49 kB out.
const ROWS_PER_TASK: usize = 16;

/// `(x − mean) / √(variance + eps) · gain + bias` of each row.
pub(super) fn layer_norm(
    isa: Isa,
    x: &Matrix,
    gain: &[f32],
    bias: &[f32],
    eps: f64,
) -> Result<Matrix> {
    let mut out = Matrix::unwritten(x.rows(), x.width())?;
    let values = ROWS_PER_TASK * x.width();
    for_each_chunk(out.values_mut(), values, |task, out| {
        let x = &x.values()[task * values..][..out.len()];
        isa.vectorize(LayerNormRows { x, out, gain, bias, eps: eps as f32 });
    });
    Ok(out)
}

struct LayerNormRows<'a> {
    x: &'a [f32],
    out: &'a mut [f32],
    gain: &'a [f32],
    bias: &'a [f32],
    eps: f32,
}

impl Vectorize for LayerNormRows<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self) {
        let width = self.gain.len();
        for (x, out) in self.x.chunks_exact(width).zip(self.out.chunks_exact_mut(width)) {
            let mean = sum::<L>(x) / width as f32;
            let variance = sum_of_squared_distances::<L>(x, mean) / width as f32;
            let scale = 1.0 / (variance + self.eps).sqrt();
            for (((out, &x), &gain), &bias) in out.iter_mut().zip(x).zip(self.gain).zip(self.bias) {
                *out = multiply_add(L::FUSED, (x - mean) * scale, gain, bias);
            }
        }
    }
}

#[inline(always)]
fn sum<L: Lanes>(row: &[f32]) -> f32 {
    let (chunks, tail) = row.as_chunks::<LANES>();
    let mut sums = load_part::<L>(tail, 0.0);
    for chunk in chunks {
        sums = sums.add(L::load(chunk));
    }
    fold(sums, |a, b| a + b)
}

#[inline(always)]
fn sum_of_squared_distances<L: Lanes>(row: &[f32], mean: f32) -> f32 {
    let (chunks, tail) = row.as_chunks::<LANES>();
    let center = L::splat(mean);
    // What fills up the lanes of the tail is the mean, whose distance is zero.
    let distances = load_part::<L>(tail, mean).sub(center);
    let mut sums = distances.mul(distances);
    for chunk in chunks {
        let distances = L::load(chunk).sub(center);
        sums = distances.mul_add(distances, sums);
    }
    fold(sums, |a, b| a + b)
}
