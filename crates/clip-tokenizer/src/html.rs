//! HTML character references as Python's `html.unescape` reads them. PROTOCOL 3.5.

use std::borrow::Cow;
use std::sync::LazyLock;

use rustc_hash::FxHashMap;

/// What each HTML5 name stands for. A name ends in `;` unless it is valid without.
static NAMES: LazyLock<FxHashMap<&str, String>> = LazyLock::new(|| {
    let table = include_str!("../assets/html_entities.txt");
    table
        .lines()
        .filter_map(|line| line.split_once(' '))
        .filter(|(name, _)| *name != "#")
        .map(entity)
        .collect()
});

fn entity((name, codes): (&'static str, &str)) -> (&'static str, String) {
    (name, parse_codes(codes))
}

/// Characters from their code points in hexadecimal, as the assets write them.
pub(crate) fn parse_codes(codes: &str) -> String {
    let code = |word| char::from_u32(u32::from_str_radix(word, 16).ok()?);
    codes.split_ascii_whitespace().filter_map(code).collect()
}

/// What an HTML5 name stands for; `name` without `&`, with its `;` if there is one.
pub(crate) fn named(name: &str) -> Option<&'static str> {
    NAMES.get(name).map(String::as_str)
}

/// Replaces every character reference once, by the rules of HTML 5 as Python implements them.
///
/// `&amp;lt;` gives `&lt;`. Old names need no semicolon (`&copy2` gives `©2`), names are
/// case-sensitive, numbers that stand for no character give U+FFFD or nothing. What is no
/// reference stays. Time grows with the length of the text alone.
///
/// ```
/// assert_eq!(clip_tokenizer::html::unescape("&lt;caf&eacute&gt; &#x1F431; &notit;"), "<café> 🐱 ¬it;");
/// ```
///
/// Source: PROTOCOL 3.5. One difference: Python 3.11 raises an error at a decimal reference of more
/// than 4,300 digits; here it gives U+FFFD like every number above U+10FFFF.
pub fn unescape(text: &str) -> String {
    unescaped(text).into_owned()
}

/// [`unescape`] without a copy when there is no `&`.
pub(crate) fn unescaped(text: &str) -> Cow<'_, str> {
    let Some((before, mut rest)) = text.split_once('&') else { return Cow::Borrowed(text) };
    let mut out = String::with_capacity(text.len());
    out.push_str(before);
    loop {
        // `rest` begins after an ampersand.
        let after = numeric_reference(rest, &mut out).or_else(|| named_reference(rest, &mut out));
        let after = after.unwrap_or_else(|| {
            out.push('&');
            rest
        });
        let Some((before, next)) = after.split_once('&') else {
            out.push_str(after);
            return Cow::Owned(out);
        };
        out.push_str(before);
        rest = next;
    }
}

/// `#38;` or `#x26;`, the semicolon optional. Writes the character and returns what follows.
fn numeric_reference<'a>(rest: &'a str, out: &mut String) -> Option<&'a str> {
    let digits = rest.strip_prefix('#')?;
    let (digits, radix) = match digits.strip_prefix(['x', 'X']) {
        Some(digits) => (digits, 16),
        None => (digits, 10),
    };
    let after = digits.trim_start_matches(|character: char| character.is_digit(radix));
    let digits = digits.strip_suffix(after).filter(|digits| !digits.is_empty())?;
    out.extend(character_of(parse_saturating(digits, radix)));
    Some(after.strip_prefix(';').unwrap_or(after))
}

fn parse_saturating(digits: &str, radix: u32) -> u32 {
    let digits = digits.chars().filter_map(|digit| digit.to_digit(radix));
    digits.fold(0, |number: u32, digit| number.saturating_mul(radix).saturating_add(digit))
}

/// The character that a number stands for; `None` for the ones that HTML forbids.
fn character_of(number: u32) -> Option<char> {
    match number {
        0x00 => Some('\u{FFFD}'),
        0x0D => Some('\r'),
        0x80..=0x9F => char::from_u32(number).map(windows_1252),
        0x01..=0x08 | 0x0B | 0x0E..=0x1F | 0x7F | 0xFDD0..=0xFDEF => None,
        _ => match char::from_u32(number) {
            None => Some('\u{FFFD}'), // a surrogate, or above U+10FFFF
            Some(_) if number & 0xFFFE == 0xFFFE => None,
            character => character,
        },
    }
}

