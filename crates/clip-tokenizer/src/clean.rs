//! What happens to a text before it is split: repair, HTML, white space, lower case. PROTOCOL 3.2.

use crate::fix_text::fix_text;
use crate::html::unescaped;
use crate::lowercase::lowercase;
use crate::plain::is_plain;
use crate::unicode::UNICODE;

/// The text as the reference's split pattern sees it.
///
/// Repaired, HTML unescaped twice, runs of white space made one space and none at the ends, lower
/// case.
///
/// ```
/// assert_eq!(clip_tokenizer::clean("  The caf\u{c3}\u{a9}\t&amp;amp; “BAR” "), "the café & \"bar\"");
/// ```
///
/// Source: PROTOCOL 3.2.
pub fn clean(text: &str) -> String {
    if is_plain(text) {
        return clean_plain(text);
    }
    let fixed = fix_text(text);
    let once = unescaped(&fixed);
    let twice = unescaped(&once);
    lowercase(&collapse_white_space(&twice))
}

/// How a text is cleaned before it is split.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Cleaning {
    /// As the reference does: [`clean`].
    #[default]
    Reference,
    /// As open_clip's `canonicalize` does: without punctuation too.
    Canonicalize,
}

/// The text as open_clip's `clean = "canonicalize"` makes it: repaired and HTML unescaped as by
/// [`clean`], underscores made spaces, ASCII punctuation taken out, lower case, and white space
/// between words made one space.
///
/// ```
/// assert_eq!(clip_tokenizer::canonicalize("A photo, of a_cat!"), "a photo of a cat");
/// ```
///
/// Source: open_clip 3.3, `_clean_canonicalize`.
pub fn canonicalize(text: &str) -> String {
    let fixed = fix_text(text);
    let once = unescaped(&fixed);
    let twice = unescaped(&once);
    let kept: String = twice
        .chars()
        .map(|character| if character == '_' { ' ' } else { character })
        .filter(|character| !character.is_ascii_punctuation())
        .collect();
    let is_python_space = |character: char| is_in(character, &UNICODE.python_space);
    let lower = lowercase(&kept);
    lower.split(is_python_space).filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

/// [`clean`] for what most prompts are: only white space and case remain to be done.
fn clean_plain(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    for word in text.split_ascii_whitespace() {
        if !clean.is_empty() {
            clean.push(' ');
        }
        clean.push_str(word);
    }
    clean.make_ascii_lowercase();
    clean
}

/// `str.strip`, then runs of `\s` to one space, then `str.strip`: the two mean different sets.
fn collapse_white_space(text: &str) -> String {
    let is_python_space = |character: char| is_in(character, &UNICODE.python_space);
    let mut collapsed = String::with_capacity(text.len());
    let mut after_space = false;
    for character in text.trim_matches(is_python_space).chars() {
        let is_space = is_in(character, &UNICODE.white_space);
        if !is_space {
            collapsed.push(character);
        } else if !after_space {
            collapsed.push(' ');
        }
        after_space = is_space;
    }
    match collapsed.trim_matches(is_python_space) {
        trimmed if trimmed.len() == collapsed.len() => collapsed,
        trimmed => trimmed.to_owned(),
    }
}

fn is_in(character: char, set: &crate::unicode::CharSet) -> bool {
    !matches!(character, '!'..='~') && set.contains(character)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_text_comes_out_the_same_on_the_short_and_on_the_long_way() {
        let mut text = String::new();
        for byte in (0..=127_u8).filter(|&byte| is_plain(&char::from(byte).to_string())) {
            text.push_str(&format!(" {0}x{0}\r\n{0}{0}", char::from(byte)));
            assert_eq!(clean_plain(&text), lowercase(&collapse_white_space(&fix_text(&text))));
        }
    }

    #[test]
    fn white_space_of_all_kinds_becomes_one_space() {
        assert_eq!(
            clean("\u{3000}a\u{85}b\u{2028}\u{a0}c\u{1680}\u{200b}d\u{c}"),
            "a…b c \u{200b}d"
        );
        assert_eq!(clean("\u{2028}"), "");
    }

    /// Expected values are those of open_clip 3.3.
    #[test]
    fn canonical_text_is_open_clips() {
        for (text, expected) in [
            ("A photo, of a_cat!", "a photo of a cat"),
            ("  It&#39;s  \u{2014} the CAF\u{c3}\u{a9} (bar)_ ", "its \u{2014} the caf\u{e9} bar"),
            ("don't <|endoftext|> x", "dont endoftext x"),
            ("\u{3000}\u{391}\u{3a3}.\u{2028}b\u{85}c", "\u{3b1}\u{3c2} b\u{2026}c"),
            ("&amp;amp; 50% _ _", "50"),
            ("\u{39f}\u{394}\u{39f}\u{3a3}!,", "\u{3bf}\u{3b4}\u{3bf}\u{3c2}"),
        ] {
            assert_eq!(canonicalize(text), expected);
        }
    }
}
