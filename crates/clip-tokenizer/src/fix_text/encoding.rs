//! UTF-8 that was decoded as a single-byte encoding: find which, and undo it. PROTOCOL 3.6.1.

use crate::fix_text::badness::is_bad;
use crate::fix_text::code_pages::encodings;
use crate::fix_text::damaged_bytes::{replace_lossy_sequences, restore_byte_a0};
use crate::fix_text::work::Work;
use crate::fix_text::{characters, embedded, utf8_variants};

/// Repairs until nothing changes: text may have been through this more than once. `None` when
/// nothing does.
pub(super) fn fix(text: &str, work: &mut Work) -> Option<String> {
    let mut fixed: Option<String> = None;
    loop {
        let current = fixed.as_deref().unwrap_or(text);
        match fix_once(current, work) {
            Some(next) => fixed = Some(next),
            None => return fixed,
        }
    }
}

/// One step: the whole text as UTF-8 in disguise, or damaged runs in it, or its C1 controls alone.
fn fix_once(text: &str, work: &mut Work) -> Option<String> {
    if text.is_ascii() || !is_bad(text) || !work.spend(text.len()) {
        return None;
    }
    if let Some(decoded) = decode_as_whole(text) {
        return (decoded != text).then_some(decoded);
    }
    // Then ftfy asks whether Latin-1 was meant to be Windows-1252. The answer is the last step's in
    // any case.
    embedded::fix_runs(text, work, fix).or_else(|| characters::fix_c1_controls(text))
}

/// The text in the first encoding in which it is UTF-8.
fn decode_as_whole(text: &str) -> Option<String> {
    encodings(text).find_map(|(page, mut bytes)| {
        if page.has_a0_space {
            bytes = restore_byte_a0(&bytes);
        }
        if page.is_sloppy {
            bytes = replace_lossy_sequences(&bytes);
        }
        utf8_variants::decode(bytes)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Expected values are those of ftfy 6.3.1's `fix_encoding`.
    #[test]
    fn each_encoding_is_undone() {
        let cases = [
            ("Ã©", "é"),
            ("âœ”", "✔"),
            ("РїСЂРёРІРµС‚", "привет"),
            ("ÄŤeĹˇtina", "čeština"),
            ("√±", "ñ"),
            ("K√§se", "K√§se"), // not bad enough
            ("caf├⌐", "café"),
            ("Ãƒ\u{192}Ã‚Â©", "é"),
            ("â€œ like this â€\u{FFFD}", "“ like this \u{FFFD}"),
            ("\u{85} \u{81}", "… \u{81}"),
        ];
        for (text, expected) in cases {
            let fixed = fix(text, &mut Work::for_text(text));
            assert_eq!(fixed.as_deref().unwrap_or(text), expected, "{text}");
        }
    }
}
