//! Percentile intervals over resamples of the items.

use clip_data::random::Seeded;
use rayon::prelude::*;

use super::binomial::BinomialDraws;
use super::interval::{Interval, Method};

/// Draws as many items as there are, with replacement, again and again, and takes the percentiles
/// of the figure.
///
/// The figure is computed from `weights[item]`, how often a resample holds each item; a figure that
/// is NaN (no positive item drawn, say) is left out. Every resample has its own stream of random
/// numbers: the interval depends on seed, resamples and items alone, never on threads.
///
/// Not every figure is near the middle of its interval: resamples are less well calibrated than the
/// items (ECE), and their interval may lie above the figure.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bootstrap {
    /// Of the interval: 0.95, or 0.995 as in the paper.
    pub level: f64,
    /// How many; PROTOCOL_EVAL 7.9 asks for 1,000 or more.
    pub resamples: u32,
    /// Of the generator.
    pub seed: u64,
}

impl Bootstrap {
    /// 2,000 resamples with seed 0.
    pub fn new(level: f64) -> Bootstrap {
        Bootstrap { level, resamples: 2000, seed: 0 }
    }

    /// Interval of any figure over items; none without items or where no resample has a figure.
    ///
    /// # Panics
    /// When the level is not between 0 and 1.
    pub fn interval(
        &self,
        items: usize,
        figure: impl Fn(&[u32]) -> f64 + Sync,
    ) -> Option<Interval> {
        self.percentiles(self.resample(items, &[(0..items as u32).collect()], figure))
    }

    /// The same, drawing within groups (classes, for a mean per class): each keeps its number of
    /// items.
    ///
    /// - `groups`: `[items]`
    ///
    /// # Panics
    /// When the level is not between 0 and 1.
    pub fn interval_within(
        &self,
        groups: &[u32],
        figure: impl Fn(&[u32]) -> f64 + Sync,
    ) -> Option<Interval> {
        let mut items: Vec<u32> = (0..groups.len() as u32).collect();
        items.sort_by_key(|&item| groups[item as usize]);
        let same = |a: &u32, b: &u32| groups[*a as usize] == groups[*b as usize];
        let members: Vec<Vec<u32>> = items.chunk_by(same).map(<[u32]>::to_vec).collect();
        self.percentiles(self.resample(groups.len(), &members, figure))
    }

    /// Interval of a mean.
    ///
    /// # Panics
    /// When the level is not between 0 and 1.
    pub fn mean(&self, values: &[f64]) -> Option<Interval> {
        self.interval(values.len(), |weights| {
            weights.iter().zip(values).map(|(&times, value)| f64::from(times) * value).sum::<f64>()
                / values.len() as f64
        })
    }

    /// Interval of the mean over classes of the share of hits, drawing within classes.
    ///
    /// - `hits`, `truth`: `[items]`
    ///
    /// # Panics
    /// When the numbers of items differ, or the level is not between 0 and 1.
    pub fn mean_per_class(&self, hits: &[bool], truth: &[u32]) -> Option<Interval> {
        assert_eq!(hits.len(), truth.len(), "targets of {} items", hits.len());
        let classes = truth.iter().max().map_or(0, |&last| last as usize + 1);
        let mut items = vec![0_u32; classes];
        truth.iter().for_each(|&class| items[class as usize] += 1);
        let occurring = items.iter().filter(|&&items| items > 0).count() as f64;
        // A hit is worth its share of its class: the figure is a sum over hits.
        let worth: Vec<f64> = truth
            .iter()
            .map(|&class| 1.0 / (f64::from(items[class as usize]) * occurring))
            .collect();
        self.interval_within(truth, |weights| {
            (0..hits.len())
                .filter(|&item| hits[item])
                .map(|item| f64::from(weights[item]) * worth[item])
                .sum()
        })
    }

