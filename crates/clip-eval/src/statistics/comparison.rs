//! Two models on the same items.

use serde::{Deserialize, Serialize};

use super::binomial::Binomial;
use super::bootstrap::Bootstrap;
use super::interval::Interval;

/// McNemar's exact test: the probability of a split at least as uneven among the items that one model alone has right.
///
/// - returns min(1, 2 P(X ≤ min)), X binomial(sum, ½); 1 if both are 0
pub fn mcnemar_exact(only_first_right: u64, only_second_right: u64) -> f64 {
    let discordant = only_first_right + only_second_right;
    let fewer = only_first_right.min(only_second_right);
    f64::min(1.0, 2.0 * Binomial::new(discordant, 0.5).at_most(fewer))
}

/// Two models on the same items.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// How many items.
    pub items: usize,
    /// Right with both.
    pub both: usize,
    /// Right with the first alone.
    pub only_first: usize,
    /// Right with the second alone.
    pub only_second: usize,
    /// Accuracy of the first minus that of the second.
    pub difference: f64,
    /// Paired bootstrap; none without items.
    pub interval: Option<Interval>,
    /// McNemar's exact test.
    pub p: f64,
}

/// Compares hits of two models on the same items, in the same order.
///
/// # Panics
/// When the numbers of items differ.
pub fn compare(first: &[bool], second: &[bool], bootstrap: &Bootstrap) -> Comparison {
    assert_eq!(first.len(), second.len(), "items of two models");
    let items = first.len();
    let count =
        |a: bool, b: bool| first.iter().zip(second).filter(|&(&x, &y)| (x, y) == (a, b)).count();
    let (both, only_first, only_second) =
        (count(true, true), count(true, false), count(false, true));
    let share =
        |hits: &[bool]| hits.iter().map(|&hit| f64::from(u8::from(hit))).collect::<Vec<_>>();
    Comparison {
        items,
        both,
        only_first,
        only_second,
        difference: (only_first as f64 - only_second as f64) / items.max(1) as f64,
        interval: bootstrap.paired_difference(&share(first), &share(second)),
        p: mcnemar_exact(only_first as u64, only_second as u64),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_comparison_counts_the_four_kinds_of_items() {
        let bootstrap = Bootstrap::new(0.95);
        let comparison =
            compare(&[true, true, true, false], &[true, false, false, true], &bootstrap);
        assert_eq!((comparison.both, comparison.only_first, comparison.only_second), (1, 2, 1));
        assert_eq!(comparison.difference, 0.25);
        assert_eq!(comparison.p, 1.0);
        assert!(comparison.interval.unwrap().contains(0.25));
        assert_eq!(compare(&[], &[], &bootstrap).interval, None);
    }
}
