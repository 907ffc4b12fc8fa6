//! Two shares of different items: how far apart, and how many times as great.
//!
//! The method of variance estimates recovery (MOVER): the limits of each share by itself give those
//! of the two together, without a normal approximation of either (Newcombe 1998, method 10; Zou and
//! Donner 2008; the ratio: Donner and Zou 2012). With Clopper-Pearson's limits, which hold their
//! level for any number of items, these are wide rather than narrow.
//!
//! Held against all outcomes of 10 to 2,000 items in each group, the difference at level 0.95 covers
//! the truth in at least 95.1 %, on average 97 %; where one share is below 3 % and the other above
//! 97 %, in 93 % (20 items each) or 94.8 % (50 each). The ratio: at least 95.3 %.

use super::clopper_pearson::clopper_pearson;
use super::interval::{Interval, Method};

/// A share with the limits of its Clopper-Pearson interval, ready to be held against others.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Proportion {
    /// hits / trials.
    pub value: f64,
    /// Where it may be.
    pub limits: Interval,
}

impl Proportion {
    /// Of `hits` of `trials`.
    ///
    /// # Panics
    /// When there are no trials, more hits than trials, or the level is not between 0 and 1.
    pub fn of(hits: u64, trials: u64, level: f64) -> Proportion {
        assert!(trials > 0, "a share of nothing");
        let limits = clopper_pearson(hits, trials, level);
        Proportion { value: hits as f64 / trials as f64, limits }
    }

    pub(super) fn below(&self) -> f64 {
        self.value - self.limits.low
    }

    pub(super) fn above(&self) -> f64 {
        self.limits.high - self.value
    }
}

/// Interval of first − second, of different items, at the level of their limits.
///
/// Each end is as far from the difference as the limits that would take it there are from their
/// shares, squared and added.
///
/// # Panics
/// When the limits are of different levels.
pub fn difference_interval(first: &Proportion, second: &Proportion) -> Interval {
    let level = common_level(first, second);
    let difference = first.value - second.value;
    let low = difference - first.below().hypot(second.above());
    let high = difference + first.above().hypot(second.below());
    Interval { level, low: low.max(-1.0), high: high.min(1.0), method: Method::Mover }
}

/// Interval of first / second, of different items, at the level of their limits. The upper end is
/// infinite where the second share may be 0.
///
/// # Panics
/// When the limits are of different levels.
pub fn ratio_interval(first: &Proportion, second: &Proportion) -> Interval {
    let level = common_level(first, second);
    let (low, high) = (least_ratio(first, second), least_ratio(second, first).recip());
    Interval { level, low, high, method: Method::Mover }
}

/// Lower end of first / second. Equation 9 of Donner and Zou with the root moved below the line,
/// where nothing cancels; the upper end is the reciprocal of second / first's lower one.
fn least_ratio(first: &Proportion, second: &Proportion) -> f64 {
    let low = first.limits.low * (2.0 * first.value - first.limits.low);
    if low <= 0.0 {
        return 0.0;
    }
    let high = second.limits.high * (2.0 * second.value - second.limits.high);
    let product = first.value * second.value;
    low / (product + (product * product - low * high).max(0.0).sqrt())
}

fn common_level(first: &Proportion, second: &Proportion) -> f64 {
    assert_eq!(first.limits.level, second.limits.level, "limits of one level");
    first.limits.level
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn turned_round_a_difference_changes_sign_and_a_ratio_is_its_reciprocal() {
        for (first, second) in [((3, 20), (150, 200)), ((0, 40), (7, 30)), ((50, 50), (1, 9))] {
            let [first, second] =
                [first, second].map(|(hits, trials)| Proportion::of(hits, trials, 0.95));
            let (one, other) =
                (difference_interval(&first, &second), difference_interval(&second, &first));
            assert_eq!((one.low, one.high), (-other.high, -other.low));
            assert!(one.contains(first.value - second.value));
            let (one, other) = (ratio_interval(&first, &second), ratio_interval(&second, &first));
            assert_eq!(one.low, other.high.recip());
            assert!(one.contains(first.value / second.value), "{one:?}");
        }
    }

    #[test]
    fn shares_of_zero_and_one_have_ends() {
        let [none, all] = [(0, 30), (30, 30)].map(|(k, n)| Proportion::of(k, n, 0.995));
        let apart = difference_interval(&all, &none);
        assert!(apart.low > 0.7 && apart.high == 1.0, "{apart:?}");
        let alike = difference_interval(&none, &none);
        assert!(alike.low < 0.0 && alike.low == -alike.high, "{alike:?}");
        let ratio = ratio_interval(&none, &none);
        assert_eq!((ratio.low, ratio.high), (0.0, f64::INFINITY));
        let ratio = ratio_interval(&none, &all);
        assert!(ratio.low == 0.0 && ratio.high > 0.0 && ratio.high < 0.3, "{ratio:?}");
    }
}
