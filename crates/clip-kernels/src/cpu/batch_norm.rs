//! Batch norm: statistics of columns, the norm and its backward. All of them wait for memory.
//!
//! Statistics of a block of rows that stays in the first-level cache are its mean, then squared
//! distances from that; blocks are joined in f64 (Chan's formula), in order.

use super::activation::{Activate, Gelu, Identity, QuickGelu, Relu};
use super::column_sums::{self, ROWS, block_sums};
use super::isa::{Isa, Vectorize, multiply_add};
use super::lanes::{LANES, Lanes, load_part};
use super::target::for_each_chunk;
use crate::{Activation, Matrix, Result};
use std::ops::Range;

/// Mean and population variance of each column, `[2, width]`.
pub(super) fn column_statistics(isa: Isa, x: &Matrix) -> Result<Matrix> {
    let width = x.width();
    let mut blocks = block_sums(x.rows(), 2 * width)?;
    for_each_chunk(blocks.values_mut(), 2 * width, |block, out| {
        isa.vectorize(BlockStatistics { x: &x.values()[values_of(block, x)], out });
    });
    let (mut count, mut means, mut squares) = (0.0, vec![0.0; width], vec![0.0; width]);
    for block in 0..blocks.rows() {
        let rows = (values_of(block, x).len() / width) as f64;
        let all = count + rows;
        let (of_means, of_squares) = blocks.row(block).split_at(width);
        let columns = means.iter_mut().zip(&mut squares).zip(of_means).zip(of_squares);
        for (((mean, square), &block_mean), &block_square) in columns {
            let distance = f64::from(block_mean) - *mean;
            *mean += distance * rows / all;
            *square += f64::from(block_square) + distance * distance * count * rows / all;
        }
        count = all;
    }
    let mut out = Matrix::unwritten(2, width)?;
    out.row_mut(0).iter_mut().zip(&means).for_each(|(out, mean)| *out = *mean as f32);
    let variances = squares.iter().map(|square| square / count);
    out.row_mut(1).iter_mut().zip(variances).for_each(|(out, variance)| *out = variance as f32);
    Ok(out)
}

/// The values of a block of rows.
fn values_of(block: usize, x: &Matrix) -> Range<usize> {
    let length = ROWS * x.width();
    block * length..x.values().len().min((block + 1) * length)
}

/// Means of the columns and sums of squared distances from them.
struct BlockStatistics<'a> {
    x: &'a [f32],
    out: &'a mut [f32],
}

impl Vectorize for BlockStatistics<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self) {
        let Self { x, out } = self;
        let width = out.len() / 2;
        let (means, squares) = out.split_at_mut(width);
        means.fill(0.0);
        squares.fill(0.0);
        for row in x.chunks_exact(width) {
            means.iter_mut().zip(row).for_each(|(mean, x)| *mean += x);
        }
        let factor = 1.0 / (x.len() / width) as f32;
        means.iter_mut().for_each(|mean| *mean *= factor);
        for row in x.chunks_exact(width) {
            for ((square, &mean), &x) in squares.iter_mut().zip(&*means).zip(row) {
                let distance = x - mean;
                *square = multiply_add(L::FUSED, distance, distance, *square);
            }
        }
    }
}

/// `1 / √(variance + eps)` of each column.
fn scales(statistics: &Matrix, eps: f64) -> Vec<f64> {
    statistics.row(1).iter().map(|&variance| 1.0 / (f64::from(variance) + eps).sqrt()).collect()
}

/// A factor for each column, in f32.
fn times(scales: &[f64], gain: &[f32]) -> Vec<f32> {
    scales.iter().zip(gain).map(|(scale, &gain)| (scale * f64::from(gain)) as f32).collect()
}

/// `activation((x − mean) / √(variance + eps) · gain + bias)`.
pub(super) fn batch_norm(
    isa: Isa,
    x: &Matrix,
    statistics: &Matrix,
    gain: &[f32],
    bias: &[f32],
    eps: f64,
    activation: Activation,
) -> Result<Matrix> {
    let factors = times(&scales(statistics, eps), gain);
    let (means, factors) = (statistics.row(0), factors.as_slice());
    let mut out = Matrix::unwritten(x.rows(), x.width())?;
    for_each_chunk(out.values_mut(), ROWS * x.width(), |block, out| {
        let x = &x.values()[values_of(block, x)];
        isa.vectorize(Normed { x, out, means, factors, bias, activation });
    });
    Ok(out)
}

struct Normed<'a> {
    x: &'a [f32],
    out: &'a mut [f32],
    means: &'a [f32],
    factors: &'a [f32],
    bias: &'a [f32],
    activation: Activation,
}

impl Vectorize for Normed<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self) {
        match self.activation {
            Activation::None => self.with::<L, Identity>(),
            Activation::QuickGelu => self.with::<L, QuickGelu>(),
            Activation::Gelu => self.with::<L, Gelu>(),
            Activation::Relu => self.with::<L, Relu>(),
        }
    }
}

