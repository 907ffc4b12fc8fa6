//! What is done with the features of both towers (PROTOCOL 1.4).

/// Divides each row by its L2 norm, or by 1e-12 where that is larger: a feature becomes an
/// embedding, a row of zeros stays zeros. The norm is summed in f64.
///
/// - `features`: `[items, embed_dim]`
///
/// # Panics
/// When `embed_dim` is zero.
pub fn normalize_rows(features: &mut [f32], embed_dim: usize) {
    for row in features.chunks_mut(embed_dim) {
        let norm = row.iter().map(|&value| f64::from(value).powi(2)).sum::<f64>().sqrt();
        let divisor = if norm < 1e-12 { 1e-12 } else { norm };
        row.iter_mut().for_each(|value| *value = (f64::from(*value) / divisor) as f32);
    }
}

/// Turns each row of logits into probabilities: `exp(x) / Σ exp(x)`, summed in f64.
///
/// - `logits`: `[items, width]`
///
/// # Panics
/// When `width` is zero.
pub fn softmax_rows(logits: &mut [f32], width: usize) {
    for row in logits.chunks_mut(width) {
        let largest = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let exponential = |value: f32| f64::from(value - largest).exp();
        let sum: f64 = row.iter().map(|&value| exponential(value)).sum();
        row.iter_mut().for_each(|value| *value = (exponential(*value) / sum) as f32);
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

    #[test]
    fn softmax_equals_the_value_the_reference_publishes() {
        // Logits whose probabilities are those of the reference's read-me.
        let expected = [0.992_793_7_f32, 0.004_210_68, 0.002_995_72];
        let mut logits = expected.map(|p| p.ln() + 25.0);
        softmax_rows(&mut logits, 3);
        assert!(logits.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-6), "{logits:?}");
        let mut large = [1e30, 1e30];
        softmax_rows(&mut large, 2);
        assert_eq!(large, [0.5, 0.5]);
    }
}
