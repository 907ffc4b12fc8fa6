//! How far groups are apart: the widest gap, the ratio, and whether there is any difference.

use clip_eval::results::{Figure, Unit};
use clip_eval::statistics::{
    Interval, Method, Proportion, chi_squared, difference_interval, fisher_exact, permutation_test,
    ratio_interval,
};

use crate::options::GroupOptions;
use crate::section::{Direction, Disparity, Test};

/// An expected count below which Pearson's p is no more than a guess (Cochran 1954).
const SPARSE: f64 = 5.0;

/// The groups that are large enough against each other; none where these are fewer than two.
///
/// - `names`, `counts`: of each group, its levels, and its hits and items
pub fn disparity(
    good: Direction,
    names: &[Vec<String>],
    counts: &[(usize, usize)],
    options: &GroupOptions,
) -> Option<Disparity> {
    let large = |counts: &(usize, usize)| counts.1 >= options.least_group();
    let (names, counts): (Vec<&Vec<String>>, Vec<(u64, u64)>) = names
        .iter()
        .zip(counts)
        .filter(|(_, counts)| large(counts))
        .map(|(name, &(hits, items))| (name, (hits as u64, items as u64)))
        .unzip();
    if counts.len() < 2 {
        return None;
    }
    let groups = Groups::new(&counts, options.level);
    let (lowest, highest) = groups.extremes();
    let (worst, best) = match good {
        Direction::Higher => (lowest, highest),
        Direction::Lower => (highest, lowest),
    };
    Some(Disparity {
        worst: names[worst].clone(),
        best: names[best].clone(),
        gap: groups.gap(),
        ratio: groups.ratio(),
        test: shares_test(&counts, options),
    })
}

/// Whether groups differ in their shares: Pearson's chi-squared; where counts are sparse, Fisher's
/// exact test of two groups, and of more a permutation test, which names its draws.
///
/// Nothing but hits, or none, is no difference: p is 1.
///
/// - `counts`: hits and items of each group
pub fn shares_test(counts: &[(u64, u64)], options: &GroupOptions) -> Test {
    let counts: Vec<(u64, u64)> = counts.iter().copied().filter(|&(_, items)| items > 0).collect();
    let table: Vec<[u64; 2]> = counts.iter().map(|&(hits, items)| [hits, items - hits]).collect();
    let pearson = chi_squared(&table, false);
    if pearson.degrees_of_freedom == 0 {
        return Test::alone("chi-squared", 1.0);
    }
    if pearson.least_expected >= SPARSE {
        return Test {
            statistic: Some(pearson.statistic),
            degrees_of_freedom: Some(pearson.degrees_of_freedom),
            ..Test::alone("chi-squared", pearson.p)
        };
    }
    if let [first, second] = table[..] {
        return Test::alone("Fisher exact", fisher_exact([first, second]));
    }
    let drawn = permutation_test(&counts, options.resamples, options.seed);
    let name = format!("chi-squared, {} permutations", drawn.draws);
    Test { statistic: Some(pearson.statistic), ..Test::alone(&name, drawn.p) }
}

/// Shares of two groups or more, with limits that hold for every pair of them at once.
struct Groups {
    shares: Vec<Proportion>,
    /// Of all pairs together.
    level: f64,
}

impl Groups {
    /// Bonferroni over the pairs: each may fail in its part of what all of them may.
    fn new(counts: &[(u64, u64)], level: f64) -> Groups {
        let pairs = counts.len() * (counts.len() - 1) / 2;
        let of_pair = 1.0 - (1.0 - level) / pairs as f64;
        let share = |&(hits, items): &(u64, u64)| Proportion::of(hits, items, of_pair);
        Groups { shares: counts.iter().map(share).collect(), level }
    }

    /// Positions of the lowest and the highest share; not one group, also where all are equal.
    fn extremes(&self) -> (usize, usize) {
        let value = |group: &usize| self.shares[*group].value;
        let by_value = |a: &usize, b: &usize| value(a).total_cmp(&value(b));
        let groups = 0..self.shares.len(); // the first of equal minima, the last of equal maxima
        let (lowest, highest) = (groups.clone().min_by(by_value), groups.max_by(by_value));
        (lowest.expect("two groups"), highest.expect("two groups"))
    }

    /// Where the extreme of what every pair has is: the extreme lower end to the extreme upper end.
    ///
    /// While the intervals of all pairs hold, so does this one. A percentile bootstrap of the widest
    /// gap would not: some groups of every resample are apart, and 0 is never in it, whatever the
    /// truth.
    fn over_pairs(
        &self,
        of_pair: fn(&Proportion, &Proportion) -> Interval,
        extreme: fn(f64, f64) -> f64,
        of_equals: f64,
    ) -> Interval {
        let (mut low, mut high) = (of_equals, of_equals);
        for (place, first) in self.shares.iter().enumerate() {
            for (other, second) in self.shares.iter().enumerate() {
                if place != other {
                    let interval = of_pair(first, second);
                    (low, high) = (extreme(low, interval.low), extreme(high, interval.high));
                }
            }
        }
        Interval { level: self.level, low, high, method: Method::Mover }
    }

    fn gap(&self) -> Figure {
        let (lowest, highest) = self.extremes();
        let gap = self.shares[highest].value - self.shares[lowest].value;
        let interval = self.over_pairs(difference_interval, f64::max, 0.0);
        Figure::plain("gap", Unit::Points, gap).within(Some(interval), self.over())
    }

    fn ratio(&self) -> Figure {
        let (lowest, highest) = self.extremes();
        let [lowest, highest] = [lowest, highest].map(|group| self.shares[group].value);
        if highest == 0.0 {
            return Figure::undefined("ratio", Unit::Number, "no group has any");
        }
        let interval = self.over_pairs(ratio_interval, f64::min, 1.0);
        Figure::plain("ratio", Unit::Number, lowest / highest).within(Some(interval), self.over())
    }

    fn over(&self) -> &'static str {
        if self.shares.len() == 2 { "images" } else { "images, all pairs of groups at once" }
    }
}
