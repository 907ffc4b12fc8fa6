//! Character references that end in a semicolon. PROTOCOL 3.6, step 1.
//!
//! A reference here is `&`, perhaps `#`, 1 to 24 letters or digits of ASCII, `;`.

use std::borrow::Cow;
use std::sync::LazyLock;

use rustc_hash::FxHashMap;

use crate::fix_text::tables;
use crate::html;

/// Names in capitals that HTML does not have: `EACUTE` for `É`. Most of them nobody ever wrote.
static UPPER_CASE: LazyLock<FxHashMap<&str, String>> = LazyLock::new(|| {
    tables::entries("upper_case_entity")
        .map(|(name, codes)| (name, html::parse_codes(codes)))
        .collect()
});

/// Letters and digits that a reference may have.
const LONGEST: usize = 24;

/// Replaces each reference once; `None` when nothing changes.
pub(super) fn unescape(text: &str) -> Option<String> {
    let (before, mut rest) = text.split_once('&')?;
    let mut out = String::with_capacity(text.len());
    out.push_str(before);
    loop {
        // `rest` begins after an ampersand
        let after = match reference(rest) {
            Some((meaning, after)) => {
                out.push_str(&meaning);
                after
            }
            None => {
                out.push('&');
                rest
            }
        };
        let Some((before, next)) = after.split_once('&') else {
            out.push_str(after);
            return (out != text).then_some(out);
        };
        out.push_str(before);
        rest = next;
    }
}

/// What the reference at the beginning of `rest`, which follows an ampersand, stands for; and what
/// follows it.
fn reference(rest: &str) -> Option<(Cow<'static, str>, &str)> {
    let name = rest.strip_prefix('#').unwrap_or(rest);
    let length = name.bytes().take(LONGEST).take_while(u8::is_ascii_alphanumeric).count();
    let after = name.get(length..)?.strip_prefix(';').filter(|_| length > 0)?;
    let body = rest.strip_suffix(after)?;
    Some((meaning(body)?, after))
}

/// What `body`, a reference without its ampersand but with its semicolon, stands for.
fn meaning(body: &str) -> Option<Cow<'static, str>> {
    if body.starts_with('#') {
        let text = html::unescape(&format!("&{body}"));
        // Digits that end before the semicolon are none of ours. Nor, by the same test, is `&#59;`.
        return (!text.contains(';')).then_some(Cow::Owned(text));
    }
    let upper_case = || UPPER_CASE.get(body.strip_suffix(';')?).map(String::as_str);
    html::named(body).or_else(upper_case).map(Cow::Borrowed)
}

/// Follows references to references to their end at once, if they lead to nothing but plain ASCII.
///
/// In such text no other step has anything to do, and references cannot overlap, so that the order
/// in which they are replaced does not matter: the result is that of the rounds, in linear time.
/// `None` when other characters come up, or there is nothing to do.
pub(super) fn unescape_plain_to_the_end(text: &str) -> Option<String> {
    if !text.contains('&') || !text.bytes().all(is_plain) {
        return None;
    }
    let mut out: Vec<u8> = Vec::with_capacity(text.len());
    let mut replaced: Vec<u8> = Vec::new(); // what references stand for, still to be read, last byte first
    let mut input = text.bytes();
    while let Some(byte) = replaced.pop().or_else(|| input.next()) {
        out.push(byte);
        if byte != b';' {
            continue;
        }
        let Some(start) = reference_start(&out) else { continue };
        let Some(meaning) =
            out.get(start..).and_then(|body| meaning(std::str::from_utf8(body).ok()?))
        else {
            continue;
        };
        if !meaning.bytes().all(is_plain) {
            return None;
        }
        out.truncate(start.saturating_sub(1)); // the ampersand too
        replaced.extend(meaning.bytes().rev());
    }
    String::from_utf8(out).ok()
}

/// Where the reference that ends with the last byte of `out` begins, after its ampersand.
fn reference_start(out: &[u8]) -> Option<usize> {
    let (_, before) = out.split_last()?;
    let length =
        before.iter().rev().take(LONGEST).take_while(|byte| byte.is_ascii_alphanumeric()).count();
    let (before, _) = before.split_at_checked(before.len().checked_sub(length)?)?;
    match before {
        _ if length == 0 => None,
        [.., b'&'] => Some(before.len()),
        [.., b'&', b'#'] => before.len().checked_sub(1),
        _ => None,
    }
}

/// Bytes that no step but this one changes.
fn is_plain(byte: u8) -> bool {
    matches!(byte, b' '..=b'~' | b'\t' | b'\n' | 0x0C)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Expected values are those of ftfy 6.3.1's `unescape_html`.
    #[test]
    fn references_are_read_as_ftfy_reads_them() {
        let cases = [
            ("&lt;tag&gt; &Jscr;ohn", "<tag> 𝒥ohn"),
            ("P&EACUTE;REZ STRA&SZLIG;E &nTILDE;", "PÉREZ STRASSE &nTILDE;"),
            ("&amp &copy2; &;&#;&#x;", "&amp &copy2; &;&#;&#x;"),
            ("&#65;&#x41;&#65a;&#59;&#x3b;&#0;&#1;&#128;", "AA&#65a;&#59;&#x3b;\u{FFFD}€"),
            ("&CounterClockwiseContourIntegral;", "&CounterClockwiseContourIntegral;"),
            ("&&amp;;", "&&;"),
        ];
        for (text, expected) in cases {
            assert_eq!(unescape(text).as_deref().unwrap_or(text), expected, "{text}");
        }
    }

    proptest! {
        /// `&#57;` is `9`, `&num;` is `#`: references that make references.
        #[test]
        fn the_short_way_to_the_end_equals_the_rounds(
            text in "(&|amp;|#|3|8|;|&#57;|&num;|&semi;|&AMP;|lt;|&#1;|x26;| |a|eacute;){0,30}"
        ) {
            let mut rounds = text.clone();
            while let Some(next) = unescape(&rounds) {
                rounds = next;
            }
            if let Some(at_once) = unescape_plain_to_the_end(&text) {
                prop_assert_eq!(at_once, rounds);
            } else {
                prop_assert!(!text.contains('&') || !rounds.is_ascii() || text.contains("eacute") || text.contains('#'));
            }
        }
    }
}
