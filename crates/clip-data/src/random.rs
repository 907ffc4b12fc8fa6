//! Random generators whose draws belong to a protocol.
//!
//! Two splits of the authors were drawn by other people's generators, so those are here to the bit:
//! CPython's `random` (EuroSAT, RESISC45) and numpy's legacy `RandomState` (KITTI). Crates such as
//! rand_mt have the generator's words, not these draws from them, and the words take 60 lines.
//! Whatever the authors left open is drawn by [`Seeded`].

/// MT19937 of Matsumoto and Nishimura (1998), 32-bit words; what both generators are made of.
#[derive(Debug, Clone)]
struct MersenneTwister {
    state: [u32; WORDS],
    next: usize,
}

const WORDS: usize = 624;
const MIDDLE: usize = 397;

impl MersenneTwister {
    /// `init_genrand` of the published code.
    fn from_word(seed: u32) -> MersenneTwister {
        let mut state = [seed; WORDS];
        for i in 1..WORDS {
            let before = state[i - 1] ^ (state[i - 1] >> 30);
            state[i] = before.wrapping_mul(1_812_433_253).wrapping_add(i as u32);
        }
        MersenneTwister { state, next: WORDS }
    }

    /// `init_by_array` of the published code; `key` is not empty.
    fn from_key(key: &[u32]) -> MersenneTwister {
        let mut twister = MersenneTwister::from_word(19_650_218);
        let state = &mut twister.state;
        let mut i = 1;
        for round in 0..WORDS.max(key.len()) {
            let before = (state[i - 1] ^ (state[i - 1] >> 30)).wrapping_mul(1_664_525);
            let position = round % key.len();
            state[i] =
                (state[i] ^ before).wrapping_add(key[position]).wrapping_add(position as u32);
            i = wrap(state, i + 1);
        }
        for _ in 1..WORDS {
            let before = (state[i - 1] ^ (state[i - 1] >> 30)).wrapping_mul(1_566_083_941);
            state[i] = (state[i] ^ before).wrapping_sub(i as u32);
            i = wrap(state, i + 1);
        }
        state[0] = 0x8000_0000;
        twister
    }

    fn next_u32(&mut self) -> u32 {
        if self.next == WORDS {
            self.twist();
            self.next = 0;
        }
        let mut word = self.state[self.next];
        self.next += 1;
        word ^= word >> 11;
        word ^= (word << 7) & 0x9d2c_5680;
        word ^= (word << 15) & 0xefc6_0000;
        word ^ (word >> 18)
    }

    fn twist(&mut self) {
        let state = &mut self.state;
        for i in 0..WORDS {
            let word = (state[i] & 0x8000_0000) | (state[(i + 1) % WORDS] & 0x7fff_ffff);
            let odd = if word & 1 == 1 { 0x9908_b0df } else { 0 };
            state[i] = state[(i + MIDDLE) % WORDS] ^ (word >> 1) ^ odd;
        }
    }
}

/// The index after the last is the second one, and the first word takes the last one's place.
fn wrap(state: &mut [u32; WORDS], i: usize) -> usize {
    if i < WORDS {
        return i;
    }
    state[0] = state[WORDS - 1];
    1
}

/// CPython's `random`, after `random.seed(seed)`; the same draws in every release since 3.2.
#[derive(Debug, Clone)]
pub(crate) struct Python(MersenneTwister);

impl Python {
    /// `random.seed(seed)` with an integer.
    pub(crate) fn seed(seed: u64) -> Python {
        let (low, high) = (seed as u32, (seed >> 32) as u32);
        let key: &[u32] = if high == 0 { &[low] } else { &[low, high] };
        Python(MersenneTwister::from_key(key))
    }

    /// `random.shuffle(items)`.
    pub(crate) fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last + 1));
        }
    }

    /// Positions that `random.sample(population, count)` takes of a population of `size`, in its
    /// order.
    ///
    /// # Panics
    /// `count` is larger than `size`.
    pub(crate) fn sample(&mut self, size: usize, count: usize) -> Vec<usize> {
        assert!(count <= size, "sample of {count} from {size}");
        // CPython keeps a pool while that is smaller than a set of what was taken; the draws
        // differ.
        let set_size = 21 + if count > 5 { power_of_four_from(3 * count) } else { 0 };
        if size <= set_size {
            let mut pool: Vec<usize> = (0..size).collect();
            return (0..count).map(|taken| pool.swap_remove(self.below(size - taken))).collect();
        }
        let mut taken = std::collections::HashSet::new();
        let mut draw = || {
            loop {
                let position = self.below(size);
                if taken.insert(position) {
                    return position;
                }
            }
        };
        (0..count).map(|_| draw()).collect()
    }

    /// `_randbelow(limit)`: bits are drawn until they are below `limit`, which is at least 1 and
    /// below 2³².
    fn below(&mut self, limit: usize) -> usize {
        let unused = (limit as u32).leading_zeros();
        loop {
            let draw = (self.0.next_u32() >> unused) as usize;
            if draw < limit {
                return draw;
            }
        }
    }
}

