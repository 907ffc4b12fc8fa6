//! How clean text falls into pieces: the reference's regular expression, by hand. PROTOCOL 3.3.
//!
//! ```text
//! <\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+     (IGNORECASE)
//! ```
//!
//! Clean text is lower case, so IGNORECASE matters for two characters only (found by trying all of
//! them on the reference): `ſ` counts as `s` in a contraction and in a marker; and U+0345, which
//! folds to a letter without being one, matches no alternative and vanishes.

use crate::unicode::UNICODE;

/// One match of the pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Piece<'a> {
    /// `<|startoftext|>`
    StartOfText,
    /// `<|endoftext|>`
    EndOfText,
    /// Anything else, to be encoded byte by byte.
    Word(&'a str),
}

/// The pieces of `text`, which is clean: lower case, with spaces as its only white space.
pub(crate) fn pieces(text: &str) -> impl Iterator<Item = Piece<'_>> {
    let mut rest = text;
    std::iter::from_fn(move || {
        loop {
            let first = rest.chars().next()?;
            let kind = kind_of(first);
            let length = match kind {
                Kind::Neither => {
                    rest = rest.get(first.len_utf8()..)?;
                    continue;
                }
                Kind::Number => first.len_utf8(),
                Kind::Letter => run_length(rest, Kind::Letter),
                Kind::Other => {
                    special_length(rest).unwrap_or_else(|| run_length(rest, Kind::Other))
                }
            };
            let (piece, after) = rest.split_at_checked(length)?;
            rest = after;
            return Some(match piece {
                "<|startoftext|>" => Piece::StartOfText,
                "<|endoftext|>" => Piece::EndOfText,
                word => Piece::Word(word),
            });
        }
    })
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Letter,
    Number,
    Other,
    /// White space, and U+0345.
    Neither,
}

fn kind_of(character: char) -> Kind {
    match character {
        'a'..='z' | 'A'..='Z' => Kind::Letter,
        '0'..='9' => Kind::Number,
        ' ' | '\t'..='\r' | '\u{345}' => Kind::Neither,
        '\0'..='\x7F' => Kind::Other,
        _ if UNICODE.letter.contains(character) => Kind::Letter,
        _ if UNICODE.number.contains(character) => Kind::Number,
        _ if UNICODE.white_space.contains(character) => Kind::Neither,
        _ => Kind::Other,
    }
}

fn run_length(text: &str, kind: Kind) -> usize {
    text.char_indices()
        .find(|&(_, character)| kind_of(character) != kind)
        .map_or(text.len(), |(end, _)| end)
}

/// The length of a marker or a contraction at the beginning of `text`.
pub(crate) fn special_length(text: &str) -> Option<usize> {
    const MARKERS: [&str; 2] = ["<|startoftext|>", "<|endoftext|>"];
    const CONTRACTIONS: [&str; 7] = ["'s", "'t", "'re", "'ve", "'m", "'ll", "'d"];
    match text.as_bytes() {
        [b'<', b'|', ..] => MARKERS.iter().find_map(|marker| folded_prefix_length(text, marker)),
        [b'\'', ..] => CONTRACTIONS.iter().find_map(|ending| folded_prefix_length(text, ending)),
        _ => None,
    }
}

/// The length of `prefix` at the beginning of `text`, where `ſ` counts as `s`.
fn folded_prefix_length(text: &str, prefix: &str) -> Option<usize> {
    let mut rest = text.chars();
    let fold = |character| if character == 'ſ' { 's' } else { character };
    prefix.chars().all(|wanted| rest.next().map(fold) == Some(wanted)).then(|| {
        // what is left of `text` is its end
        text.len().saturating_sub(rest.as_str().len())
    })
}

#[cfg(test)]
mod tests {
    use super::Piece::{EndOfText, StartOfText, Word};
    use super::*;

    fn words(text: &str) -> Vec<&str> {
        pieces(text)
            .map(|piece| match piece {
                Word(word) => word,
                StartOfText => "START",
                EndOfText => "END",
            })
            .collect()
    }

    /// Expected values are those of the reference's pattern in the package regex 2026.11.15.
    #[test]
    fn pieces_are_those_of_the_reference() {
        let cases: [(&str, &[&str]); 9] = [
            ("it's a 2½!", &["it", "'s", "a", "2", "½", "!"]),
            ("!'s it''s x'sy", &["!'", "s", "it", "''", "s", "x", "'s", "y"]),
            ("'re'r'ſ'", &["'re", "'", "r", "'ſ", "'"]),
            ("a<|endoftext|>b<<|startoftext|>", &["a", "END", "b", "<<|", "startoftext", "|>"]),
            ("<|startoftext|><|ſtartoftext|>", &["START", "<|ſtartoftext|>"]),
            ("<|endoftext|", &["<|", "endoftext", "|"]),
            ("क्षि", &["क", "्", "ष", "ि"]),
            ("a\u{345}b.\u{345}.", &["a", "b", ".", "."]),
            ("--- ***", &["---", "***"]),
        ];
        for (text, expected) in cases {
            assert_eq!(words(text), expected, "{text}");
        }
    }
}
