//! Rows of norm 1.

/// A row shorter than this is divided by it: a row of zeros stays zeros.
pub(super) const LEAST_NORM: f64 = 1e-12;

/// Divides each row by its L2 norm (at least 1e-12): a feature becomes an embedding.
///
/// - `rows`: `[items, width]`
///
/// # Panics
/// When `width` is zero.
pub fn normalize_rows(rows: &mut [f32], width: usize) {
    for row in rows.chunks_mut(width) {
        let norm = row.iter().map(|&value| f64::from(value).powi(2)).sum::<f64>().sqrt();
        let divisor = if norm < LEAST_NORM { LEAST_NORM } else { norm }; // NaN stays
        row.iter_mut().for_each(|value| *value = (f64::from(*value) / divisor) as f32);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_normalized_apart_and_zeros_stay() {
        let mut features = [3.0, 4.0, 0.0, 0.0, 0.0, -2.0];
        normalize_rows(&mut features, 2);
        assert_eq!(features, [0.6, 0.8, 0.0, 0.0, 0.0, -1.0]);
    }
}
