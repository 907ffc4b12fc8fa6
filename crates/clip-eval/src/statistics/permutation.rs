//! Whether many small groups have the same share, where Pearson's chi-squared is no more than a
//! guess: the same statistic over hits dealt out at random.

use std::ops::Range;

use clip_data::random::Seeded;
use rayon::prelude::*;
use serde::Serialize;

use super::binomial::BinomialDraws;

/// Draws of one stream of random numbers, so that threads cannot tell.
const DRAWS_AT_ONCE: usize = 250;

/// Statistics that differ by less are of deals that are equally uneven, but for rounding.
const TIE: f64 = 1e-10;

/// Deals at least as uneven as what was found, of the first `draws`, that are enough to say how
/// likely those are.
const ENOUGH: u64 = 10;

/// How many times the draws where there are fewer.
const MORE: u32 = 10;

/// A p that was drawn.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Permutation {
    /// (1 + deals at least as uneven) / (1 + draws).
    pub p: f64,
    /// How many deals.
    pub draws: u32,
}

/// The chi-squared test of groups x {hit, miss} with both margins fixed: hits are dealt out over the
/// items at random, and the statistic of each deal held against that of the groups.
///
/// p holds its level for any number of draws (Phipson and Smyth 2010). Where fewer than ten of
/// `draws` deals are as uneven, ten times as many are drawn, so that p can be small enough to outlast
/// a correction; as both counts are ranks among exchangeable deals, that keeps the level. The result
/// depends on counts, draws and seed alone, never on threads. p is 1 where nothing or everything is
/// a hit.
///
/// - `groups`: hits and items of each
///
/// # Panics
/// When a group has more hits than items.
pub fn permutation_test(groups: &[(u64, u64)], draws: u32, seed: u64) -> Permutation {
    assert!(groups.iter().all(|(hits, items)| hits <= items), "hits among items: {groups:?}");
    let Some(deal) = Deal::of(groups) else {
        return Permutation { p: 1.0, draws: 0 };
    };
    let (more, mut uneven) = (draws.saturating_mul(MORE), deal.as_uneven(0..draws, seed));
    let draws = if uneven < ENOUGH {
        uneven += deal.as_uneven(draws..more, seed);
        more
    } else {
        draws
    };
    Permutation { p: (1 + uneven) as f64 / (1 + u64::from(draws)) as f64, draws }
}

/// What is dealt out.
struct Deal {
    groups: Vec<Group>,
    hits: u64,
    items: u64,
    /// Unevenness of the groups as they are.
    observed: f64,
}

struct Group {
    items: u64,
    /// Hits of so many items, each a hit with the share of all.
    draws: BinomialDraws,
    /// Items times the share of all.
    expected: f64,
}

impl Deal {
    /// None where there is nothing to deal.
    fn of(groups: &[(u64, u64)]) -> Option<Deal> {
        let groups: Vec<(u64, u64)> =
            groups.iter().copied().filter(|&(_, items)| items > 0).collect();
        let sum = |of: fn(&(u64, u64)) -> u64| groups.iter().map(of).sum::<u64>();
        let (hits, items) = (sum(|group| group.0), sum(|group| group.1));
        if hits == 0 || hits == items {
            return None;
        }
        let share = hits as f64 / items as f64;
        let counts: Vec<u64> = groups.iter().map(|group| group.0).collect();
        let group = |&(_, items): &(u64, u64)| Group {
            items,
            draws: BinomialDraws::new(items, share),
            expected: items as f64 * share,
        };
        let groups = groups.iter().map(group).collect();
        let deal = Deal { groups, hits, items, observed: 0.0 };
        Some(Deal { observed: deal.unevenness(&counts), ..deal })
    }

    /// Σ (count − expected)² / items, with which the statistic grows while the margins are fixed.
    fn unevenness(&self, counts: &[u64]) -> f64 {
        let of = |(&count, group): (&u64, &Group)| {
            (count as f64 - group.expected).powi(2) / group.items as f64
        };
        counts.iter().zip(&self.groups).map(of).sum()
    }

    /// How many of these draws are at least as uneven as what was found.
    fn as_uneven(&self, draws: Range<u32>, seed: u64) -> u64 {
        let limit = self.observed * (1.0 - TIE);
        let starts: Vec<u32> = draws.clone().step_by(DRAWS_AT_ONCE).collect();
        let chunk = |&start: &u32| -> u64 {
            let mut generator = Seeded::named(seed, &format!("permutation/{start}"));
            let mut counts = vec![0; self.groups.len()];
            let end = draws.end.min(start.saturating_add(DRAWS_AT_ONCE as u32));
            let uneven = (start..end).filter(|_| {
                self.deal(&mut counts, &mut generator);
                self.unevenness(&counts) >= limit
            });
            uneven.count() as u64
        };
        starts.par_iter().map(chunk).sum()
    }

