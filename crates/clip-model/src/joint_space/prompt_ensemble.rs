//! The prompts of a class become one unit row (PROTOCOL 4.1).

use super::normalize::{LEAST_NORM, normalize_rows};

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

#[cfg(test)]
mod tests {
    use super::*;

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
}
