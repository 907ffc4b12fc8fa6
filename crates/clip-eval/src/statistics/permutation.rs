//! Whether many small groups have the same share, where Pearson's chi-squared is no more than a
//! guess: the same statistic over hits dealt out at random.

use std::ops::Range;

use clip_data::random::Seeded;
use rayon::prelude::*;
use serde::Serialize;

/// Draws that start anew from the same order, so that threads cannot tell.
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
    /// Of each item, its group.
    order: Vec<u32>,
    /// How many items get one: hits, or misses where those are fewer; the statistic is the same.
    rarer: usize,
    /// Of each group, 1 / items.
    worth: Vec<f64>,
    /// Unevenness of the groups as they are.
    observed: f64,
}

impl Deal {
    /// None where there is nothing to deal.
    fn of(groups: &[(u64, u64)]) -> Option<Deal> {
        let sum = |of: fn(&(u64, u64)) -> u64| groups.iter().map(of).sum::<u64>() as usize;
        let (hits, items) = (sum(|group| group.0), sum(|group| group.1));
        let rarer = hits.min(items - hits);
        let rare = |&(hit, items): &(u64, u64)| if rarer == hits { hit } else { items - hit };
        let counts: Vec<u32> = groups.iter().map(|group| rare(group) as u32).collect();
        let worth = groups.iter().map(|&(_, items)| 1.0 / items.max(1) as f64).collect();
        let members = (0_u32..).zip(groups).map(|(group, &(_, items))| (group, items as usize));
        let order = members.flat_map(|(group, items)| std::iter::repeat_n(group, items)).collect();
        let deal = Deal { order, rarer, worth, observed: 0.0 };
        (rarer > 0).then(|| Deal { observed: deal.unevenness(&counts), ..deal })
    }

    /// Σ count² / items, with which the statistic grows while the margins are fixed.
    fn unevenness(&self, counts: &[u32]) -> f64 {
        counts.iter().zip(&self.worth).map(|(&count, worth)| f64::from(count).powi(2) * worth).sum()
    }

    /// How many of these draws are at least as uneven as what was found.
    fn as_uneven(&self, draws: Range<u32>, seed: u64) -> u64 {
        let limit = self.observed * (1.0 - TIE);
        let starts: Vec<u32> = draws.clone().step_by(DRAWS_AT_ONCE).collect();
        let chunk = |&start: &u32| -> u64 {
            let mut generator = Seeded::named(seed, &format!("permutation/{start}"));
            let (mut order, mut counts) = (self.order.clone(), vec![0_u32; self.worth.len()]);
            let uneven =
                (start..draws.end.min(start.saturating_add(DRAWS_AT_ONCE as u32))).filter(|_| {
                    // The first places of a shuffle, which is as random from any order.
                    counts.fill(0);
                    for place in 0..self.rarer {
                        let other = place + generator.below(order.len() - place);
                        order.swap(place, other);
                        counts[order[place] as usize] += 1;
                    }
                    self.unevenness(&counts) >= limit
                });
            uneven.count() as u64
        };
        starts.par_iter().map(chunk).sum()
    }
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
