//! Whether counts go together.

use statrs::function::gamma::gamma_ur;

/// A chi-squared test.
#[derive(Debug, Clone, PartialEq)]
pub struct ChiSquared {
    /// Σ (observed − expected)² / expected.
    pub statistic: f64,
    /// Of the distribution the statistic is held against.
    pub degrees_of_freedom: usize,
    /// Probability of such a statistic or a greater one.
    pub p: f64,
    /// What was expected, in the shape of the counts.
    pub expected: Vec<f64>,
    /// Strength of the association, 0..1; of a table only.
    pub cramers_v: Option<f64>,
}

/// Test of independence of a table of counts.
///
/// `yates` takes ½ off each deviation (not below 0), in tables of 2 x 2 alone. The paper does not say whether it did; the
/// default of the protocol is not to.
///
/// - `counts`: `[rows, columns]`, at least 2 x 2
/// - returns none where a row or a column is empty: leave it out before
///
/// # Panics
/// When the counts are no rows of `columns`, or of fewer than two rows or columns.
pub fn chi_squared(counts: &[u64], columns: usize, yates: bool) -> Option<ChiSquared> {
    assert!(
        columns >= 2 && counts.len().is_multiple_of(columns),
        "{} counts, {columns} columns",
        counts.len()
    );
    let rows = counts.len() / columns;
    assert!(rows >= 2, "a table of {rows} rows");
    let row_sums: Vec<u64> = counts.chunks_exact(columns).map(|row| row.iter().sum()).collect();
    let column_sum = |column: usize| counts.iter().skip(column).step_by(columns).sum::<u64>();
    let column_sums: Vec<u64> = (0..columns).map(column_sum).collect();
    if row_sums.contains(&0) || column_sums.contains(&0) {
        return None;
    }
    let all = row_sums.iter().sum::<u64>() as f64;
    let expect = |row: &u64| {
        column_sums.iter().map(|&column| *row as f64 * column as f64 / all).collect::<Vec<_>>()
    };
    let expected: Vec<f64> = row_sums.iter().flat_map(expect).collect();
    let off = if yates && (rows, columns) == (2, 2) { 0.5 } else { 0.0 };
    let statistic = deviations(counts, &expected, off);
    let degrees_of_freedom = (rows - 1) * (columns - 1);
    let p = chi_squared_upper_tail(statistic, degrees_of_freedom);
    let cramers_v = Some((statistic / (all * (rows.min(columns) - 1) as f64)).sqrt());
    Some(ChiSquared { statistic, degrees_of_freedom, p, expected, cramers_v })
}

/// Test of counts against shares that were expected; these are scaled to the sum of the counts.
///
/// # Panics
/// When the numbers of cells differ, are below two, or an expected value is not above 0.
pub fn goodness_of_fit(counts: &[u64], expected: &[f64]) -> ChiSquared {
    assert_eq!(counts.len(), expected.len(), "cells");
    assert!(counts.len() >= 2, "a test of {} cells", counts.len());
    assert!(expected.iter().all(|&value| value > 0.0), "expected values are above 0");
    let scale = counts.iter().sum::<u64>() as f64 / expected.iter().sum::<f64>();
    let expected: Vec<f64> = expected.iter().map(|value| value * scale).collect();
    let statistic = deviations(counts, &expected, 0.0);
    let degrees_of_freedom = counts.len() - 1;
    let p = chi_squared_upper_tail(statistic, degrees_of_freedom);
    ChiSquared { statistic, degrees_of_freedom, p, expected, cramers_v: None }
}

fn deviations(counts: &[u64], expected: &[f64], off: f64) -> f64 {
    let cell = |(&count, &expected): (&u64, &f64)| {
        ((count as f64 - expected).abs() - off).max(0.0).powi(2) / expected
    };
    counts.iter().zip(expected).map(cell).sum()
}

/// Probability that a chi-squared variable is `x` or more.
///
/// # Panics
/// Without a degree of freedom.
pub fn chi_squared_upper_tail(x: f64, degrees_of_freedom: usize) -> f64 {
    assert!(degrees_of_freedom > 0, "no degree of freedom");
    if x <= 0.0 { 1.0 } else { gamma_ur(degrees_of_freedom as f64 / 2.0, x / 2.0) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_row_has_no_test() {
        assert_eq!(chi_squared(&[3, 4, 0, 0], 2, false), None);
        assert_eq!(chi_squared(&[3, 0, 4, 0], 2, true), None);
    }

    #[test]
    fn yates_never_overshoots_a_small_deviation() {
        let test = chi_squared(&[5, 5, 5, 6], 2, true).unwrap();
        assert_eq!((test.statistic, test.p), (0.0, 1.0));
    }
}
