//! Several tests at once.

/// Holm's adjusted p-values, in the order of the input: the i-th smallest (from 0) of m times (m − i), at most 1, never
/// below a smaller one's.
pub fn holm(p: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..p.len()).collect();
    order.sort_by(|&a, &b| p[a].total_cmp(&p[b]));
    let mut adjusted = vec![0.0; p.len()];
    let mut greatest = 0.0_f64;
    for (smaller, index) in order.into_iter().enumerate() {
        greatest = greatest.max(((p.len() - smaller) as f64 * p[index]).min(1.0));
        adjusted[index] = greatest;
    }
    adjusted
}

/// Bonferroni's adjusted p-values: min(1, m p).
pub fn bonferroni(p: &[f64]) -> Vec<f64> {
    p.iter().map(|one| (one * p.len() as f64).min(1.0)).collect()
}
