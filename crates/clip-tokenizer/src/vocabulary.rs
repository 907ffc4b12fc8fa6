//! The 49,408 tokens and the 48,894 merges, from the file that OpenAI published. PROTOCOL 3.1.
//!
//! ```text
//! ids 0 .. 255         one byte each, in the order of the byte alphabet
//! ids 256 .. 511       the same, at the end of a word: with `</w>`
//! ids 512 .. 49405     one per merge, in file order
//! ids 49406, 49407     the markers
//! ```

use std::io::Read;
use std::sync::LazyLock;

use flate2::read::GzDecoder;
use rustc_hash::FxHashMap;

use crate::token_table::{TokenTable, WordKey};

/// The id that every text begins with.
pub const START_OF_TEXT: u32 = 49406;
/// The id that every text ends with; the text tower's features are read at its position.
pub const END_OF_TEXT: u32 = 49407;
/// How many tokens there are: ids go from 0 to 49,407.
pub const VOCAB_SIZE: usize = 49408;

/// Merges in use: what the vocabulary of 49,152 leaves beside 256 bytes and 2 markers. The file has
/// more.
pub(crate) const MERGES: usize = 49_152 - 256 - 2;

/// Read once, when the first [`Tokenizer`](crate::Tokenizer) is made.
pub(crate) static VOCABULARY: LazyLock<Vocabulary> = LazyLock::new(Vocabulary::read);

pub(crate) struct Vocabulary {
    tokens: TokenTable,
    /// Which token two tokens make. The lower the id, the earlier the merge.
    merges: FxHashMap<u32, u32>,
    /// The id of each byte inside a word. At the end of one it is 256 more.
    byte_ids: [u32; 256],
}

impl Vocabulary {
    /// The token that `left` and `right` merge into. Its id says when: the smallest comes first.
    pub(crate) fn merged(&self, left: u32, right: u32) -> Option<u32> {
        self.merges.get(&pair_key(left, right)).copied()
    }

    /// The id of a byte inside a word, and at the end of one.
    pub(crate) fn byte_id(&self, byte: u8, at_end: bool) -> u32 {
        let inside = self.byte_ids.get(usize::from(byte)).copied().unwrap_or_default();
        if at_end { inside | 256 } else { inside }
    }

    /// The bytes that a token stands for.
    pub(crate) fn token(&self, id: u32) -> Option<&[u8]> {
        self.tokens.token(id)
    }

    /// The token that a whole word is. Merging ends there too (tested).
    #[inline(always)]
    pub(crate) fn word(&self, key: WordKey) -> Option<u32> {
        self.tokens.word(key)
    }

    fn read() -> Self {
        let mut vocabulary = Self {
            tokens: TokenTable::with_capacity(VOCAB_SIZE, 400_000),
            merges: FxHashMap::default(),
            byte_ids: [0; 256],
        };
        vocabulary.add_bytes();
        let parts = vocabulary.add_merges();
        vocabulary.tokens.push(*b"<|startoftext|>");
        vocabulary.tokens.push(*b"<|endoftext|>");
        vocabulary.merges = vocabulary.resolve(&parts);
        vocabulary
    }

    fn add_bytes(&mut self) {
        for (id, (byte, _)) in (0..).zip(byte_alphabet()) {
            if let Some(slot) = self.byte_ids.get_mut(usize::from(byte)) {
                *slot = id;
            }
            self.tokens.push([byte]);
        }
        for (byte, _) in byte_alphabet() {
            self.tokens.push([byte].into_iter().chain(*b"</w>"));
        }
    }

    /// Adds one token per merge; returns how many of its bytes come from the left part.
    fn add_merges(&mut self) -> Vec<usize> {
        let mut bytes_of = [0; ALPHABET_END]; // by character
        for (byte, character) in byte_alphabet() {
            if let Some(slot) = bytes_of.get_mut(character as usize) {
                *slot = byte;
            }
        }
        let byte_of =
            |character: char| bytes_of.get(character as usize).copied().unwrap_or_default();
        let text = merges_text();
        let mut left_lengths = Vec::with_capacity(MERGES);
        for (left, right) in
            text.lines().skip(1).filter_map(|line| line.split_once(' ')).take(MERGES)
        {
            left_lengths.push(left.chars().count());
            self.tokens.push(left.chars().chain(right.chars()).map(byte_of));
        }
        left_lengths
    }

