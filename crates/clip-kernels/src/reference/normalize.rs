//! **Defines** the L2 norm of rows, and the moments that norms are made of.

use crate::{Matrix, Result};

/// Each row divided by its L2 norm. A row of zeros has no direction: NaN.
pub(super) fn normalize(x: &Matrix) -> Result<Matrix> {
    let mut out = Matrix::unwritten(x.rows(), x.width())?;
    for row in 0..x.rows() {
        let norm = norm(x.row(row));
        for (out, &x) in out.row_mut(row).iter_mut().zip(x.row(row)) {
            *out = (f64::from(x) / norm) as f32;
        }
    }
    Ok(out)
}

/// With `n = x / |x|`: `dx = (dy − n · Σ dy · n) / |x|`.
pub(super) fn normalize_backward(x: &Matrix, dy: &Matrix) -> Result<Matrix> {
    let mut dx = Matrix::unwritten(x.rows(), x.width())?;
    for row in 0..x.rows() {
        let norm = norm(x.row(row));
        let n: Vec<f64> = x.row(row).iter().map(|&x| f64::from(x) / norm).collect();
        let along: f64 = n.iter().zip(dy.row(row)).map(|(n, &dy)| n * f64::from(dy)).sum();
        for (column, dx) in dx.row_mut(row).iter_mut().enumerate() {
            *dx = ((f64::from(dy.row(row)[column]) - n[column] * along) / norm) as f32;
        }
    }
    Ok(dx)
}

fn norm(row: &[f32]) -> f64 {
    row.iter().map(|&x| f64::from(x).powi(2)).sum::<f64>().sqrt()
}

/// Mean and population variance.
pub(super) fn mean_and_variance(values: &[f32]) -> (f64, f64) {
    let count = values.len() as f64;
    let mean = values.iter().map(|&v| f64::from(v)).sum::<f64>() / count;
    let variance = values.iter().map(|&v| (f64::from(v) - mean).powi(2)).sum::<f64>() / count;
    (mean, variance)
}
