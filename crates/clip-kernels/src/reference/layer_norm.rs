//! **Defines** layer norm (PROTOCOL 1.1): population variance.

use super::normalize::mean_and_variance;
use super::rows::add_to;
use crate::{Matrix, Result};

/// `(x − mean) / √(variance + eps) · gain + bias` of each row.
pub(super) fn layer_norm(x: &Matrix, gain: &[f32], bias: &[f32], eps: f64) -> Result<Matrix> {
    let mut out = Matrix::unwritten(x.rows(), x.width())?;
    for row in 0..x.rows() {
        let values = x.row(row);
        let (mean, variance) = mean_and_variance(values);
        for (column, out) in out.row_mut(row).iter_mut().enumerate() {
            let normed = (f64::from(values[column]) - mean) / (variance + eps).sqrt();
            *out = (normed * f64::from(gain[column]) + f64::from(bias[column])) as f32;
        }
    }
    Ok(out)
}

/// With `n = (x − mean) / √(variance + eps)` and `g = dy · gain`:
/// `dx = (g − mean(g) − n · mean(g · n)) / √(variance + eps)`, `d_gain = Σ dy · n`, `d_bias = Σ dy`.
pub(super) fn layer_norm_backward(
    x: &Matrix,
    gain: &[f32],
    eps: f64,
    dy: &Matrix,
    gradients: Option<(&mut Matrix, &mut Matrix)>,
) -> Result<Matrix> {
    let mut dx = Matrix::unwritten(x.rows(), x.width())?;
    let (mut d_gain, mut d_bias) = (vec![0.0; x.width()], vec![0.0; x.width()]);
    for row in 0..x.rows() {
        let (mean, variance) = mean_and_variance(x.row(row));
        let scale = 1.0 / (variance + eps).sqrt();
        let n: Vec<f64> = x.row(row).iter().map(|&x| (f64::from(x) - mean) * scale).collect();
        let dy = dy.row(row);
        let g: Vec<f64> =
            dy.iter().zip(gain).map(|(&dy, &gain)| f64::from(dy) * f64::from(gain)).collect();
        let width = x.width() as f64;
        let mean_g = g.iter().sum::<f64>() / width;
        let mean_gn = g.iter().zip(&n).map(|(g, n)| g * n).sum::<f64>() / width;
        for (column, dx) in dx.row_mut(row).iter_mut().enumerate() {
            *dx = (scale * (g[column] - mean_g - n[column] * mean_gn)) as f32;
            d_gain[column] += f64::from(dy[column]) * n[column];
            d_bias[column] += f64::from(dy[column]);
        }
    }
    if let Some((gain, bias)) = gradients {
        add_to(gain.values_mut(), &d_gain);
        add_to(bias.values_mut(), &d_bias);
    }
    Ok(dx)
}