    /// Turns the parts of each merge into ids.
    fn resolve(&self, left_lengths: &[usize]) -> FxHashMap<u32, u32> {
        let merge = |(merged, &left_length): (u32, &usize)| {
            let (left, right) = self.token(merged)?.split_at_checked(left_length)?;
            Some((pair_key(self.tokens.id(left)?, self.tokens.id(right)?), merged))
        };
        let mut merges = FxHashMap::with_capacity_and_hasher(MERGES, Default::default());
        merges.extend((512..).zip(left_lengths).filter_map(merge));
        merges
    }
}

/// Both ids in one key: they are below 2¹⁶.
fn pair_key(left: u32, right: u32) -> u32 {
    left << 16 | right
}

/// One above the last character of the byte alphabet.
const ALPHABET_END: usize = 0x144;

/// Each byte and the printable character that the file writes for it, in the order of the ids.
///
/// The 188 printable bytes stand for themselves and come first; the others follow from U+0100 on.
fn byte_alphabet() -> impl Iterator<Item = (u8, char)> {
    let is_printable = |byte: &u8| matches!(byte, b'!'..=b'~' | 0xA1..=0xAC | 0xAE..=0xFF);
    let printable = (0..=255).filter(is_printable).map(|byte| (byte, char::from(byte)));
    let others = (0..=255).filter(move |byte| !is_printable(byte));
    printable.chain(others.zip('\u{100}'..))
}

/// The lines of the published file that are in use, its header line first.
fn merges_text() -> String {
    /// A little above the 524,645 bytes in use. What comes after is never unpacked.
    const ENOUGH: u64 = 540_000;
    let packed: &[u8] = include_bytes!("../assets/bpe_simple_vocab_16e6.txt.gz");
    let mut bytes = Vec::with_capacity(ENOUGH as usize);
    // Reading an embedded file cannot fail; `vocabulary_is_the_published_one` holds it to its hash.
    let _ = GzDecoder::new(packed).take(ENOUGH).read_to_end(&mut bytes);
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vocabulary_is_the_published_one() {
        let vocabulary = include_bytes!("../assets/bpe_simple_vocab_16e6.txt.gz");
        let digest = clip_testing::sha256(vocabulary);
        assert_eq!(digest, "924691ac288e54409236115652ad4aa250f48203de50a9e4722a6ecd48d6804a");
    }

    #[test]
    fn vocabulary_has_the_check_values_of_the_protocol() {
        let vocabulary = &*VOCABULARY;
        assert_eq!(vocabulary.tokens.len(), VOCAB_SIZE);
        assert_eq!(vocabulary.merges.len(), MERGES);
        for (id, token) in [
            (0, "!"),
            (220, " "),
            (320, "a</w>"),
            (512, "in"),
            (518, "the</w>"),
            (1125, "photo</w>"),
            (2368, "cat</w>"),
            (49405, "jekyll</w>"),
            (49406, "<|startoftext|>"),
            (49407, "<|endoftext|>"),
        ] {
            assert_eq!(vocabulary.token(id), Some(token.as_bytes()), "{id}");
        }
        assert_eq!(vocabulary.token(49408), None);
        assert_eq!(vocabulary.byte_id(b' ', false), 220);
        assert_eq!(vocabulary.byte_id(b'a', true), 320);
    }

    #[test]
    fn merging_a_word_that_is_a_token_gives_that_token() {
        let mut ids = Vec::new();
        for id in 0..512 + MERGES as u32 {
            let Some(word) = VOCABULARY.token(id).and_then(|token| token.strip_suffix(b"</w>"))
            else {
                continue;
            };
            ids.clear();
            crate::bpe::merge_word(&VOCABULARY, word, &mut ids);
            assert_eq!(ids, [id], "{}", String::from_utf8_lossy(word));
        }
    }

    /// What makes "the lowest rank first, the leftmost of equals" the same as the reference's
    /// sweeps.
    #[test]
    fn no_merge_uses_a_token_that_a_later_merge_makes() {
        for (&pair, &merged) in &VOCABULARY.merges {
            assert!(pair >> 16 < merged && pair & 0xFFFF < merged, "{pair:X} {merged}");
        }
    }

    #[test]
    fn tokens_are_all_different() {
        let tokens: std::collections::HashSet<_> =
            (0..49408).filter_map(|id| VOCABULARY.token(id)).collect();
        assert_eq!(tokens.len(), VOCAB_SIZE);
    }
}