impl Normed<'_> {
    #[inline(always)]
    fn with<L: Lanes, A: Activate>(self) {
        let width = self.means.len();
        let (means, means_tail) = self.means.as_chunks::<LANES>();
        let (factors, factors_tail) = self.factors.as_chunks::<LANES>();
        let (bias, bias_tail) = self.bias.as_chunks::<LANES>();
        for (x, out) in self.x.chunks_exact(width).zip(self.out.chunks_exact_mut(width)) {
            let (x, x_tail) = x.as_chunks::<LANES>();
            let (out, out_tail) = out.as_chunks_mut::<LANES>();
            let columns = out.iter_mut().zip(x).zip(means).zip(factors).zip(bias);
            for ((((out, x), mean), factor), bias) in columns {
                let centered = L::load(x).sub(L::load(mean));
                A::of(centered.mul_add(L::load(factor), L::load(bias))).store(out);
            }
            if !x_tail.is_empty() {
                let centered = load_part::<L>(x_tail, 0.0).sub(load_part(means_tail, 0.0));
                let factor = load_part(factors_tail, 0.0);
                let mut last = [0.0; LANES];
                A::of(centered.mul_add(factor, load_part(bias_tail, 0.0))).store(&mut last);
                out_tail.copy_from_slice(&last[..x_tail.len()]);
            }
        }
    }
}

/// Its backward without the activation.
#[allow(clippy::too_many_arguments, reason = "what the forward took")]
pub(super) fn batch_norm_backward(
    isa: Isa,
    x: &Matrix,
    statistics: &Matrix,
    of_batch: bool,
    gain: &[f32],
    eps: f64,
    dy: &Matrix,
    gradients: Option<(&mut Matrix, &mut Matrix)>,
) -> Result<Matrix> {
    let width = x.width();
    let (means, scales) = (statistics.row(0), scales(statistics, eps));
    let (mut of_dy, mut of_dy_n) = (vec![0.0; width], vec![0.0; width]);
    if of_batch || gradients.is_some() {
        let mut blocks = block_sums(x.rows(), 2 * width)?;
        for_each_chunk(blocks.values_mut(), 2 * width, |block, sums| {
            let values = values_of(block, x);
            let (x, dy) = (&x.values()[values.clone()], &dy.values()[values]);
            sums.fill(0.0);
            isa.vectorize(BackwardSums { x, dy, means, sums });
        });
        let sums = column_sums::join(&blocks);
        of_dy.copy_from_slice(&sums[..width]);
        // `(x − mean) / √(variance + eps)`: the second factor is the same for all rows.
        let centered = sums[width..].iter().zip(&scales);
        of_dy_n.iter_mut().zip(centered).for_each(|(out, (sum, scale))| *out = sum * scale);
    }
    let share = if of_batch { 1.0 / x.rows() as f64 } else { 0.0 };
    // dx = factor · (dy − mean(dy) − (x − mean) · slope)
    let factors = times(&scales, gain);
    let mean_dy: Vec<f32> = of_dy.iter().map(|sum| (sum * share) as f32).collect();
    let slopes = of_dy_n.iter().zip(&scales);
    let slopes: Vec<f32> = slopes.map(|(sum, scale)| (sum * share * scale) as f32).collect();
    let columns = [means, &factors, &mean_dy, &slopes];
    let mut dx = Matrix::unwritten(x.rows(), width)?;
    for_each_chunk(dx.values_mut(), ROWS * width, |block, dx| {
        let values = values_of(block, x);
        let (x, dy) = (&x.values()[values.clone()], &dy.values()[values]);
        isa.vectorize(BackwardRows { x, dy, dx, columns });
    });
    if let Some((gain, bias)) = gradients {
        column_sums::add_to(gain.values_mut(), &of_dy_n);
        column_sums::add_to(bias.values_mut(), &of_dy);
    }
    Ok(dx)
}

/// `Σ dy` and `Σ dy · (x − mean)` of each column.
struct BackwardSums<'a> {
    x: &'a [f32],
    dy: &'a [f32],
    means: &'a [f32],
    /// `[2, width]`
    sums: &'a mut [f32],
}

impl Vectorize for BackwardSums<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self) {
        let width = self.means.len();
        let (of_dy, of_products) = self.sums.split_at_mut(width);
        for (x, dy) in self.x.chunks_exact(width).zip(self.dy.chunks_exact(width)) {
            let columns = of_dy.iter_mut().zip(&mut *of_products).zip(x).zip(dy).zip(self.means);
            for ((((sum, product), &x), &dy), &mean) in columns {
                *sum += dy;
                *product = multiply_add(L::FUSED, dy, x - mean, *product);
            }
        }
    }
}

struct BackwardRows<'a> {
    x: &'a [f32],
    dy: &'a [f32],
    dx: &'a mut [f32],
    /// Means, factors, means of `dy`, slopes, each `[width]`.
    columns: [&'a [f32]; 4],
}

impl Vectorize for BackwardRows<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self) {
        let [means, factors, mean_dy, slopes] = self.columns;
        let width = means.len();
        let rows = self.x.chunks_exact(width).zip(self.dy.chunks_exact(width));
        for ((x, dy), dx) in rows.zip(self.dx.chunks_exact_mut(width)) {
            let of_columns = means.iter().zip(factors).zip(mean_dy).zip(slopes);
            let values = dx.iter_mut().zip(x).zip(dy).zip(of_columns);
            for (((dx, &x), &dy), (((&mean, &factor), &mean_dy), &slope)) in values {
                *dx = factor * multiply_add(L::FUSED, mean - x, slope, dy - mean_dy);
            }
        }
    }
}
