//! Python 3.11's `str.lower`: the full mapping of Unicode 14.0, with the final sigma. PROTOCOL 3.2.

use crate::unicode::UNICODE;

/// Lower case as the reference makes it. `İ` grows to two characters, a last `Σ` becomes `ς`.
pub(crate) fn lowercase(text: &str) -> String {
    let mut lower = String::with_capacity(text.len());
    for (start, character) in text.char_indices() {
        if character.is_ascii() {
            lower.push(character.to_ascii_lowercase());
        } else if character == 'Σ' {
            lower.push(if is_final_sigma(text, start) { 'ς' } else { 'σ' });
        } else {
            push_lower(&mut lower, character);
        }
    }
    lower
}

/// The standard library knows a newer Unicode: what 14.0 does not have stays as it is.
fn push_lower(lower: &mut String, character: char) {
    let mut mapped = character.to_lowercase();
    let changes = mapped.len() != 1 || mapped.clone().next() != Some(character);
    if changes && !UNICODE.assigned.contains(character) {
        lower.push(character);
    } else {
        lower.extend(mapped.by_ref());
    }
}

/// A cased letter before and none after, looking through ignorable characters on both sides.
///
/// No run of them is seen more than twice: the next sigma is itself cased and ends the search.
fn is_final_sigma(text: &str, start: usize) -> bool {
    let (before, from) = text.split_at_checked(start).unwrap_or((text, ""));
    let is_cased =
        |side: Option<char>| side.is_some_and(|character| UNICODE.cased.contains(character));
    let is_seen = |character: &char| !UNICODE.case_ignorable.contains(*character);
    is_cased(before.chars().rev().find(is_seen)) && !is_cased(from.chars().skip(1).find(is_seen))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Expected values are those of Python 3.11.
    #[test]
    fn special_cases_are_those_of_python() {
        let cases = [
            ("ΟΔΟΣ Σ ΣΑΣ.", "οδος σ σας."),
            ("ΑΣ\u{301} ΑΣ\u{301}Α ΑΣ'Α", "ας\u{301} ασ\u{301}α ασ'α"),
            ("İẞKÅ", "i\u{307}ßkå"),
            ("\u{1C89}\u{A7CB}\u{A7DC}", "\u{1C89}\u{A7CB}\u{A7DC}"), // newer than Unicode 14
        ];
        for (text, expected) in cases {
            assert_eq!(lowercase(text), expected, "{text}");
        }
    }
}
