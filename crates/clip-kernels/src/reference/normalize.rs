//! **Defines** L2 normalisation (PROTOCOL 1.4).

use super::linear::dot;
use crate::Matrix;

/// `x / max(‖x‖₂, 1e-12)` of each row: a row of zeros stays zeros.
pub(super) fn normalize(x: &Matrix) -> Matrix {
    let mut out = x.clone();
    for row in 0..x.rows() {
        let norm = dot(x.row(row), x.row(row)).sqrt();
        // Not `f64::max`, which would hide the norm of a row that holds NaN.
        let divisor = if norm < 1e-12 { 1e-12 } else { norm };
        for value in out.row_mut(row) {
            *value = (f64::from(*value) / divisor) as f32;
        }
    }
    out
}
