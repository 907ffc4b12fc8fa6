//! Whether rows of counts have the same shares: Pearson's test.

use serde::Serialize;
use statrs::function::gamma::gamma_ur;

/// Pearson's test of a table.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct ChiSquared {
    /// Σ (observed − expected)² / expected.
    pub statistic: f64,
    /// (rows − 1)(columns − 1) of those that hold anything; 0 where there is nothing to compare.
    pub degrees_of_freedom: usize,
    /// Of a statistic at least as great if rows and columns have nothing to do with each other.
    pub p: f64,
    /// The least expected count: below 5, p is no more than a guess (Cochran 1954).
    pub least_expected: f64,
}

/// Pearson's test of independence of an r x c table. PROTOCOL_EVAL 7.9.
///
/// Rows and columns without a count say nothing and are left out; where fewer than two of either
/// remain (all hits, no hits), the statistic is 0 and p is 1.
///
/// - `table`: rows of equal length
/// - `yates`: each |observed − expected| less ½, where the table is 2 x 2; SciPy's default, not
///   ours
///
/// # Panics
/// When rows differ in length.
pub fn chi_squared(table: &[impl AsRef<[u64]>], yates: bool) -> ChiSquared {
    let rows: Vec<&[u64]> = table.iter().map(AsRef::as_ref).collect();
    let columns = rows.first().map_or(0, |row| row.len());
    assert!(rows.iter().all(|row| row.len() == columns), "rows of {columns} columns");
    let of_rows: Vec<u64> = rows.iter().map(|row| row.iter().sum()).collect();
    let of_columns: Vec<u64> =
        (0..columns).map(|column| rows.iter().map(|row| row[column]).sum()).collect();
    let filled = |sums: &[u64]| sums.iter().filter(|&&sum| sum > 0).count();
    let degrees = filled(&of_rows).saturating_sub(1) * filled(&of_columns).saturating_sub(1);
    let all = of_rows.iter().sum::<u64>() as f64;
    let correction = if yates && degrees == 1 { 0.5 } else { 0.0 };
    let (mut statistic, mut least_expected) = (0.0, f64::INFINITY);
    for (row, &of_row) in rows.iter().zip(&of_rows).filter(|(_, sum)| **sum > 0) {
        for (&observed, &of_column) in row.iter().zip(&of_columns).filter(|(_, sum)| **sum > 0) {
            let expected = of_row as f64 * of_column as f64 / all;
            let distance = ((observed as f64 - expected).abs() - correction).max(0.0);
            statistic += distance * distance / expected;
            least_expected = f64::min(least_expected, expected);
        }
    }
    if degrees == 0 {
        statistic = 0.0; // not what rounding left of it
    }
    let least_expected = if least_expected.is_finite() { least_expected } else { 0.0 };
    let p = chi_squared_upper_tail(statistic, degrees);
    ChiSquared { statistic, degrees_of_freedom: degrees, p, least_expected }
}

/// P(X ≥ statistic), X chi-squared with so many degrees of freedom.
fn chi_squared_upper_tail(statistic: f64, degrees_of_freedom: usize) -> f64 {
    // statrs has no incomplete gamma function at 0.
    if degrees_of_freedom == 0 || statistic <= 0.0 {
        return 1.0;
    }
    gamma_ur(degrees_of_freedom as f64 / 2.0, statistic / 2.0).clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_and_columns_without_a_count_are_left_out() {
        let whole = chi_squared(&[[3, 7], [6, 4]], false);
        assert_eq!(chi_squared(&[[3, 0, 7], [0, 0, 0], [6, 0, 4]], false), whole);
        assert_eq!((whole.degrees_of_freedom, whole.least_expected), (1, 4.5));
    }

    #[test]
    fn nothing_to_compare_is_no_difference() {
        for table in [vec![], vec![vec![]], vec![vec![0, 0]], vec![vec![0, 9], vec![0, 7]]] {
            let found = chi_squared(&table, false);
            assert_eq!((found.statistic, found.p), (0.0, 1.0), "{table:?}");
        }
    }

    #[test]
    fn yates_never_turns_a_difference_round() {
        assert_eq!(chi_squared(&[[5, 5], [5, 6]], true).statistic, 0.0);
        let table = [[3, 7, 1], [6, 4, 1]]; // not 2 x 2
        assert_eq!(chi_squared(&table, true), chi_squared(&table, false));
    }
}
