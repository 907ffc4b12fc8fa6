//! Byte-pair encoding of one word. PROTOCOL 3.4.
//!
//! The reference merges, again and again, the pair with the lowest rank wherever it occurs. A merge
//! never makes a pair of a lower rank than its own (tested in vocabulary.rs), so taking one pair at
//! a time, the lowest rank and then the leftmost, ends in the same tokens. Two ways to do that:
//!
//! - short words: look through all pairs each time. No allocation, and nothing is faster for 10
//!   bytes;
//! - long words: neighbours in a linked list, pairs in a heap. n log n, so no word can stall the
//!   program.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    reason = "positions are below the length of the word, which is established first in each function"
)]

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::token_table::WordKey;
use crate::vocabulary::Vocabulary;

/// Up to here the simple way is faster (English letters: 0.3 against 0.8 µs at 16, 4.1 against 7.7
/// µs at 96).
const SHORT: usize = 96;

/// What a pair that does not merge has in place of a rank.
const NEVER: u32 = u32::MAX;

/// Appends the ids of `word` to `ids`. The last byte of the word carries the end-of-word mark.
pub(crate) fn encode_word(vocabulary: &Vocabulary, word: &[u8], ids: &mut Vec<u32>) {
    if let [byte] = word {
        return ids.push(vocabulary.byte_id(*byte, true));
    }
    if let Some(id) = WordKey::of(word).and_then(|key| vocabulary.word(key)) {
        return ids.push(id);
    }
    merge_word(vocabulary, word, ids);
}

/// The same without a look at the words that are tokens.
pub(crate) fn merge_word(vocabulary: &Vocabulary, word: &[u8], ids: &mut Vec<u32>) {
    let Some((&last, first)) = word.split_last() else { return };
    if word.len() <= SHORT {
        let mut symbols = [0; SHORT];
        for (symbol, &byte) in symbols.iter_mut().zip(first) {
            *symbol = vocabulary.byte_id(byte, false);
        }
        symbols[first.len()] = vocabulary.byte_id(last, true);
        ids.extend_from_slice(merge_short(vocabulary, &mut symbols[..word.len()]));
    } else {
        let mut symbols: Vec<u32> =
            first.iter().map(|&byte| vocabulary.byte_id(byte, false)).collect();
        symbols.push(vocabulary.byte_id(last, true));
        merge_long(vocabulary, symbols, ids);
    }
}

/// Merges in place and returns what is left at the front. At most [`SHORT`] symbols, at least one.
fn merge_short<'a>(vocabulary: &Vocabulary, symbols: &'a mut [u32]) -> &'a [u32] {
    let merged = |left: u32, right: u32| vocabulary.merged(left, right).unwrap_or(NEVER);
    let mut length = symbols.len();
    let mut pairs = [NEVER; SHORT]; // pairs[i]: what symbols i and i + 1 merge into
    for (pair, neighbours) in pairs.iter_mut().zip(symbols.windows(2)) {
        *pair = merged(neighbours[0], neighbours[1]);
    }
    while let Some((at, &lowest)) =
        pairs[..length - 1].iter().enumerate().min_by_key(|&(_, pair)| *pair)
    {
        if lowest == NEVER {
            break;
        }
        symbols[at] = lowest;
        symbols.copy_within(at + 2..length, at + 1);
        pairs.copy_within(at + 1..length, at);
        length -= 1;
        if at > 0 {
            pairs[at - 1] = merged(symbols[at - 1], lowest);
        }
        pairs[at] = if at + 1 < length { merged(lowest, symbols[at + 1]) } else { NEVER };
    }
    &symbols[..length]
}

/// The same for any length. A symbol that was merged into its left neighbour has no `next` of its
/// own any more.
fn merge_long(vocabulary: &Vocabulary, mut symbols: Vec<u32>, ids: &mut Vec<u32>) {
    let length = symbols.len();
    let mut next: Vec<usize> = (1..=length).collect();
    let mut previous: Vec<usize> = (0..length).map(|at| at.wrapping_sub(1)).collect();
    let mut is_merged = vec![false; length];
    let mut heap: BinaryHeap<Reverse<(u32, usize)>> = symbols
        .windows(2)
        .enumerate()
        .filter_map(|(at, pair)| Some(Reverse((vocabulary.merged(pair[0], pair[1])?, at))))
        .collect();

    while let Some(Reverse((merged, at))) = heap.pop() {
        let right = next[at];
        // The pair may have changed since it was put into the heap; then its successor is in there
        // too.
        let is_current = !is_merged[at]
            && right < length
            && vocabulary.merged(symbols[at], symbols[right]) == Some(merged);
        if !is_current {
            continue;
        }
        symbols[at] = merged;
        is_merged[right] = true;
        let after = next[right];
        next[at] = after;
        if after < length {
            previous[after] = at;
            heap.extend(vocabulary.merged(merged, symbols[after]).map(|pair| Reverse((pair, at))));
        }
        let before = previous[at];
        if before < length {
            heap.extend(
                vocabulary.merged(symbols[before], merged).map(|pair| Reverse((pair, before))),
            );
        }
    }
    ids.extend(
        symbols
            .iter()
            .zip(is_merged)
            .filter(|&(_, is_merged)| !is_merged)
            .map(|(symbol, _)| symbol),
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vocabulary::VOCABULARY;
    use proptest::prelude::*;

    /// The reference's own way: the best pair, everywhere in one sweep from the left; again.
    fn encode_by_sweeps(word: &[u8]) -> Vec<u32> {
        let end = word.len() - 1;
        let mut symbols: Vec<u32> = word
            .iter()
            .enumerate()
            .map(|(at, &byte)| VOCABULARY.byte_id(byte, at == end))
            .collect();
        while let Some(best) =
            symbols.windows(2).filter_map(|pair| VOCABULARY.merged(pair[0], pair[1])).min()
        {
            let mut swept = Vec::new();
            let mut at = 0;
            while at < symbols.len() {
                let pair =
                    symbols.get(at + 1).and_then(|&right| VOCABULARY.merged(symbols[at], right));
                swept.push(if pair == Some(best) { best } else { symbols[at] });
                at += if pair == Some(best) { 2 } else { 1 };
            }
            symbols = swept;
        }
        symbols
    }

    fn encode_long(word: &[u8]) -> Vec<u32> {
        let (last, first) = word.split_last().unwrap();
        let mut symbols: Vec<u32> =
            first.iter().map(|&byte| VOCABULARY.byte_id(byte, false)).collect();
        symbols.push(VOCABULARY.byte_id(*last, true));
        let mut ids = Vec::new();
        merge_long(&VOCABULARY, symbols, &mut ids);
        ids
    }

    proptest! {
        #[test]
        fn both_ways_equal_the_reference_at_every_length(
            word in prop_oneof![
                proptest::collection::vec(any::<u8>(), 1..140),
                "[a-e]{1,140}".prop_map(String::into_bytes),
                "(the|cat|ing|a|!|é|猫){1,50}".prop_map(String::into_bytes),
            ]
        ) {
            let expected = encode_by_sweeps(&word);
            let mut ids = Vec::new();
            encode_word(&VOCABULARY, &word, &mut ids);
            prop_assert_eq!(&ids, &expected);
            ids.clear();
            merge_word(&VOCABULARY, &word, &mut ids);
            prop_assert_eq!(&ids, &expected);
            prop_assert_eq!(&encode_long(&word), &expected);
        }
    }

    #[test]
    fn an_empty_word_has_no_ids() {
        let mut ids = Vec::new();
        encode_word(&VOCABULARY, b"", &mut ids);
        assert!(ids.is_empty());
    }
}