    /// Interval of any figure of the shares of hits of several groups, drawing within groups: how
    /// many hits a resample of a group has is a binomial draw, whatever the number of items.
    ///
    /// - `groups`: hits and items of each, none without items
    /// - `figure`: of the shares drawn, in the order of the groups
    ///
    /// # Panics
    /// When a group has no items or more hits than items, or the level is not between 0 and 1.
    pub fn of_shares(
        &self,
        groups: &[(u64, u64)],
        figure: impl Fn(&[f64]) -> f64 + Sync,
    ) -> Option<Interval> {
        super::check_level(self.level);
        if groups.is_empty() {
            return None;
        }
        let draws = |&(hits, items): &(u64, u64)| {
            assert!(hits <= items && items > 0, "{hits} hits of {items} items");
            BinomialDraws::new(items, hits as f64 / items as f64)
        };
        let draws: Vec<BinomialDraws> = groups.iter().map(draws).collect();
        let draw = |shares: &mut Vec<f64>, resample: u32| {
            let mut generator = Seeded::named(self.seed, &format!("shares/{resample}"));
            for ((share, draws), &(_, items)) in shares.iter_mut().zip(&draws).zip(groups) {
                *share = draws.draw(&mut generator) as f64 / items as f64;
            }
            figure(shares)
        };
        let resamples = (0..self.resamples).into_par_iter();
        self.percentiles(resamples.map_init(|| vec![0.0; groups.len()], draw).collect())
    }

    /// Intervals of several figures of the same resamples, in their order: what costs most is
    /// drawing. None for a figure that no resample has.
    ///
    /// # Panics
    /// When the level is not between 0 and 1, or resamples have different numbers of figures.
    pub fn intervals(
        &self,
        items: usize,
        figures: impl Fn(&[u32]) -> Vec<f64> + Sync,
    ) -> Vec<Option<Interval>> {
        let resamples = self.figures(items, figures);
        let count = resamples.first().map_or(0, Vec::len);
        let of = |figure| resamples.iter().map(|of| of[figure]).collect();
        (0..count).map(|figure| self.percentiles(of(figure))).collect()
    }

    /// Several figures of the same resamples: for each of them its values in order of the
    /// resamples.
    pub(crate) fn figures(
        &self,
        items: usize,
        figures: impl Fn(&[u32]) -> Vec<f64> + Sync,
    ) -> Vec<Vec<f64>> {
        self.resample(items, &[(0..items as u32).collect()], figures)
    }

    fn resample<F: Send>(
        &self,
        items: usize,
        groups: &[Vec<u32>],
        figure: impl Fn(&[u32]) -> F + Sync,
    ) -> Vec<F> {
        if items == 0 {
            return Vec::new();
        }
        let draw = |weights: &mut Vec<u32>, resample: u32| {
            let mut generator = Seeded::named(self.seed, &resample.to_string());
            weights.fill(0);
            for members in groups {
                for _ in 0..members.len() {
                    weights[members[generator.below(members.len())] as usize] += 1;
                }
            }
            figure(weights)
        };
        (0..self.resamples).into_par_iter().map_init(|| vec![0_u32; items], draw).collect()
    }

