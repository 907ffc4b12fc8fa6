//! **Defines** layer norm (PROTOCOL 1.1): population variance.

use crate::{Matrix, Result};

/// `(x − mean) / √(variance + eps) · gain + bias` of each row.
pub(super) fn layer_norm(x: &Matrix, gain: &[f32], bias: &[f32], eps: f64) -> Result<Matrix> {
    let mut out = Matrix::unwritten(x.rows(), x.width())?;
    let width = x.width() as f64;
    for row in 0..x.rows() {
        let values = x.row(row);
        let mean = values.iter().map(|&v| f64::from(v)).sum::<f64>() / width;
        let variance = values.iter().map(|&v| (f64::from(v) - mean).powi(2)).sum::<f64>() / width;
        for (column, out) in out.row_mut(row).iter_mut().enumerate() {
            let normed = (f64::from(values[column]) - mean) / (variance + eps).sqrt();
            *out = (normed * f64::from(gain[column]) + f64::from(bias[column])) as f32;
        }
    }
    Ok(out)
}