    /// Hits of each group where all sets of so many items are equally likely: each item is a hit by
    /// itself first, which any set of their number is equally likely to be, and then random ones are
    /// added or taken away until the number is right. A few √hits of them, where a shuffle would
    /// move them all.
    fn deal(&self, counts: &mut [u64], generator: &mut Seeded) {
        for (count, group) in counts.iter_mut().zip(&self.groups) {
            *count = group.draws.draw(generator);
        }
        let dealt: u64 = counts.iter().sum();
        for hits in dealt..self.hits {
            let miss = generator.below((self.items - hits) as usize) as u64;
            let misses = counts.iter().zip(&self.groups).map(|(count, group)| group.items - count);
            counts[holder(miss, misses)] += 1;
        }
        for hits in (self.hits..dealt).rev() {
            let hit = generator.below(hits as usize + 1) as u64;
            counts[holder(hit, counts.iter().copied())] -= 1;
        }
    }
}

/// The group that holds this one of all.
fn holder(mut one: u64, mut sizes: impl Iterator<Item = u64>) -> usize {
    let holds = |size: u64| {
        let inside = one < size;
        one = one.saturating_sub(size);
        inside
    };
    sizes.position(holds).expect("one of them")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::statistics::fisher_exact;

    #[test]
    fn two_groups_come_close_to_fishers_exact_test_on_balanced_margins() {
        // With groups of one size, tables are uneven in the order in which they are unlikely.
        for (first, second) in [(1, 7), (3, 6), (18, 12), (5, 5)] {
            let exact = fisher_exact([[first, 20 - first], [second, 20 - second]]);
            let drawn = permutation_test(&[(first, 20), (second, 20)], 20_000, 1).p;
            let error = (exact * (1.0 - exact) / 20_000.0).sqrt();
            assert!((drawn - exact).abs() <= 4.0 * error + 1e-4, "{drawn} {exact}");
        }
    }

    #[test]
    fn three_groups_come_close_to_all_deals_counted() {
        let groups: [(u64, u64); 3] = [(2, 5), (6, 7), (0, 4)];
        let choose = |n: u64, k: u64| (0..k).fold(1, |all, i| all * (n - i) / (i + 1)) as f64;
        let deal = Deal::of(&groups).expect("hits and misses");
        let (mut all, mut uneven) = (0.0, 0.0);
        for first in 0..=5 {
            for second in 0..=7 {
                for third in (0..=4).filter(|third| first + second + third == 8) {
                    let ways = choose(5, first) * choose(7, second) * choose(4, third);
                    all += ways;
                    let is =
                        deal.unevenness(&[first, second, third]) >= deal.observed * (1.0 - TIE);
                    uneven += if is { ways } else { 0.0 };
                }
            }
        }
        let (exact, drawn) = (uneven / all, permutation_test(&groups, 40_000, 2).p);
        assert_eq!(all, 12_870.0, "16 over 8");
        assert!((drawn - exact).abs() <= 4.0 * (exact / 40_000.0).sqrt(), "{drawn} {exact}");
    }

    #[test]
    fn it_is_the_same_on_any_number_of_threads() {
        let groups = [(2, 30), (9, 40), (1, 25)];
        let on = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| permutation_test(&groups, 3333, 7))
        };
        assert_eq!(on(1), on(3));
        assert_ne!(permutation_test(&groups, 3333, 7), permutation_test(&groups, 3333, 8));
    }

    #[test]
    fn nothing_to_deal_out_is_no_difference() {
        for groups in [vec![], vec![(0, 0)], vec![(0, 5), (0, 9)], vec![(5, 5), (9, 9)]] {
            assert_eq!(permutation_test(&groups, 100, 0), Permutation { p: 1.0, draws: 0 });
        }
        assert_eq!(permutation_test(&[(3, 3), (0, 0)], 100, 0).p, 1.0);
    }

    #[test]
    fn what_is_rare_is_drawn_ten_times_as_often() {
        // Both margins fixed, and all of the difference that there can be.
        let found = permutation_test(&[(40, 40), (0, 40), (0, 40)], 999, 0);
        assert_eq!(found, Permutation { p: 1.0 / 9991.0, draws: 9990 });
        // Hits and misses changed round are the same test.
        assert_eq!(permutation_test(&[(0, 40), (40, 40), (40, 40)], 999, 0), found);
        assert_eq!(permutation_test(&[(4, 20), (5, 20), (4, 20)], 999, 0).draws, 999);
    }
}
