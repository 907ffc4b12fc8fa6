//! UTF-8 whose bytes were lost or changed on the way, put right before it is decoded.
//! PROTOCOL 3.6.1.

/// The ranges of bytes that one position allows.
type Position = &'static [(u8, u8)];

const SPACE: Position = &[(0x20, 0x20)];
const ANY: Position = &[(0x80, 0xBF)];
/// What follows E0 to E3 without making an unlikely character of a space.
const LIKELY: Position = &[(0x80, 0x84), (0x86, 0x9F), (0xA1, 0xBF)];
const LEAD_2: Position = &[(0xC2, 0xC3), (0xC5, 0xC5), (0xCE, 0xCE), (0xD0, 0xD0), (0xD9, 0xD9)];
const LEAD_4: Position = &[(0xF0, 0xF0)];

/// Where a space can only be a byte A0, the no-break space, that some program made a space.
const SPACE_FOR_A0: &[&[Position]] = &[
    &[LEAD_2, SPACE],
    &[&[(0xE2, 0xE3)], SPACE, LIKELY],
    &[&[(0xE0, 0xE3)], LIKELY, SPACE],
    &[LEAD_4, SPACE, ANY, ANY],
    &[LEAD_4, ANY, SPACE, ANY],
    &[LEAD_4, ANY, ANY, SPACE],
];

/// A byte that was lost: 1A, or the question mark that some programs write.
const LOST: Position = &[(0x1A, 0x1A), (b'?', b'?')];
const LOST_1A: Position = &[(0x1A, 0x1A)];
const ANY_OR_1A: Position = &[(0x1A, 0x1A), (0x80, 0xBF)];
const ANY_OR_LOST: Position = &[(0x1A, 0x1A), (b'?', b'?'), (0x80, 0xBF)];
const LEAD_3: Position = &[(0xE0, 0xEF)];
const LEADS_4: Position = &[(0xF0, 0xF4)];
const SURROGATE: Position = &[(0xED, 0xED)];
const HIGH: Position = &[(0xA0, 0xAF)];
const LOW: Position = &[(0xB0, 0xBF)];

/// Characters of which a byte was lost; the surrogate pairs are those of CESU-8.
const LOSSY: &[&[Position]] = &[
    &[&[(0xC2, 0xDF)], LOST_1A],
    &[&[(0xC2, 0xC3)], &[(b'?', b'?')]],
    &[SURROGATE, HIGH, LOST, SURROGATE, LOW, ANY_OR_LOST],
    &[SURROGATE, HIGH, ANY_OR_LOST, SURROGATE, LOW, LOST],
    &[LEAD_3, LOST, ANY_OR_1A],
    &[LEAD_3, ANY_OR_1A, LOST],
    &[LEADS_4, LOST, ANY_OR_1A, ANY_OR_1A],
    &[LEADS_4, ANY_OR_1A, LOST, ANY_OR_1A],
    &[LEADS_4, ANY_OR_1A, ANY_OR_1A, LOST],
    &[LOST_1A],
];

/// Puts A0 where a space stands inside a character. `Ã ` before a word is the word `à` and its
/// space.
pub(super) fn restore_byte_a0(bytes: &[u8]) -> Vec<u8> {
    let with_words = restore_a_grave(bytes);
    replace_matches(&with_words, SPACE_FOR_A0, |matched, out| {
        out.extend(matched.iter().map(|&byte| if byte == b' ' { 0xA0 } else { byte }));
    })
}

/// C3 20 becomes C3 A0 20, save before a space and in Portuguese words that begin with `à`.
fn restore_a_grave(bytes: &[u8]) -> Vec<u8> {
    const EXCEPTIONS: [&[u8]; 5] = [b" ", b"quele", b"quela", b"quilo", b"s "];
    let mut out = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let [first, after @ ..] = rest {
        rest = after;
        out.push(*first);
        if *first == 0xC3
            && let [b' ', word @ ..] = after
            && !EXCEPTIONS.iter().any(|exception| word.starts_with(exception))
        {
            out.extend([0xA0, b' ']);
            rest = word;
        }
    }
    out
}

/// Replaces each character that lost a byte by U+FFFD.
pub(super) fn replace_lossy_sequences(bytes: &[u8]) -> Vec<u8> {
    replace_matches(bytes, LOSSY, |_, out| out.extend("\u{FFFD}".bytes()))
}

/// Goes through `bytes` from the left; where patterns fit, the first of them decides.
fn replace_matches(
    bytes: &[u8],
    patterns: &[&[Position]],
    replace: impl Fn(&[u8], &mut Vec<u8>),
) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some((&first, after)) = rest.split_first() {
        let matched = patterns.iter().find_map(|pattern| match_at_start(rest, pattern));
        match matched {
            Some((matched, after)) => {
                replace(matched, &mut out);
                rest = after;
            }
            None => {
                out.push(first);
                rest = after;
            }
        }
    }
    out
}

fn match_at_start<'a>(bytes: &'a [u8], pattern: &[Position]) -> Option<(&'a [u8], &'a [u8])> {
    let (start, after) = bytes.split_at_checked(pattern.len())?;
    let fits = |(byte, position): (&u8, &Position)| {
        position.iter().any(|(first, last)| (first..=last).contains(&byte))
    };
    start.iter().zip(pattern).all(fits).then_some((start, after))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Expected values are those of ftfy 6.3.1.
    #[test]
    fn bytes_are_restored_as_ftfy_restores_them() {
        let cases: [(&[u8], &[u8]); 6] = [
            (b"\xc3 la", b"\xc3\xa0 la"),
            (b"\xc3 quele \xc3 s \xc3  x", b"\xc3\xa0quele \xc3\xa0s \xc3\xa0 x"),
            (b"\xc5 x \xc6 x", b"\xc5\xa0x \xc6 x"),
            (b"\xe2 \x84 \xe1 \x84 \xe1\x84 ", b"\xe2\xa0\x84 \xe1 \x84 \xe1\x84\xa0"),
            (b"\xf0\x9f \x80\xf0 \x80 ", b"\xf0\x9f\xa0\x80\xf0 \x80 "),
            (b"\xe2 \x85", b"\xe2 \x85"),
        ];
        for (bytes, expected) in cases {
            assert_eq!(restore_byte_a0(bytes), expected, "{bytes:x?}");
        }
    }

    #[test]
    fn characters_that_lost_a_byte_become_the_replacement_character() {
        let lost = "\u{FFFD}".as_bytes();
        let cases: [&[u8]; 6] = [
            b"\x1a",
            b"\xc2\x1a",
            b"\xc3?",
            b"\xe2\x80\x1a",
            b"\xf0?\x80\x1a",
            b"\xed\xa0?\xed\xb0\x80",
        ];
        for bytes in cases {
            assert_eq!(replace_lossy_sequences(bytes), lost, "{bytes:x?}");
        }
        assert_eq!(replace_lossy_sequences(b"\xc4? \xe2??"), b"\xc4? \xe2??");
    }
}
