//! Normalization form C of Unicode 14.0, Python 3.11's version. PROTOCOL 3.8.

use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfc_quick};

use crate::unicode::UNICODE;

/// The text in form C, or `None` when it is so already.
///
/// The tables of the library are newer. A character that Unicode 14.0 does not have is to Python a
/// starter that takes part in nothing, so the text falls into pieces at such characters, and the
/// pieces are the same in every version: Unicode never changes how an assigned character composes.
pub(crate) fn nfc(text: &str) -> Option<String> {
    if is_nfc_quick(text.chars()) == IsNormalized::Yes {
        return None;
    }
    let mut normal = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((at, newer)) = rest.char_indices().find(|&(_, character)| is_newer(character)) {
        let (piece, after) = rest.split_at_checked(at).unwrap_or((rest, ""));
        normal.extend(piece.nfc());
        normal.push(newer);
        rest = after.get(newer.len_utf8()..).unwrap_or_default();
    }
    normal.extend(rest.nfc());
    (normal != text).then_some(normal)
}

fn is_newer(character: char) -> bool {
    !character.is_ascii() && !UNICODE.assigned.contains(character)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_compose_and_are_ordered() {
        assert_eq!(nfc("e\u{301}").as_deref(), Some("é"));
        assert_eq!(nfc("\u{37E}\u{212A}").as_deref(), Some(";K"));
        assert_eq!(nfc("é a"), None);
        assert_eq!(nfc("a\u{301}\u{323}").as_deref(), Some("ạ\u{301}"));
    }

    /// U+1E4EC and U+1E4EE (Nag Mundari) are marks of Unicode 15, U+10EFD one of Unicode 15.
    #[test]
    fn marks_newer_than_unicode_14_are_neither_ordered_nor_looked_through() {
        for text in ["a\u{1E4EC}\u{1E4EE}", "a\u{10EFD}\u{301}", "a\u{301}\u{10EFD}"] {
            let expected = text.replace("a\u{301}", "á");
            assert_eq!(nfc(text).as_deref().unwrap_or(text), expected);
        }
    }
}
