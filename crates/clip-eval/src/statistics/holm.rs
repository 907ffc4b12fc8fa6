//! Many tests at once: Holm's correction.

/// Adjusted p of each test, in the order given: all below 0.05 are found with at most 5 % risk of
/// even one false alarm among them, however the tests hang together (Holm 1979). PROTOCOL_EVAL 7.9.
///
/// Sorted ascending, adjusted₍ᵢ₎ = maximum over j ≤ i of min(1, (m − j + 1) p₍ⱼ₎).
///
/// # Panics
/// When a p is no probability.
pub fn holm(p: &[f64]) -> Vec<f64> {
    assert!(p.iter().all(|p| (0.0..=1.0).contains(p)), "no probabilities: {p:?}");
    let mut order: Vec<usize> = (0..p.len()).collect();
    order.sort_by(|&a, &b| p[a].total_cmp(&p[b]));
    let mut adjusted = vec![0.0; p.len()];
    let mut least = 0.0;
    for (rank, &test) in order.iter().enumerate() {
        least = f64::max(least, f64::min(1.0, (p.len() - rank) as f64 * p[test]));
        adjusted[test] = least;
    }
    adjusted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_ones_stay_equal_and_order_is_kept() {
        assert_eq!(holm(&[0.02, 0.5, 0.02, 0.0]), [0.06, 0.5, 0.06, 0.0]);
        assert_eq!(holm(&[0.03]), [0.03]);
        assert_eq!(holm(&[]), [0.0; 0]);
    }
}
