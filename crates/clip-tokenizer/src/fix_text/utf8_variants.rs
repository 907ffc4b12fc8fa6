//! UTF-8, and the two ways in which programs write it wrongly: CESU-8 and Java's NUL.
//! PROTOCOL 3.6.1.

/// Decodes strictly; `None` when the bytes are neither UTF-8 nor a variant of it.
///
/// Variants come into play when there is a byte ED or C0: surrogate pairs of three bytes each, and
/// C0 80 for NUL. ftfy's patterns end in `$`, which also matches before a last line feed. So,
/// there, the line feed counts as the last byte of either; we do as it does.
pub(super) fn decode(bytes: Vec<u8>) -> Option<String> {
    if !bytes.iter().any(|byte| matches!(byte, 0xED | 0xC0)) {
        return String::from_utf8(bytes).ok();
    }
    let mut text = String::with_capacity(bytes.len());
    let mut plain = bytes.as_slice(); // up to the next variant
    let mut rest = plain;
    while !rest.is_empty() {
        let Some((character, length)) = variant(rest) else {
            rest = rest.get(1..)?;
            continue;
        };
        let before = plain.len().checked_sub(rest.len())?;
        text.push_str(std::str::from_utf8(plain.get(..before)?).ok()?);
        text.push(character);
        rest = rest.get(length..)?;
        plain = rest;
    }
    text.push_str(std::str::from_utf8(plain).ok()?);
    Some(text)
}

/// The character of a variant at the beginning of `bytes`, and its length.
fn variant(bytes: &[u8]) -> Option<(char, usize)> {
    match *bytes {
        [0xC0, 0x80, ..] | [0xC0, b'\n'] => Some(('\0', 2)),
        [0xED, a @ 0xA0..=0xAF, b @ 0x80..=0xBF, 0xED, c @ 0xB0..=0xBF, d @ 0x80..=0xBF, ..]
        | [0xED, a @ 0xA0..=0xAF, b @ 0x80..=0xBF, 0xED, c @ 0xB0..=0xBF, d @ b'\n'] => {
            let high = u32::from(a & 0x0F) << 16 | u32::from(b & 0x3F) << 10;
            let low = u32::from(c & 0x0F) << 6 | u32::from(d & 0x3F);
            Some((char::from_u32((high | low).saturating_add(0x1_0000))?, 6))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Expected values are those of ftfy 6.3.1's codec `utf-8-variants`.
    #[test]
    fn variants_are_read_as_ftfy_reads_them() {
        let cases: [(&[u8], Option<&str>); 9] = [
            (b"\xed\xa0\xbd\xed\xb8\x8d!", Some("\u{1F60D}!")),
            (b"a\xc0\x80b", Some("a\0b")),
            (b"a\xc0\n", Some("a\0")),
            (b"a\xc0\nb", None),
            (b"\xed\xa0\xbd\xed\xb8\n", Some("\u{1F60A}")),
            (b"\xed\xa0\xbd", None),
            (b"\xed\x95\x9c", Some("한")),
            (b"\xc3\xc0\x80", None),
            (b"\xc0", None),
        ];
        for (bytes, expected) in cases {
            assert_eq!(decode(bytes.to_vec()).as_deref(), expected, "{bytes:x?}");
        }
    }
}