    /// Ends of the interval among the figures of the resamples, linear between two.
    pub(crate) fn percentiles(&self, mut figures: Vec<f64>) -> Option<Interval> {
        super::check_level(self.level);
        figures.retain(|figure| !figure.is_nan());
        figures.sort_by(f64::total_cmp);
        let last = figures.len().checked_sub(1)?;
        let percentile = |share: f64| {
            let position = share * last as f64;
            let (below, above) =
                (figures[position.floor() as usize], figures[position.ceil() as usize]);
            // Equal ones may be infinite.
            if below == above { below } else { below + (above - below) * position.fract() }
        };
        let tail = (1.0 - self.level) / 2.0;
        let method = Method::Bootstrap { resamples: self.resamples, seed: self.seed };
        Some(Interval {
            level: self.level,
            low: percentile(tail),
            high: percentile(1.0 - tail),
            method,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUICK: Bootstrap = Bootstrap { level: 0.95, resamples: 1000, seed: 5 };

    #[test]
    fn the_interval_of_a_mean_has_the_width_theory_gives() {
        let values: Vec<f64> = (0..400).map(|item| f64::from(item % 20)).collect();
        let interval = QUICK.mean(&values).unwrap();
        let expected = 1.96 * (399.0_f64 / 12.0 / 400.0).sqrt(); // sd of 0..20 evenly: √((20² − 1) / 12)
        assert!(
            ((interval.high - interval.low) / 2.0 / expected - 1.0).abs() < 0.1,
            "{interval:?}"
        );
        assert!(interval.contains(9.5));
    }

    #[test]
    fn groups_keep_their_number_of_items() {
        let groups = [4, 1, 4, 4, 1, 9];
        let interval = QUICK.interval_within(&groups, |weights| {
            let of = |group: u32| {
                (0..6).filter(|&item| groups[item] == group).map(|item| weights[item]).sum::<u32>()
            };
            f64::from(u8::from((of(1), of(4), of(9)) == (2, 3, 1)))
        });
        assert_eq!(interval.map(|interval| (interval.low, interval.high)), Some((1.0, 1.0)));
    }

    #[test]
    fn mean_per_class_is_that_of_the_items_drawn() {
        let (hits, truth) = ([true, false, true, true, false], [0, 0, 3, 3, 3]);
        let by_definition = QUICK.interval_within(&truth, |weights| {
            let share = |range: std::ops::Range<usize>| {
                let hits: u32 =
                    range.clone().filter(|&item| hits[item]).map(|item| weights[item]).sum();
                f64::from(hits) / range.len() as f64
            };
            f64::midpoint(share(0..2), share(2..5))
        });
        let (fast, slow) = (QUICK.mean_per_class(&hits, &truth).unwrap(), by_definition.unwrap());
        assert!((fast.low - slow.low).abs() < 1e-12 && (fast.high - slow.high).abs() < 1e-12);
    }

    #[test]
    fn shares_drawn_by_their_hits_are_those_drawn_by_their_items() {
        let (hits, groups): (Vec<bool>, Vec<u32>) =
            (0..300).map(|item| (item % 7 < 3, u32::from(item >= 260))).unzip();
        let count = |group: u32| {
            let items = || (0..300).filter(|&item| groups[item] == group);
            (items().filter(|&item| hits[item]).count() as u64, items().count() as u64)
        };
        let bootstrap = Bootstrap { resamples: 20_000, ..QUICK };
        let slow = bootstrap.mean_per_class(&hits, &groups).unwrap();
        let mean = |shares: &[f64]| shares.iter().sum::<f64>() / shares.len() as f64;
        let fast = bootstrap.of_shares(&[count(0), count(1)], mean).unwrap();
        // 20,000 resamples leave an end uncertain by about 0.001.
        assert!((fast.low - slow.low).abs() < 0.004, "{fast:?} {slow:?}");
        assert!((fast.high - slow.high).abs() < 0.004, "{fast:?} {slow:?}");
        assert_eq!(bootstrap.of_shares(&[count(0), count(1)], mean), Some(fast));
        assert_eq!(QUICK.of_shares(&[], mean), None);
        let certain = QUICK.of_shares(&[(0, 9), (4, 4)], mean).unwrap();
        assert_eq!((certain.low, certain.high), (0.5, 0.5));
    }

    #[test]
    fn intervals_of_figures_drawn_together_are_those_of_each_alone() {
        let values: [Vec<f64>; 2] = [(0..50).map(f64::from).collect(), vec![1.0; 50]];
        let mean = |values: &[f64], weights: &[u32]| {
            weights.iter().zip(values).map(|(&times, value)| f64::from(times) * value).sum::<f64>()
                / 50.0
        };
        let both = QUICK
            .intervals(50, |weights| values.iter().map(|values| mean(values, weights)).collect());
        assert_eq!(both, values.map(|values| QUICK.mean(&values)));
        assert!(QUICK.intervals(0, |_| vec![0.0]).is_empty());
    }

    #[test]
    fn figures_that_are_not_numbers_are_left_out() {
        let odd = |weights: &[u32]| if weights[0] % 2 == 1 { f64::NAN } else { 1.0 };
        assert_eq!(QUICK.interval(3, odd).map(|interval| interval.low), Some(1.0));
        assert_eq!(QUICK.interval(3, |_| f64::NAN), None);
        assert_eq!(QUICK.mean(&[]), None);
    }
}