fn power_of_four_from(least: usize) -> usize {
    let mut power = 1;
    while power < least {
        power *= 4;
    }
    power
}

/// numpy's legacy `RandomState(seed)`, which is also what `numpy.random.seed(seed)` sets.
#[derive(Debug, Clone)]
pub(crate) struct Numpy(MersenneTwister);

impl Numpy {
    /// `numpy.random.seed(seed)` with an integer.
    pub(crate) fn seed(seed: u32) -> Numpy {
        Numpy(MersenneTwister::from_word(seed))
    }

    /// `permutation(size)`.
    pub(crate) fn permutation(&mut self, size: usize) -> Vec<usize> {
        let mut items: Vec<usize> = (0..size).collect();
        for last in (1..size).rev() {
            items.swap(last, self.up_to(last));
        }
        items
    }

    /// Positions that `choice(population, count, replace=False)` takes of a population of `size`,
    /// in its order.
    ///
    /// # Panics
    /// `count` is larger than `size`.
    pub(crate) fn choice(&mut self, size: usize, count: usize) -> Vec<usize> {
        assert!(count <= size, "choice of {count} from {size}");
        let mut items = self.permutation(size);
        items.truncate(count);
        items
    }

    /// `random_interval(most)`: masked draws until one is not above `most`, which is at least 1 and
    /// below 2³².
    fn up_to(&mut self, most: usize) -> usize {
        let mask = u32::MAX >> (most as u32).leading_zeros();
        loop {
            let draw = (self.0.next_u32() & mask) as usize;
            if draw <= most {
                return draw;
            }
        }
    }
}

/// The project's own generator, for draws that the authors left open: hold-outs, examples,
/// resamples.
///
/// SplitMix64 (Steele, Lea, Flood 2014): `state += 0x9e3779b97f4a7c15`, and the word is `state`
/// mixed by `(z ^ z >> 30) * 0xbf58476d1ce4e5b9`, `(z ^ z >> 27) * 0x94d049bb133111eb`,
/// `z ^ z >> 31`. Numbers below a limit are the high half of word × limit, draws that would favour
/// some being thrown away (Lemire 2019).
#[derive(Debug, Clone)]
pub struct Seeded(u64);

impl Seeded {
    /// A generator whose draws depend on `seed` alone.
    pub fn new(seed: u64) -> Seeded {
        Seeded(seed)
    }

    /// A generator for one purpose: those of other purposes (`caltech101/train/ant`) draw
    /// independently of it.
    pub fn named(seed: u64, purpose: &str) -> Seeded {
        // FNV-1a, and one step so that close names do not begin at close states
        let hash = purpose.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        let start = Seeded(hash).next_u64();
        Seeded(seed ^ start)
    }

