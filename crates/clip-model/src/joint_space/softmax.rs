//! Probabilities of logits.

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn softmax_equals_the_value_the_reference_publishes() {
        // Logits whose probabilities are those of the reference's read-me.
        let expected = [0.992_793_7_f64, 0.004_210_68, 0.002_995_72];
        let found = softmax(expected.into_iter().map(|p| p.ln() + 25.0));
        assert!(found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-6), "{found:?}");
        assert_eq!(softmax([1e30, 1e30].into_iter()), [0.5, 0.5]);
    }
}
