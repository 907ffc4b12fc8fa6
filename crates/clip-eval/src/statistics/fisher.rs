//! Whether two shares are the same, exactly: Fisher's test.

/// Masses that differ by less are of tables that are equally likely, but for rounding.
const TIE: f64 = 1e-10;

/// Fisher's exact test of a 2 x 2 table, two-sided: the probability of all tables of the same
/// margins that are at most as likely as this one (Fisher 1935; SciPy's rule).
///
/// 1 where a row or a column is empty. Time grows with the least margin.
pub fn fisher_exact([[a, b], [c, d]]: [[u64; 2]; 2]) -> f64 {
    let (row, other_row, column) = (a + b, c + d, a + c);
    let (first, last) = (column.saturating_sub(other_row), row.min(column));
    // Of the table with `count` at its first place over that of the one before it.
    let step = |count: u64| {
        (row - count + 1) as f64 * (column - count + 1) as f64
            / (count as f64 * (other_row + count - column) as f64)
    };
    // Masses relative to the most likely table's: no logarithms, and none overflows.
    let mode = (u128::from(row + 1) * u128::from(column + 1) / u128::from(row + other_row + 2))
        .clamp(u128::from(first), u128::from(last)) as u64;
    let above = (mode + 1..=last).scan(1.0, |mass, count| {
        *mass *= step(count);
        Some(*mass)
    });
    let below = (first + 1..=mode).rev().scan(1.0, |mass, count| {
        *mass /= step(count);
        Some(*mass)
    });
    let mut masses: Vec<f64> = below.collect();
    masses.reverse();
    masses.push(1.0);
    masses.extend(above);
    let limit = masses[(a - first) as usize] * (1.0 + TIE);
    masses.sort_by(f64::total_cmp); // small ones first: their sum keeps its digits
    let unlikely: f64 = masses.iter().take_while(|&&mass| mass <= limit).sum();
    f64::min(1.0, unlikely / masses.iter().sum::<f64>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tea_tasting_lady_and_her_mirror_image() {
        // 1 + 16 of 70 orders, on both sides.
        assert!((fisher_exact([[3, 1], [1, 3]]) - 34.0 / 70.0).abs() < 1e-15);
        assert!((fisher_exact([[0, 4], [4, 0]]) - 2.0 / 70.0).abs() < 1e-15);
        let table = [[8, 2], [1, 5]];
        let p = fisher_exact(table);
        for turned in [[[2, 8], [5, 1]], [[1, 5], [8, 2]], [[8, 1], [2, 5]]] {
            assert!((fisher_exact(turned) / p - 1.0).abs() < 1e-13, "{turned:?}");
        }
    }

    #[test]
    fn empty_margins_show_nothing() {
        for table in [[[0, 0], [0, 0]], [[0, 0], [3, 4]], [[5, 0], [9, 0]], [[0, 5], [0, 9]]] {
            assert_eq!(fisher_exact(table), 1.0, "{table:?}");
        }
    }
}