/// What Windows-1252 has where Latin-1 has a C1 control; the five unassigned ones stay.
pub(crate) fn windows_1252(control: char) -> char {
    const FROM_80: [char; 32] = [
        '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8D}', 'Ž',
        '\u{8F}', //
        '\u{90}', '‘', '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{9D}', 'ž', 'Ÿ',
    ];
    let index = u32::from(control).checked_sub(0x80).and_then(|index| usize::try_from(index).ok());
    index.and_then(|index| FROM_80.get(index)).copied().unwrap_or(control)
}

/// A name with its semicolon, or the longest beginning that is a name without one.
fn named_reference<'a>(rest: &'a str, out: &mut String) -> Option<&'a str> {
    /// Python's pattern takes so many characters before the semicolon.
    const LONGEST: usize = 32;
    let ends_name =
        |character| matches!(character, '\t' | '\n' | '\x0C' | ' ' | '<' | '&' | '#' | ';');
    let mut bounds = rest.char_indices().take(LONGEST).find(|&(_, character)| ends_name(character));
    if bounds.is_none() {
        bounds = rest.char_indices().nth(LONGEST);
    }
    let (name, after) = rest.split_at_checked(bounds.map_or(rest.len(), |(end, _)| end))?;
    if name.is_empty() {
        return None;
    }
    if let Some(after) = after.strip_prefix(';')
        && let Some(text) = rest.strip_suffix(after).and_then(named)
    {
        out.push_str(text);
        return Some(after);
    }
    longest_name(name).map(|(name, text)| {
        out.push_str(text);
        rest.strip_prefix(name).unwrap_or_default()
    })
}

/// The longest beginning of `text` that is a name without semicolon.
fn longest_name(text: &str) -> Option<(&str, &'static str)> {
    let ends = [text.len()].into_iter().chain(text.char_indices().rev().map(|(end, _)| end));
    ends.filter_map(|end| text.get(..end)).find_map(|name| Some((name, named(name)?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_names_of_html5_are_there() {
        assert_eq!(NAMES.len(), 2231);
        assert_eq!(NAMES.keys().filter(|name| !name.ends_with(';')).count(), 106);
        assert!(NAMES.values().all(|text| (1..=2).contains(&text.chars().count())));
    }

    /// Expected values are those of Python 3.11's `html.unescape`.
    #[test]
    fn references_are_read_as_python_reads_them() {
        let cases = [
            ("&amp;lt; &ampamp; &;&#;&#x;&", "&lt; &amp; &;&#;&#x;&"),
            ("&copy2 &not in &notin; &notit;", "©2 ¬ in ∉ ¬it;"),
            (
                "&#128;&#x81;&#0;&#1;&#13;&#xD800;&#x110000;&#99999999999;",
                "€\u{81}\u{FFFD}\r\u{FFFD}\u{FFFD}\u{FFFD}",
            ),
            ("&#xFFFE;&#x1FFFF;&#xFDD0;&#x7F;&#65&#65x&#X41;", "AAxA"),
            ("&EACUTE;&Eacute;&fjlig;&bne;", "&EACUTE;Éfj=\u{20E5}"),
            ("&gt", ">"),
            ("&l", "&l"),
            ("&é&amp", "&é&"),
            ("&CounterClockwiseContourIntegral;", "∳"),
            ("&#٣;", "&#٣;"),
        ];
        for (text, expected) in cases {
            assert_eq!(unescape(text), expected, "{text}");
        }
    }

    #[test]
    fn a_number_of_any_length_takes_linear_time() {
        assert_eq!(unescape(&format!("&#{};", "9".repeat(1_000_000))), "\u{FFFD}");
        assert_eq!(unescape(&format!("&#x{}41;", "0".repeat(1_000_000))), "A");
    }
}