    /// 64 random bits.
    pub fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = self.0;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^ (word >> 31)
    }

    /// A number from 0 to `limit` − 1, all equally likely.
    ///
    /// # Panics
    /// `limit` is 0.
    pub fn below(&mut self, limit: usize) -> usize {
        assert!(limit > 0, "no number is below 0");
        let limit = limit as u64;
        loop {
            let product = u128::from(self.next_u64()) * u128::from(limit);
            if product as u64 >= limit.wrapping_neg() % limit {
                return (product >> 64) as usize;
            }
        }
    }

    /// Puts `items` in a random order (Fisher-Yates from the end).
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last + 1));
        }
    }

    /// 0 to `size` − 1 in a random order.
    pub fn permutation(&mut self, size: usize) -> Vec<usize> {
        let mut items: Vec<usize> = (0..size).collect();
        self.shuffle(&mut items);
        items
    }

    /// `count` of the numbers 0 to `size` − 1, or all where there are fewer: the first of
    /// [`Seeded::permutation`], so that a larger draw of the same seed contains a smaller one.
    pub fn sample(&mut self, size: usize, count: usize) -> Vec<usize> {
        let mut items = self.permutation(size);
        items.truncate(count);
        items
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // Expected draws: PROTOCOL_EVAL 7.9's `metric_vectors.json`, and CPython 3.11 for samples and
    // the large seed.

    #[test]
    fn python_seed_42_draws_the_words_of_cpython() {
        let mut random = Python::seed(42);
        let words: Vec<u32> = (0..4).map(|_| random.0.next_u32()).collect();
        assert_eq!(words, [2_746_317_213, 478_163_327, 107_420_369, 3_184_935_163]);
    }

    #[test]
    fn python_shuffle_equals_cpython() {
        let mut items: Vec<usize> = (0..10).collect();
        Python::seed(42).shuffle(&mut items);
        assert_eq!(items, [7, 3, 2, 8, 5, 6, 9, 4, 0, 1]);
    }

    #[test]
    fn python_shuffle_gives_the_split_of_resisc45() {
        let mut items: Vec<usize> = (0..31_500).collect();
        Python::seed(42).shuffle(&mut items);
        let head = [21435, 27960, 27350, 16495, 25929, 5860, 8929, 770, 10195, 12528, 19200, 18633];
        assert_eq!(items[..12], head);
        assert_eq!(items[3150..3154], [21145, 16060, 7791, 27748]);
        assert_eq!(items[6300..6303], [10249, 17124, 30624]);
        assert_eq!(items[31_497..], [819, 3648, 20952]);
    }

    #[test]
    fn python_sample_equals_cpython_with_a_pool_and_with_a_set() {
        assert_eq!(Python::seed(42).sample(10, 4), [1, 0, 4, 9]);
        let pool = Python::seed(42).sample(2700, 1500); // the size of a class of EuroSAT
        assert_eq!(pool[..6], [2619, 456, 102, 1126, 1003, 914]);
        assert_eq!(pool[1497..], [570, 2450, 463]);
        let set = Python::seed(42).sample(5000, 10);
        assert_eq!(set, [912, 204, 2253, 2006, 1828, 1143, 839, 4467, 712, 4837]);
    }

    #[test]
    fn python_samples_follow_each_other_as_in_cpython() {
        let mut random = Python::seed(42);
        assert_eq!(random.sample(2000, 700)[697..], [325, 972, 921]);
        let set = random.sample(100_000, 1500);
        assert_eq!((&set[..2], &set[1497..]), (&[33972, 98536][..], &[2128, 46805, 8855][..]));
    }

    #[test]
    fn python_seed_above_32_bits_uses_all_of_them() {
        let mut random = Python::seed((1 << 40) + 7);
        assert_eq!([random.0.next_u32(), random.0.next_u32()], [2_635_837_658, 3_209_733_218]);
    }

    #[test]
    fn numpy_choice_equals_numpy() {
        let mut random = Numpy::seed(123);
        assert_eq!(random.choice(20, 3), [14, 5, 4]);
        assert_eq!(random.choice(20, 2), [6, 8]);
    }

    #[test]
    fn seeded_words_are_those_of_splitmix64() {
        let mut random = Seeded::new(1_234_567);
        let words: Vec<u64> = (0..5).map(|_| random.next_u64()).collect();
        let published = [
            6_457_827_717_110_365_317,
            3_203_168_211_198_807_973,
            9_817_491_932_198_370_423,
            4_593_380_528_125_082_431,
            16_408_922_859_458_223_821,
        ];
        assert_eq!(words, published);
    }

    #[test]
    fn seeded_numbers_are_below_their_limit_and_all_occur() {
        let mut random = Seeded::new(0);
        let mut counts = [0; 7];
        (0..7000).for_each(|_| counts[random.below(7)] += 1);
        assert!(counts.iter().all(|count| (850..1150).contains(count)), "{counts:?}");
    }

    #[test]
    fn larger_draw_contains_the_smaller_one() {
        let small = Seeded::named(3, "few").sample(100, 4);
        assert_eq!(Seeded::named(3, "few").sample(100, 16)[..4], small);
        assert_ne!(Seeded::named(3, "many").sample(100, 4), small);
        assert_ne!(Seeded::named(4, "few").sample(100, 4), small);
    }

    #[test]
    fn draw_of_more_than_there_is_takes_everything_once() {
        let mut all = Seeded::new(9).sample(5, 8);
        all.sort_unstable();
        assert_eq!(all, [0, 1, 2, 3, 4]);
    }
}
