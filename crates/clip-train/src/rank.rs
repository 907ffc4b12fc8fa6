//! In how many directions features point: a space that collapses is seen here first.

/// Rows that are looked at: enough to see a collapse, and as cheap for any batch.
const MOST_ROWS: usize = 256;

/// The effective rank of unit vectors: `(Σ λ)² / Σ λ²` over the eigenvalues of their products, from
/// 1 (all point the same way) to the number of rows. Not a number where a feature is none.
///
/// - `rows`: `[rows, width]`, of any length each
pub(crate) fn effective_rank(rows: &[f32], width: usize) -> f64 {
    let rows: Vec<&[f32]> = rows.chunks_exact(width.max(1)).take(MOST_ROWS).collect();
    let product = |a: &[f32], b: &[f32]| -> f64 {
        a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
    };
    let norms: Vec<f64> = rows.iter().map(|row| product(row, row).sqrt()).collect();
    // The sum of all eigenvalues is the number of rows, that of their squares that of the cosines'.
    let mut squares = 0.0;
    for (i, row) in rows.iter().enumerate() {
        let cosine = |other: usize| product(row, rows[other]) / (norms[i] * norms[other]);
        squares += cosine(i) + 2.0 * (0..i).map(|other| cosine(other).powi(2)).sum::<f64>();
    }
    (rows.len() * rows.len()) as f64 / squares
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rank_counts_directions() {
        let near = |rows: &[f32], expected: f64| {
            let found = effective_rank(rows, 2);
            assert!((found - expected).abs() < 1e-12, "{rows:?}: {found}");
        };
        near(&[1.0, 0.0, 0.0, 7.0], 2.0);
        near(&[1.0, 0.0, 0.0, 1.0, -1.0, 0.0, 0.0, -3.0], 2.0);
        near(&[0.6, 0.8].repeat(5), 1.0);
        // Cosines of 1/2: 3 rows, and 3 pairs of 1/4 twice.
        let third = 0.75_f64.sqrt() as f32;
        let of_thirds = effective_rank(&[1.0, 0.0, -0.5, third, -0.5, -third], 2);
        assert!((of_thirds - 9.0 / 4.5).abs() < 1e-6, "{of_thirds}");
        assert!(effective_rank(&[f32::NAN, 1.0, 0.0, 1.0], 2).is_nan());
        assert!(effective_rank(&[], 2).is_nan());
    }
}
