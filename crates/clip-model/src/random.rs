//! One random stream for every place: what is drawn at (seed, purpose, place) does not depend on
//! what was drawn elsewhere, on threads, or on where a run was resumed.
//!
//! Philox4x32-10 (Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", 2011)
//! turns a counter into four words. It stands here, not in a crate, because checkpoints promise
//! these draws for ever.

/// Draws that belong to one place.
#[derive(Debug, Clone)]
pub struct Stream {
    key: [u32; 2],
    /// Block, place, index: two words for the index, which may be a number of a sample.
    counter: [u32; 4],
    words: [u32; 4],
    used: usize,
}

impl Stream {
    /// The stream of `purpose` at (`index`, `place`): say a sample and its epoch.
    pub fn new(seed: u64, purpose: &str, index: u64, place: u32) -> Self {
        // FNV-1a of the purpose, then SplitMix64's finalizer: a bijection of the seed.
        let purpose = purpose.bytes().fold(0xCBF2_9CE4_8422_2325, |hash: u64, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01B3)
        });
        let mut key = seed.wrapping_add(purpose);
        key = (key ^ (key >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        key = (key ^ (key >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        key ^= key >> 31;
        Self {
            key: [key as u32, (key >> 32) as u32],
            counter: [0, place, index as u32, (index >> 32) as u32],
            words: [0; 4],
            used: 4,
        }
    }

    /// 32 random bits.
    pub fn next_u32(&mut self) -> u32 {
        if self.used == self.words.len() {
            self.words = philox(self.counter, self.key);
            self.counter[0] = self.counter[0].wrapping_add(1);
            self.used = 0;
        }
        self.used += 1;
        self.words[self.used - 1]
    }

    /// 64 random bits, the low word first.
    pub fn next_u64(&mut self) -> u64 {
        u64::from(self.next_u32()) | u64::from(self.next_u32()) << 32
    }

    /// Uniform in [0, 1), a multiple of 2⁻⁵³.
    pub fn unit(&mut self) -> f64 {
        (self.next_u64() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Uniform in [`low`, `high`).
    pub fn uniform(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.unit()
    }

    /// Normal with mean 0 and deviation 1 (Box and Muller's cosine).
    pub fn normal(&mut self) -> f64 {
        let (radius, angle) = (1.0 - self.unit(), self.unit());
        (-2.0 * radius.ln()).sqrt() * (std::f64::consts::TAU * angle).cos()
    }

    /// Uniform below `limit`, every value as likely; 0 for a limit of 0.
    pub fn below(&mut self, limit: u64) -> u64 {
        if limit == 0 {
            return 0;
        }
        // Lemire (2019): of the words that fall on a value, as many for each.
        let least = limit.wrapping_neg() % limit;
        loop {
            let product = u128::from(self.next_u64()) * u128::from(limit);
            if product as u64 >= least {
                return (product >> 64) as u64;
            }
        }
    }

    /// `count` of the numbers below `limit`, ascending, every choice as likely (Floyd's algorithm).
    pub fn choose(&mut self, count: usize, limit: usize) -> Vec<usize> {
        let mut chosen = std::collections::BTreeSet::new();
        for last in limit.saturating_sub(count)..limit {
            let draw = self.below(last as u64 + 1) as usize;
            if !chosen.insert(draw) {
                chosen.insert(last);
            }
        }
        chosen.into_iter().collect()
    }

    /// Brings the items into a random order (Fisher and Yates).
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last as u64 + 1) as usize);
        }
    }
}

/// Ten rounds of Philox on four words.
fn philox(mut counter: [u32; 4], mut key: [u32; 2]) -> [u32; 4] {
    let product = |factor: u32, word: u32| {
        let product = u64::from(factor) * u64::from(word);
        ((product >> 32) as u32, product as u32)
    };
    for _ in 0..10 {
        let (high0, low0) = product(0xD251_1F53, counter[0]);
        let (high1, low1) = product(0xCD9E_8D57, counter[2]);
        counter = [high1 ^ counter[1] ^ key[0], low1, high0 ^ counter[3] ^ key[1], low0];
        key = [key[0].wrapping_add(0x9E37_79B9), key[1].wrapping_add(0xBB67_AE85)];
    }
    counter
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn philox_gives_the_published_words() {
        // Random123's known answers, `philox4x32 10`.
        let pi = [0x243F_6A88, 0x85A3_08D3, 0x1319_8A2E, 0x0370_7344];
        for (counter, key, words) in [
            ([0; 4], [0; 2], [0x6627_E8D5, 0xE169_C58D, 0xBC57_AC4C, 0x9B00_DBD8]),
            ([!0; 4], [!0; 2], [0x408F_276D, 0x41C8_3B0E, 0xA20B_C7C6, 0x6D54_51FD]),
            (pi, [0xA409_3822, 0x299F_31D0], [0xD16C_FE09, 0x94FD_CCEB, 0x5001_E420, 0x2412_6EA1]),
        ] {
            assert_eq!(philox(counter, key), words);
        }
    }

    #[test]
    fn a_place_has_its_own_draws() {
        let draw =
            |seed, purpose, index, place| Stream::new(seed, purpose, index, place).next_u64();
        let first = draw(1, "crop", 7, 0);
        assert_eq!(first, draw(1, "crop", 7, 0));
        for other in [draw(2, "crop", 7, 0), draw(1, "drop", 7, 0), draw(1, "crop", 8, 0)] {
            assert_ne!(first, other);
        }
        assert_ne!(first, draw(1, "crop", 7, 1));
        assert_ne!(first, draw(1, "crop", 7 | 1 << 40, 0));
    }

    #[test]
    fn draws_are_spread_as_they_say() {
        let mut stream = Stream::new(3, "test", 0, 0);
        let count = 40_000;
        let mut of_three = [0f64; 3];
        let (mut sum, mut squares, mut units) = (0.0, 0.0, 0.0);
        for _ in 0..count {
            of_three[stream.below(3) as usize] += 1.0;
            let normal = stream.normal();
            sum += normal;
            squares += normal * normal;
            units += stream.unit();
        }
        let count = f64::from(count);
        assert!(of_three.iter().all(|n| (n / count - 1.0 / 3.0).abs() < 0.01), "{of_three:?}");
        assert!((sum / count).abs() < 0.02 && (squares / count - 1.0).abs() < 0.03);
        assert!((units / count - 0.5).abs() < 0.01);
    }

    #[test]
    fn every_choice_and_every_order_is_as_likely() {
        let mut chosen = [0f64; 6];
        let mut first = [0f64; 4];
        for index in 0..12_000 {
            let mut stream = Stream::new(5, "choose", index, 0);
            let choice = stream.choose(2, 6);
            assert!(choice.len() == 2 && choice[0] < choice[1]);
            choice.iter().for_each(|&i| chosen[i] += 1.0);
            let mut items = [0, 1, 2, 3];
            stream.shuffle(&mut items);
            first[items[0]] += 1.0;
        }
        assert!(chosen.iter().all(|n| (n / 4_000.0 - 1.0).abs() < 0.06), "{chosen:?}");
        assert!(first.iter().all(|n| (n / 3_000.0 - 1.0).abs() < 0.07), "{first:?}");
        let mut stream = Stream::new(5, "choose", 0, 0);
        assert_eq!(stream.choose(4, 4), [0, 1, 2, 3]);
        assert_eq!(stream.choose(9, 4), [0, 1, 2, 3]);
        assert_eq!(stream.below(0), 0);
    }
}
