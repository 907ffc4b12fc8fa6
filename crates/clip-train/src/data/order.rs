//! Which sample stands where: a function of (seed, epoch, position) alone.
//!
//! An epoch's order is a permutation that is asked at any position without walking there: a
//! Feistel network over the rectangle of numbers just large enough, entered again until it leads
//! to a number that is there (Black and Rogaway 2002). A shuffled list would need 4 to 8 bytes a
//! sample and a pass over all of them before each epoch; this needs nothing, so that a resumed run
//! begins at once.
//!
//! Parts with weights: an epoch takes `weight x samples` of each part, and those follow the part's
//! own permutations one after the other. Nothing is drawn twice before all of its part has been
//! used, whatever the weights.

use clip_model::random::Stream;

/// Rounds of the network. Four make neighbours unrelated.
const ROUNDS: u64 = 8;
/// Rounds below [`FEW`] samples, where each round chooses among so few shifts that it takes more of
/// them before every order is as likely.
const ROUNDS_OF_FEW: u64 = 32;
const FEW: u64 = 1 << 12;

/// A permutation of `0..length` that belongs to a key.
#[derive(Debug, Clone, Copy)]
struct Permutation {
    key: u64,
    length: u64,
    /// Sides of the rectangle: `length` to less than `length + rows` numbers.
    rows: u64,
    columns: u64,
}

impl Permutation {
    fn new(key: u64, length: u64) -> Self {
        let rows = length.isqrt().max(1);
        Self { key, length, rows, columns: length.div_ceil(rows).max(1) }
    }

    /// Where `position` leads.
    fn at(&self, position: u64) -> u64 {
        debug_assert!(position < self.length, "{position} of {}", self.length);
        let mut number = position;
        loop {
            number = self.round_trip(number);
            if number < self.length {
                return number;
            }
        }
    }

    /// Through the network once: a permutation of the rectangle.
    fn round_trip(&self, number: u64) -> u64 {
        let (mut row, mut column) = (number / self.columns, number % self.columns);
        for round in 0..if self.length < FEW { ROUNDS_OF_FEW } else { ROUNDS } {
            if round % 2 == 0 {
                row = (row + self.word(round, column) % self.rows) % self.rows;
            } else {
                column = (column + self.word(round, row) % self.columns) % self.columns;
            }
        }
        row * self.columns + column
    }

    /// 64 bits that belong to the key, the round and one side.
    fn word(&self, round: u64, side: u64) -> u64 {
        mix(mix(self.key.wrapping_add(round.wrapping_mul(GOLDEN))) ^ side)
    }
}

const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;

