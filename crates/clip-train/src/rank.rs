//! In how many directions features differ: a space that collapses is seen here first.

/// Rows that are looked at: enough to see a collapse, and as cheap for any batch.
const MOST_ROWS: usize = 256;

/// The effective rank of rows around their mean: `(Σ λ)² / Σ λ²` over the eigenvalues of their
/// covariance, from 1 (a line) to the number of rows less one. 0 where all rows are the same.
///
/// - `rows`: `[rows, width]`
pub(crate) fn effective_rank(rows: &[f32], width: usize) -> f64 {
    let count = (rows.len() / width.max(1)).min(MOST_ROWS);
    let rows = &rows[..count * width];
    let mut mean = vec![0.0; width];
    for row in rows.chunks_exact(width.max(1)) {
        mean.iter_mut().zip(row).for_each(|(mean, value)| *mean += f64::from(*value));
    }
    mean.iter_mut().for_each(|mean| *mean /= count.max(1) as f64);
    let centred: Vec<f64> = rows
        .chunks_exact(width.max(1))
        .flat_map(|row| row.iter().zip(&mean).map(|(value, mean)| f64::from(*value) - mean))
        .collect();
    // Rows and columns have the same eigenvalues, and the squares of all products are Σ λ².
    let rows: Vec<&[f64]> = centred.chunks_exact(width.max(1)).collect();
    let product = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    let (mut trace, mut squares) = (0.0, 0.0);
    for (i, row) in rows.iter().enumerate() {
        let own = product(row, row);
        trace += own;
        squares += own * own;
        squares += 2.0 * rows[..i].iter().map(|other| product(row, other).powi(2)).sum::<f64>();
    }
    // Below it only rounding differs.
    if trace <= 1e-12 * count as f64 { 0.0 } else { trace * trace / squares }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rank_counts_directions_in_which_rows_differ() {
        let corners = [1.0, 0.0, -1.0, 0.0, 0.0, 1.0, 0.0, -1.0];
        assert!((effective_rank(&corners, 2) - 2.0).abs() < 1e-12);
        let line = [0.0, 0.5, 1.0, 0.5, 2.0, 0.5, 3.0, 0.5];
        assert!((effective_rank(&line, 2) - 1.0).abs() < 1e-12);
        assert_eq!(effective_rank(&[0.6, 0.8].repeat(5), 2), 0.0);
        assert_eq!(effective_rank(&[], 2), 0.0);
        assert!(effective_rank(&[f32::NAN, 1.0, 0.0, 1.0], 2).is_nan());
    }
}
