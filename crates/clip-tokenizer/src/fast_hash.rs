//! A hash for keys that we made ourselves: merge pairs, vocabulary entries, characters of tables.
//!
//! Faster than the standard one, which resists keys chosen to collide. Nobody chooses these: every
//! map that uses this hash is filled from an embedded asset and only read afterwards.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

/// A map with keys from an embedded asset.
pub(crate) type FastMap<K, V> = HashMap<K, V, BuildHasherDefault<FastHasher>>;

/// One multiplication a word; the upper bits, which are the mixed ones, come out on both ends.
#[derive(Default, Clone, Copy)]
pub(crate) struct FastHasher(u64);

impl FastHasher {
    fn add(&mut self, word: u64) {
        /// Odd, with its bits spread evenly: 2⁶⁴ divided by the golden ratio.
        const MULTIPLIER: u64 = 0x9E37_79B9_7F4A_7C15;
        self.0 = (self.0.rotate_left(5) ^ word).wrapping_mul(MULTIPLIER);
    }
}

impl Hasher for FastHasher {
    fn write(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks::<8>();
        for word in words {
            self.add(u64::from_le_bytes(*word));
        }
        if !rest.is_empty() {
            self.add(rest.iter().fold(0, |word, &byte| word << 8 | u64::from(byte)));
        }
    }

    fn write_u32(&mut self, word: u32) {
        self.add(u64::from(word));
    }

    fn write_usize(&mut self, word: usize) {
        self.add(word as u64);
    }

    fn finish(&self) -> u64 {
        self.0 ^ self.0 >> 32
    }
}
