//! **Defines** batch norm with statistics of the batch or running ones (PROTOCOL 1.2).

use super::activation::activate;
use super::normalize::mean_and_variance;
use super::rows::add_to;
use crate::{Activation, Matrix, Result};

/// Mean and population variance of each column, `[2, width]`.
pub(super) fn column_statistics(x: &Matrix) -> Result<Matrix> {
    let mut out = Matrix::unwritten(2, x.width())?;
    for column in 0..x.width() {
        let values: Vec<f32> = (0..x.rows()).map(|row| x.row(row)[column]).collect();
        let (mean, variance) = mean_and_variance(&values);
        out.row_mut(0)[column] = mean as f32;
        out.row_mut(1)[column] = variance as f32;
    }
    Ok(out)
}

/// `activation((x − mean) / √(variance + eps) · gain + bias)`.
pub(super) fn batch_norm(
    x: &Matrix,
    statistics: &Matrix,
    gain: &[f32],
    bias: &[f32],
    eps: f64,
    activation: Activation,
) -> Result<Matrix> {
    let mut out = Matrix::unwritten(x.rows(), x.width())?;
    for row in 0..x.rows() {
        for (column, out) in out.row_mut(row).iter_mut().enumerate() {
            let (n, _) = normed(x, row, column, statistics, eps);
            let value = n * f64::from(gain[column]) + f64::from(bias[column]);
            *out = activate(value, activation) as f32;
        }
    }
    Ok(out)
}

/// With `n` the normed value: `d_gain = Σ dy · n`, `d_bias = Σ dy`, and
/// `dx = gain / √(variance + eps) · (dy − mean(dy) − n · mean(dy · n))`, without the means where
/// the statistics do not depend on `x`.
pub(super) fn batch_norm_backward(
    x: &Matrix,
    statistics: &Matrix,
    of_batch: bool,
    gain: &[f32],
    eps: f64,
    dy: &Matrix,
    gradients: Option<(&mut Matrix, &mut Matrix)>,
) -> Result<Matrix> {
    let mut dx = Matrix::unwritten(x.rows(), x.width())?;
    let (mut d_gain, mut d_bias) = (vec![0.0; x.width()], vec![0.0; x.width()]);
    for column in 0..x.width() {
        for row in 0..x.rows() {
            let (n, _) = normed(x, row, column, statistics, eps);
            d_gain[column] += f64::from(dy.row(row)[column]) * n;
            d_bias[column] += f64::from(dy.row(row)[column]);
        }
        let count = x.rows() as f64;
        let (mean_dyn, mean_dy) =
            if of_batch { (d_gain[column] / count, d_bias[column] / count) } else { (0.0, 0.0) };
        for row in 0..x.rows() {
            let (n, scale) = normed(x, row, column, statistics, eps);
            let centered = f64::from(dy.row(row)[column]) - mean_dy - n * mean_dyn;
            dx.row_mut(row)[column] = (f64::from(gain[column]) * scale * centered) as f32;
        }
    }
    if let Some((gain, bias)) = gradients {
        add_to(gain.values_mut(), &d_gain);
        add_to(bias.values_mut(), &d_bias);
    }
    Ok(dx)
}

/// `(x − mean) / √(variance + eps)`, and `1 / √(variance + eps)`.
fn normed(x: &Matrix, row: usize, column: usize, statistics: &Matrix, eps: f64) -> (f64, f64) {
    let [mean, variance] = [0, 1].map(|row| f64::from(statistics.row(row)[column]));
    let scale = 1.0 / (variance + eps).sqrt();
    ((f64::from(x.row(row)[column]) - mean) * scale, scale)
}
