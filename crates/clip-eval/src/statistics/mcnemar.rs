//! Two models on the same items: McNemar's exact test.

use serde::Serialize;

use super::binomial::Binomial;

/// Right and wrong answers of two models on the same items.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct McNemar {
    /// Right with both.
    pub both: usize,
    /// Right with the first alone.
    pub only_first: usize,
    /// Right with the second alone.
    pub only_second: usize,
    /// [`mcnemar_exact`] of the two.
    pub p: f64,
}

impl McNemar {
    /// Of hits in the same order.
    ///
    /// # Panics
    /// When the numbers of items differ.
    pub fn of(first: &[bool], second: &[bool]) -> McNemar {
        assert_eq!(first.len(), second.len(), "items of two models");
        let count = |kind| first.iter().zip(second).filter(|&(&a, &b)| (a, b) == kind).count();
        let (only_first, only_second) = (count((true, false)), count((false, true)));
        let p = mcnemar_exact(only_first as u64, only_second as u64);
        McNemar { both: count((true, true)), only_first, only_second, p }
    }
}

/// The probability of a split at least as uneven among the items that one model alone has right.
///
/// - returns min(1, 2 P(X ≤ min)), X binomial(sum, ½); 1 if both are 0
pub fn mcnemar_exact(only_first_right: u64, only_second_right: u64) -> f64 {
    let discordant = only_first_right + only_second_right;
    let fewer = only_first_right.min(only_second_right);
    f64::min(1.0, 2.0 * Binomial::new(discordant, 0.5).at_most(fewer))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_four_kinds_of_items_are_counted() {
        let found = McNemar::of(&[true, true, true, false], &[true, false, false, true]);
        assert_eq!((found.both, found.only_first, found.only_second), (1, 2, 1));
        assert_eq!(found.p, 1.0);
    }
}
