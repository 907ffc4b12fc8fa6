//! What happens to a text before it is split: repair, HTML, white space, lower case. PROTOCOL 3.2.

use crate::fix_text::fix_text;
use crate::html::unescaped;
use crate::lowercase::lowercase;
use crate::plain::is_plain;
use crate::unicode::UNICODE;

/// The text as the reference's split pattern sees it.
///
/// Repaired, HTML unescaped twice, runs of white space made one space and none at the ends, lower case.
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
        assert_eq!(clean("\u{3000}a\u{85}b\u{2028}\u{a0}c\u{1680}\u{200b}d\u{c}"), "a…b c \u{200b}d");
        assert_eq!(clean("\u{2028}"), "");
    }
}
