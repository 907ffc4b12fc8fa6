//! Layer norm, row by row, and its backward.
//!
//! Order of both sums: 16 lanes, lane `i` takes columns `i, i + 16, …` (what the last sixteen lack
//! comes first), then one tree. Two passes over a row that stays in the first-level cache: mean,
//! then squared distances from it, which keeps the digits that `mean of squares − square of mean`
//! loses.

use super::column_sums::{self, block_sums};
use super::isa::{Isa, Vectorize, multiply_add};
use super::lanes::{LANES, Lanes, fold, load_part};
use super::target::{Target, for_each_chunk};
use super::thread_team;
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

/// Its backward: mean and deviation are found again, `gradients` of gain and bias by
/// `column_sums`.
pub(super) fn layer_norm_backward(
    isa: Isa,
    x: &Matrix,
    gain: &[f32],
    eps: f64,
    dy: &Matrix,
    gradients: Option<(&mut Matrix, &mut Matrix)>,
) -> Result<Matrix> {
    let (rows, width) = (x.rows(), x.width());
    let mut dx = Matrix::unwritten(rows, width)?;
    // Of the gain, then of the bias.
    let mut sums = block_sums(if gradients.is_some() { rows } else { 0 }, 2 * width)?;
    let (out, blocks) = (
        Target::new(dx.values_mut(), width * column_sums::ROWS),
        Target::new(sums.values_mut(), 2 * width),
    );
    thread_team::for_each(rows.div_ceil(column_sums::ROWS), |block| {
        let first = block * column_sums::ROWS;
        let values = (rows - first).min(column_sums::ROWS) * width;
        let start = first * width;
        // SAFETY: the rows and the sums of one block are one task's.
        let (dx, sums) = unsafe {
            let sums = if gradients.is_some() { blocks.part(block, 0..2 * width) } else { &mut [] };
            (out.part(block, 0..values), sums)
        };
        let (x, dy) = (&x.values()[start..start + values], &dy.values()[start..start + values]);
        sums.fill(0.0);
        isa.vectorize(LayerNormBackward { x, dy, dx, gain, eps: eps as f32, sums });
    });
    if let Some((gain, bias)) = gradients {
        let sums = column_sums::join(&sums);
        column_sums::add_to(gain.values_mut(), &sums[..width]);
        column_sums::add_to(bias.values_mut(), &sums[width..]);
    }
    Ok(dx)
}

struct LayerNormBackward<'a> {
    x: &'a [f32],
    dy: &'a [f32],
    dx: &'a mut [f32],
    gain: &'a [f32],
    eps: f32,
    /// Of gain and bias, `[2, width]`, or nothing.
    sums: &'a mut [f32],
}

impl Vectorize for LayerNormBackward<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self) {
        let width = self.gain.len();
        let (d_gain, d_bias) = self.sums.split_at_mut(self.sums.len() / 2);
        let rows = self.x.chunks_exact(width).zip(self.dy.chunks_exact(width));
        for ((x, dy), dx) in rows.zip(self.dx.chunks_exact_mut(width)) {
            let mean = sum::<L>(x) / width as f32;
            let variance = sum_of_squared_distances::<L>(x, mean) / width as f32;
            let scale = 1.0 / (variance + self.eps).sqrt();
            for (n, &x) in dx.iter_mut().zip(x) {
                *n = (x - mean) * scale;
            }
            if !d_gain.is_empty() {
                add_products::<L>(d_gain, dy, dx);
                d_bias.iter_mut().zip(dy).for_each(|(sum, dy)| *sum += dy);
            }
            let [mean_g, mean_gn] =
                sums_of_products::<L>(dy, self.gain, dx).map(|sum| sum / width as f32);
            for ((n, &dy), &gain) in dx.iter_mut().zip(dy).zip(self.gain) {
                let centered = multiply_add(L::FUSED, dy, gain, -mean_g);
                *n = scale * multiply_add(L::FUSED, -*n, mean_gn, centered);
            }
        }
    }
}

/// `sums += a · b`.
#[inline(always)]
fn add_products<L: Lanes>(sums: &mut [f32], a: &[f32], b: &[f32]) {
    for ((sum, &a), &b) in sums.iter_mut().zip(a).zip(b) {
        *sum = multiply_add(L::FUSED, a, b, *sum);
    }
}

/// `Σ a · b` and `Σ a · b · n`.
#[inline(always)]
fn sums_of_products<L: Lanes>(a: &[f32], b: &[f32], n: &[f32]) -> [f32; 2] {
    let ((a, a_tail), (b, b_tail), (n, n_tail)) =
        (a.as_chunks::<LANES>(), b.as_chunks::<LANES>(), n.as_chunks::<LANES>());
    let first = load_part::<L>(a_tail, 0.0).mul(load_part::<L>(b_tail, 0.0));
    let mut sums = [first, first.mul(load_part::<L>(n_tail, 0.0))];
    for ((a, b), n) in a.iter().zip(b).zip(n) {
        let product = L::load(a).mul(L::load(b));
        sums = [sums[0].add(product), product.mul_add(L::load(n), sums[1])];
    }
    [fold(sums[0], |a, b| a + b), fold(sums[1], |a, b| a + b)]
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
