//! The short way for text of printable ASCII, which most captions are: no repair, no copy, words
//! looked up whole.
//!
//! Sixteen bytes are looked at together: they are made lower case, the letters at their front are
//! counted, and these are a key of the vocabulary. Same ids as the long way (tested).
#![allow(
    clippy::arithmetic_side_effects,
    reason = "bytes are below 128 in lanes of 256; counts are at most 16"
)]

use crate::bpe::encode_word;
use crate::pattern::special_length;
use crate::token_table::WordKey;
use crate::vocabulary::{END_OF_TEXT, START_OF_TEXT, Vocabulary};

/// Whether the short way is right: bytes that no repair touches and that cannot begin a character
/// reference.
pub(crate) fn is_plain(text: &str) -> bool {
    let plain =
        |byte: u8| matches!(byte, b' '..=b'~' | b'\t' | b'\n' | 0x0C | b'\r') && byte != b'&';
    text.bytes().fold(true, |all, byte| all & plain(byte)) // no early end: so it takes many bytes at a time
}

/// Appends the ids of a plain text.
pub(crate) fn encode_plain(vocabulary: &Vocabulary, text: &str, ids: &mut Vec<u32>) {
    let bytes = text.as_bytes();
    let mut at = 0;
    while let Some(&first) = bytes.get(at) {
        if first.is_ascii_whitespace() {
            at += 1;
            continue;
        }
        let front = lower_case(window(bytes, at));
        let letters = leading_letters(front);
        let word = WordKey::of_front(front, letters).and_then(|key| vocabulary.word(key));
        at += match word {
            Some(id) => {
                ids.push(id);
                letters
            }
            None => encode_other(vocabulary, bytes.get(at..).unwrap_or_default(), front, ids),
        };
    }
}

/// What is no word of the vocabulary: words of several tokens, digits, signs. Returns the length of
/// the piece.
#[inline(never)]
fn encode_other(vocabulary: &Vocabulary, rest: &[u8], front: u128, ids: &mut Vec<u32>) -> usize {
    let run =
        |is_in: fn(&u8) -> bool| rest.iter().position(|byte| !is_in(byte)).unwrap_or(rest.len());
    let front = front.to_le_bytes();
    let length = match rest.first() {
        Some(byte) if byte.is_ascii_alphabetic() => run(u8::is_ascii_alphabetic),
        Some(byte) if byte.is_ascii_digit() => 1,
        _ => match std::str::from_utf8(&front).ok().and_then(special_length) {
            Some(length) => length,
            None => run(u8::is_ascii_punctuation),
        },
    };
    match front.get(..length) {
        Some(b"<|startoftext|>") => ids.push(START_OF_TEXT),
        Some(b"<|endoftext|>") => ids.push(END_OF_TEXT),
        Some(word) => encode_word(vocabulary, word, ids),
        None => {
            encode_word(vocabulary, &rest.get(..length).unwrap_or(rest).to_ascii_lowercase(), ids);
        }
    }
    length
}

/// Each byte this value.
const fn each(byte: u8) -> u128 {
    u128::from_le_bytes([byte; 16])
}

/// The 16 bytes from `at` on, which is inside, the first one lowest; zeros behind the end.
#[inline(always)]
fn window(bytes: &[u8], at: usize) -> u128 {
    let rest = bytes.get(at..).unwrap_or_default();
    match (rest.first_chunk::<16>(), bytes.last_chunk::<16>()) {
        (Some(chunk), _) => u128::from_le_bytes(*chunk),
        (None, Some(chunk)) => u128::from_le_bytes(*chunk) >> (8 * (16 - rest.len())),
        (None, None) => rest.iter().rev().fold(0, |window, &byte| window << 8 | u128::from(byte)),
    }
}

/// The highest bit of every byte from `first` to `last`; all bytes are below 128.
#[inline(always)]
fn bytes_within(window: u128, first: u8, last: u8) -> u128 {
    let from_first = window + each(128 - first);
    let above_last = window + each(127 - last);
    from_first & !above_last & each(128)
}

#[inline(always)]
fn lower_case(window: u128) -> u128 {
    window | bytes_within(window, b'A', b'Z') >> 2
}

/// How many letters a window begins with; it is lower case.
#[inline(always)]
fn leading_letters(window: u128) -> usize {
    let others = !bytes_within(window, b'a', b'z') & each(128);
    others.trailing_zeros() as usize / 8
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::clean::clean;
    use crate::tokenizer::encode_clean;
    use crate::vocabulary::VOCABULARY;

    proptest! {
        #[test]
        fn plain_text_has_the_ids_of_the_long_way(
            text in prop_oneof![
                "[ -%'-~\t\n\r\u{c}]{0,80}",
                "(a|photo|of|The |CAT|'|'S|'ll|<\\||<\\|endoftext\\|>|<\\|StartOfText\\|>|17| |, |\\.|antidisestablishment){0,30}",
            ]
        ) {
            prop_assert!(is_plain(&text));
            let (mut found, mut expected) = (Vec::new(), Vec::new());
            encode_plain(&VOCABULARY, &text, &mut found);
            encode_clean(&VOCABULARY, &clean(&text), &mut expected);
            prop_assert_eq!(found, expected);
        }
    }

    #[test]
    fn only_printable_ascii_without_ampersand_is_plain() {
        for byte in 0..=127_u8 {
            let expected =
                (b' '..=b'~').contains(&byte) && byte != b'&' || b"\t\n\x0c\r".contains(&byte);
            assert_eq!(is_plain(&format!("a {} b", char::from(byte))), expected, "{byte}");
        }
        assert!(is_plain("") && !is_plain("é"));
    }

    #[test]
    fn windows_end_with_the_text() {
        let text: Vec<u8> = (1..=40).collect();
        for start in 0..40 {
            for at in start..40 {
                let window = window(&text[start..], at - start).to_le_bytes();
                let expected: Vec<u8> =
                    (at..at + 16).map(|i| text.get(i).copied().unwrap_or(0)).collect();
                assert_eq!(window, expected[..], "{start} {at}");
            }
        }
    }
}
