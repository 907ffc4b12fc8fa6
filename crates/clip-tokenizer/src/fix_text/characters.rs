//! The steps that look at characters one by one. PROTOCOL 3.6, steps 3 to 10.

use std::sync::LazyLock;

use rustc_hash::FxHashMap;

use crate::fix_text::tables;
use crate::html::windows_1252;
use crate::unicode::UNICODE;

/// C1 controls, ligatures, widths and quotes: four replacements in this order, made one.
static FORMS: LazyLock<FxHashMap<u32, String>> = LazyLock::new(|| {
    let mut forms: FxHashMap<u32, String> = FxHashMap::default();
    for control in '\u{80}'..='\u{9F}' {
        forms.insert(u32::from(control), windows_1252(control).to_string());
    }
    let tables = tables::replacements("ligature").chain(tables::replacements("width"));
    forms.extend(tables.map(|(character, text)| (u32::from(character), text)));
    for quote in "\u{2BC}\u{2018}\u{2019}\u{201A}\u{201B}\u{201C}\u{201D}\u{201E}\u{201F}".chars() {
        forms.insert(u32::from(quote), quote.to_string());
    }
    // None of the first three makes what another of them replaces; all may make quotes.
    for text in forms.values_mut() {
        *text = text.replace(is_single_quote, "'").replace(is_double_quote, "\"");
    }
    forms
});

fn is_single_quote(character: char) -> bool {
    matches!(character, '\u{2BC}' | '\u{2018}'..='\u{201B}')
}

fn is_double_quote(character: char) -> bool {
    matches!(character, '\u{201C}'..='\u{201F}')
}

/// C1 controls to Windows-1252, ligatures and widths to what they stand for, quotes straight.
pub(super) fn fix_forms(text: &str) -> Option<String> {
    replace_characters(text, |character| {
        if character.is_ascii() {
            None
        } else {
            FORMS.get(&u32::from(character)).map(String::as_str)
        }
    })
}

/// C1 controls alone.
pub(super) fn fix_c1_controls(text: &str) -> Option<String> {
    let is_changed = |character: char| windows_1252(character) != character;
    text.contains(is_changed).then(|| text.chars().map(windows_1252).collect())
}

/// CRLF, CR, and Unicode's line ends to LF. U+0085 never gets here: it is a C1 control.
pub(super) fn fix_line_breaks(text: &str) -> Option<String> {
    text.contains(['\r', '\u{2028}', '\u{2029}'])
        .then(|| text.replace("\r\n", "\n").replace(['\r', '\u{2028}', '\u{2029}'], "\n"))
}

/// ESC `[`, then digits (of any script) and semicolons, then a letter: removed.
pub(super) fn remove_terminal_escapes(text: &str) -> Option<String> {
    let mut parts = text.split("\u{1b}[");
    let mut out = String::with_capacity(text.len());
    out.push_str(parts.next()?);
    for part in parts {
        let is_parameter = |character: char| character == ';' || is_decimal(character);
        let after = part.trim_start_matches(is_parameter);
        match after.strip_prefix(|character: char| character.is_ascii_alphabetic()) {
            Some(after) => out.push_str(after),
            None => {
                out.push_str("\u{1b}[");
                out.push_str(part);
            }
        }
    }
    (out.len() != text.len()).then_some(out)
}

fn is_decimal(character: char) -> bool {
    character.is_ascii_digit() || !character.is_ascii() && UNICODE.decimal.contains(character)
}

/// Control characters that make no white space, deprecated ones of Arabic, byte order marks,
/// annotations.
pub(super) fn remove_controls(text: &str) -> Option<String> {
    text.contains(is_removed)
        .then(|| text.chars().filter(|&character| !is_removed(character)).collect())
}

fn is_removed(character: char) -> bool {
    matches!(character,
        '\0'..='\x08' | '\x0B' | '\x0E'..='\x1F' | '\x7F'
        | '\u{206A}'..='\u{206F}' | '\u{FEFF}' | '\u{FFF9}'..='\u{FFFC}')
}

/// Each character's replacement in its place; `None` when there is none in the whole text.
fn replace_characters<'a>(
    text: &str,
    replacement: impl Fn(char) -> Option<&'a str>,
) -> Option<String> {
    let (first, _) =
        text.char_indices().find(|&(_, character)| replacement(character).is_some())?;
    let (unchanged, rest) = text.split_at_checked(first)?;
    let mut out = String::with_capacity(text.len());
    out.push_str(unchanged);
    for character in rest.chars() {
        match replacement(character) {
            Some(text) => out.push_str(text),
            None => out.push(character),
        }
    }
    (out != text).then_some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_replacement_makes_what_is_replaced_again() {
        for (code, text) in &*FORMS {
            let again = text.chars().filter(|character| FORMS.contains_key(&u32::from(*character)));
            let again = again.filter(|character| !matches!(character, '\u{80}'..='\u{9F}'));
            assert_eq!(again.count(), 0, "{code:X}");
        }
    }

    #[test]
    fn terminal_escapes_end_with_a_letter() {
        let cases = [
            ("\u{1b}[31mred\u{1b}[0m", "red"),
            ("\u{1b}[1;٣2Jx\u{1b}[", "x\u{1b}["),
            ("\u{1b}[?25l", "\u{1b}[?25l"),
            ("\u{1b}[\u{1b}[mm", "\u{1b}[m"),
        ];
        for (text, expected) in cases {
            assert_eq!(
                remove_terminal_escapes(text).as_deref().unwrap_or(text),
                expected,
                "{text:?}"
            );
        }
    }
}
