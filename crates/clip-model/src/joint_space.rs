//! The joint space of images and texts: unit vectors, their cosines, prompt ensembles, probabilities (PROTOCOL 1.4, 4).
//!
//! ```text
//! features ── normalize_rows ──> unit rows ── dot, cosines ──> cosines ── · scale ──> logits ── softmax ──> probabilities
//!                                    │ prompt_ensemble: the rows of a class become its one unit row
//! ```
//!
//! Everything is summed in f64, in an order that is part of each definition.

use rayon::prelude::*;

/// A row shorter than this is divided by it: a row of zeros stays zeros.
const LEAST_NORM: f64 = 1e-12;

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

/// Dot product of two rows: `LANES` sums side by side, from 0.0, then their sum, then what is left of the rows.
/// One lane is the order of the row; of eight the compiler makes vectors. Never -0.0 of finite rows.
pub fn dot<const LANES: usize>(a: &[f32], b: &[f32]) -> f64 {
    let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<LANES>(), b.as_chunks::<LANES>());
    let mut sums = [0.0; LANES];
    for (a, b) in a.iter().zip(b) {
        for lane in 0..LANES {
            sums[lane] += f64::from(a[lane]) * f64::from(b[lane]);
        }
    }
    let rest: f64 = a_rest.iter().zip(b_rest).map(|(&a, &b)| f64::from(a) * f64::from(b)).sum();
    sums.iter().sum::<f64>() + rest
}

/// Dot products ([`dot`] in eight lanes) of every row of `a` with every row of `b`, `[rows of a, rows of b]`: equal
/// rows have equal products whatever their neighbours.
///
/// # Panics
/// When `width` is zero.
pub fn cosines(a: &[f32], b: &[f32], width: usize) -> Vec<f32> {
    let columns = b.len() / width;
    let mut products = vec![0.0; a.len() / width * columns];
    if columns == 0 {
        return products;
    }
    let row = |(products, a): (&mut [f32], &[f32])| {
        for (product, b) in products.iter_mut().zip(b.chunks_exact(width)) {
            *product = dot::<8>(a, b) as f32;
        }
    };
    products.par_chunks_mut(columns).zip(a.par_chunks(width)).for_each(row);
    products
}

/// Where the mean of a prompt ensemble is rounded to f32.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EnsembleRounding {
    /// Once, after it was normalised.
    Once,
    /// Before it is normalised too, as the reference does; a single prompt is its own ensemble.
    EachStep,
}

/// A column of the zero-shot head: the mean of a class's prompts, normalised.
///
/// - `rows`: `[prompts, width]`, each of norm 1
/// - `weights`: `[width]`, written
pub fn prompt_ensemble(rows: &[f32], weights: &mut [f32], rounding: EnsembleRounding) {
    let count = rows.len() / weights.len();
    if rounding == EnsembleRounding::EachStep && count == 1 {
        return weights.copy_from_slice(rows);
    }
    let mut sums = vec![0.0_f64; weights.len()];
    for row in rows.chunks_exact(weights.len()) {
        sums.iter_mut().zip(row).for_each(|(sum, &value)| *sum += f64::from(value));
    }
    let divisor = match rounding {
        EnsembleRounding::Once => {
            sums.iter().map(|sum| sum * sum).sum::<f64>().sqrt().max(LEAST_NORM)
        }
        EnsembleRounding::EachStep => count as f64,
    };
    weights.iter_mut().zip(sums).for_each(|(weight, sum)| *weight = (sum / divisor) as f32);
    if rounding == EnsembleRounding::EachStep {
        normalize_rows(weights, weights.len());
    }
}

/// `exp(logit - greatest)` of every logit, and their sum: softmax before its division.
pub fn exponentials(logits: impl Iterator<Item = f64> + Clone) -> (Vec<f64>, f64) {
    let greatest = logits.clone().fold(f64::NEG_INFINITY, f64::max);
    let exponentials: Vec<f64> = logits.map(|logit| (logit - greatest).exp()).collect();
    let sum = exponentials.iter().sum();
    (exponentials, sum)
}

/// Softmax of logits.
pub fn softmax(logits: impl Iterator<Item = f64> + Clone) -> Vec<f64> {
    let (exponentials, sum) = exponentials(logits);
    exponentials.into_iter().map(|exponential| exponential / sum).collect()
}

/// Positions of the `k` greatest scores, greatest first, of equal ones the lower position first.
pub fn top_k(scores: &[f32], k: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..scores.len()).collect();
    // Stable: of equal scores the lower position stays first. Adding 0.0 makes -0.0 equal to 0.0.
    order.sort_by(|&a, &b| (scores[b] + 0.0).total_cmp(&(scores[a] + 0.0)));
    order.truncate(k);
    order
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
        let expected = [0.992_793_7_f64, 0.004_210_68, 0.002_995_72];
        let found = softmax(expected.into_iter().map(|p| p.ln() + 25.0));
        assert!(found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-6), "{found:?}");
        assert_eq!(softmax([1e30, 1e30].into_iter()), [0.5, 0.5]);
    }

    #[test]
    fn dot_is_one_value_in_one_lane_or_eight_where_it_is_exact() {
        let (a, b): (Vec<f32>, Vec<f32>) = (0..19).map(|i| (i as f32, (3 - i) as f32)).unzip();
        assert_eq!((dot::<1>(&a, &b), dot::<8>(&a, &b)), (-1596.0, -1596.0));
        assert_eq!(cosines(&[1.0, 0.0, 0.0, 1.0], &[0.6, 0.8], 2), [0.6, 0.8]);
        assert_eq!(cosines(&[1.0, 0.0], &[], 2), [0.0; 0]);
    }

    #[test]
    fn ensemble_is_the_normalised_mean_of_rows() {
        let mut weights = [0.0; 2];
        for rounding in [EnsembleRounding::Once, EnsembleRounding::EachStep] {
            prompt_ensemble(&[1.0, 0.0, 0.0, 1.0], &mut weights, rounding);
            assert!(weights.iter().all(|weight| (weight - 0.5_f32.sqrt()).abs() < 1e-7));
        }
        prompt_ensemble(&[0.5, 0.25], &mut weights, EnsembleRounding::EachStep);
        assert_eq!(weights, [0.5, 0.25], "a single prompt stays");
    }

    #[test]
    fn of_equal_scores_the_lowest_position_is_first() {
        assert_eq!(top_k(&[0.5, 0.7, 0.7, 0.5, 0.7, 0.1], 4), [1, 2, 4, 0]);
        assert_eq!(top_k(&[0.0, -0.0, 0.0], 3), [0, 1, 2]);
    }
}