/// SplitMix64's step.
fn mix(word: u64) -> u64 {
    let word = word.wrapping_add(GOLDEN);
    let word = (word ^ (word >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let word = (word ^ (word >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    word ^ (word >> 31)
}

/// The samples of one part, and how many of them an epoch takes.
#[derive(Debug, Clone, Copy)]
struct Part {
    /// Number of its first sample.
    first: u64,
    samples: u64,
    per_epoch: u64,
    /// Place of its first one among those of an epoch, before they are mixed.
    begin: u64,
}

/// The order of all epochs.
#[derive(Debug, Clone)]
pub(super) struct Order {
    seed: u64,
    parts: Vec<Part>,
    length: u64,
    resampled: bool,
}

impl Order {
    /// Of parts with so many samples and such weights each.
    pub(super) fn new(seed: u64, parts: &[(u64, f64)], resampled: bool) -> Self {
        let (mut first, mut length) = (0, 0);
        let part = |&(samples, weight): &(u64, f64)| {
            let per_epoch = (weight * samples as f64).round() as u64;
            let part = Part { first, samples, per_epoch, begin: length };
            first += samples;
            length += per_epoch;
            part
        };
        let parts = parts.iter().map(part).collect();
        Self { seed, parts, length, resampled }
    }

    /// Positions of an epoch.
    pub(super) fn length(&self) -> u64 {
        self.length
    }

    /// The number of the sample at `position`, which is below [`Order::length`].
    pub(super) fn sample(&self, epoch: u64, position: u64) -> u64 {
        let place = if self.resampled {
            self.stream(epoch, position).below(self.length)
        } else {
            Permutation::new(self.key(0, epoch), self.length).at(position)
        };
        let after = self.parts.partition_point(|part| part.begin <= place);
        // Parts of which nothing is used begin where the next one does.
        let part = self.parts[after - 1];
        let number = if self.resampled {
            let mut stream = self.stream(epoch, position);
            stream.below(self.length);
            stream.below(part.samples)
        } else if self.parts.len() == 1 && part.per_epoch == part.samples {
            place
        } else {
            let all = u128::from(epoch) * u128::from(part.per_epoch);
            let all = all + u128::from(place - part.begin);
            let (pass, within) = (all / u128::from(part.samples), all % u128::from(part.samples));
            let key = self.key(after as u64, pass as u64);
            Permutation::new(key, part.samples).at(within as u64)
        };
        part.first + number
    }

    fn stream(&self, epoch: u64, position: u64) -> Stream {
        Stream::new(self.seed, "order", position, epoch as u32)
    }

    /// Of permutation `pass` of a part; part 0 is the mixture of all.
    fn key(&self, part: u64, pass: u64) -> u64 {
        mix(mix(mix(self.seed) ^ part) ^ pass)
    }
}

/// Which part of every batch is one rank's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Share {
    /// This rank, from 0.
    pub rank: u64,
    /// Number of ranks.
    pub ranks: u64,
}

impl Share {
    /// Everything.
    pub const ALL: Self = Self { rank: 0, ranks: 1 };

    /// Places within a batch of `batch` samples: consecutive ones, so that the batches of all ranks
    /// joined are the batch of one.
    pub(super) fn places(self, batch: u64) -> std::ops::Range<u64> {
        let each = batch / self.ranks;
        self.rank * each..(self.rank + 1) * each
    }
}

/// A batch within the run.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Default,
    serde::Serialize,
    serde::Deserialize,
)]
pub struct Position {
    /// From 0.
    pub epoch: u64,
    /// Within the epoch, from 0.
    pub batch: u64,
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;

    #[test]
    fn every_position_leads_to_another_number() {
        for length in (1..200).chain([1_000, 1_771, 65_536, 99_991]) {
            let permutation = Permutation::new(length * 7, length);
            let numbers: BTreeSet<u64> = (0..length).map(|at| permutation.at(at)).collect();
            assert_eq!(numbers.len() as u64, length);
            assert_eq!(numbers.last(), Some(&(length - 1)));
        }
    }

    #[test]
    fn every_order_of_a_few_is_as_likely() {
        let mut counts: BTreeMap<Vec<u64>, f64> = BTreeMap::new();
        for key in 0..60_000 {
            let permutation = Permutation::new(mix(key), 5);
            *counts.entry((0..5).map(|at| permutation.at(at)).collect()).or_default() += 1.0;
        }
        // 119 degrees of freedom: above 182 once in 5,000 keys.
        let squares: f64 = counts.values().map(|count| (count - 500.0).powi(2) / 500.0).sum();
        assert!(counts.len() == 120 && squares < 182.0, "{} orders, {squares}", counts.len());
    }

    #[test]
    fn places_and_neighbours_of_many_are_unrelated() {
        // Of 5,000 samples: in which sixteenth a position's sample lies, and its neighbour's.
        let length = 5_000;
        let mut pairs = vec![0.0; 256];
        let mut count = 0.0;
        for key in 0..40 {
            let permutation = Permutation::new(mix(key), length);
            let part = |at: u64| (permutation.at(at) * 16 / length) as usize;
            for at in (0..length - 1).step_by(2) {
                pairs[part(at) * 16 + part(at + 1)] += 1.0;
                count += 1.0;
            }
        }
        let expected = count / 256.0;
        let squares: f64 = pairs.iter().map(|n: &f64| (n - expected).powi(2) / expected).sum();
        assert!(squares < 340.0, "{squares} at 255 degrees of freedom"); // once in 3,000
    }

    #[test]
    fn epochs_differ_and_are_functions_of_the_seed() {
        let order = |seed| Order::new(seed, &[(100, 1.0)], false);
        let epoch = |seed, epoch| {
            let order = order(seed);
            (0..100).map(|at| order.sample(epoch, at)).collect::<Vec<_>>()
        };
        assert_eq!(epoch(1, 3), epoch(1, 3));
        assert!(epoch(1, 3) != epoch(1, 4) && epoch(1, 3) != epoch(2, 3));
        let sorted: BTreeSet<u64> = epoch(5, 9).into_iter().collect();
        assert_eq!(sorted.len(), 100);
    }

    #[test]
    fn weights_say_how_often_a_sample_is_used() {
        // 40 samples once, 10 of weight 2.5, 20 of weight one half, 5 of none.
        let order = Order::new(3, &[(40, 1.0), (10, 2.5), (5, 0.0), (20, 0.5)], false);
        assert_eq!(order.length(), 75);
        let mut counts = vec![0; 75];
        for epoch in 0..2 {
            (0..75).for_each(|at| counts[order.sample(epoch, at) as usize] += 1);
        }
        assert!(counts[..40].iter().all(|&n| n == 2));
        assert!(counts[40..50].iter().all(|&n| n == 5));
        assert!(counts[50..55].iter().all(|&n| n == 0));
        assert!(counts[55..].iter().all(|&n| n == 1));
        // Parts are mixed: the heavy one does not come in one piece.
        let heavy: Vec<u64> =
            (0..75).filter(|&at| (40..50).contains(&order.sample(0, at))).collect();
        assert!(heavy.len() == 25 && heavy[24] - heavy[0] > 40, "{heavy:?}");
    }

    #[test]
    fn resampled_draws_are_uniform_and_repeat() {
        let order = Order::new(7, &[(50, 1.0), (10, 5.0)], true);
        let mut counts = vec![0.0; 60];
        for epoch in 0..200 {
            (0..100).for_each(|at| counts[order.sample(epoch, at) as usize] += 1.0);
        }
        // 20,000 draws: 200 of each light sample, 1,000 of each heavy one.
        assert!(counts[..50].iter().all(|n: &f64| (n - 200.0).abs() < 60.0), "{counts:?}");
        assert!(counts[50..].iter().all(|n: &f64| (n - 1_000.0).abs() < 130.0), "{counts:?}");
        let once: BTreeSet<u64> = (0..100).map(|at| order.sample(0, at)).collect();
        assert!(once.len() < 60);
    }

    #[test]
    fn shares_of_ranks_make_the_batch() {
        let joined: Vec<u64> =
            (0..4).flat_map(|rank| Share { rank, ranks: 4 }.places(12)).collect();
        assert_eq!(joined, (0..12).collect::<Vec<_>>());
    }
}
