//! Paths as text.

use std::borrow::Cow;
use std::fmt::Write;
use std::path::Path;

/// The path as Unicode; two paths never become one text.
///
/// Nearly every path is shown as it is. A byte that is no part of a UTF-8 character becomes `\xNN`
/// (two lowercase hexadecimal digits), and so does a backslash that would read as the beginning of
/// such an escape: replacing every `\xNN` by its byte gives the path back.
pub fn shown(path: &Path) -> Cow<'_, str> {
    match path.to_str() {
        Some(plain) if !plain.contains(r"\x") => Cow::Borrowed(plain),
        _ => Cow::Owned(escaped(path.as_os_str().as_encoded_bytes())),
    }
}

fn escaped(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        let mut rest = chunk.valid();
        while let Some((before, after)) = rest.split_once('\\') {
            text.push_str(before);
            text.push_str(if is_escape(after) { r"\x5c" } else { r"\" });
            rest = after;
        }
        text.push_str(rest);
        for byte in chunk.invalid() {
            let _ = write!(text, r"\x{byte:02x}"); // a string takes everything
        }
    }
    text
}

/// Whether `after` continues a backslash to an escape.
fn is_escape(after: &str) -> bool {
    let digit = |byte: &u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    matches!(after.as_bytes(), [b'x', a, b, ..] if digit(a) && digit(b))
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;

    use super::*;

    /// What a reader of the text does.
    fn bytes_of(text: &str) -> Vec<u8> {
        let mut parts = text.split(r"\x");
        let mut bytes = parts.next().unwrap_or_default().as_bytes().to_vec();
        for part in parts {
            match part.get(..2).and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
                Some(byte) => bytes.extend([&[byte], &part.as_bytes()[2..]].concat()),
                None => bytes.extend([b"\\x", part.as_bytes()].concat()),
            }
        }
        bytes
    }

    #[test]
    fn every_path_has_its_own_text_and_comes_back_from_it() {
        let cases: [(&[u8], &str); 7] = [
            (b"a\xff.jpg", r"a\xff.jpg"),
            (b"a\xfe.jpg", r"a\xfe.jpg"),
            (b"a\xef\xbf\xbd.jpg", "a\u{fffd}.jpg"),
            (br"a\xff.jpg", r"a\x5cxff.jpg"),
            (br"a\b\xg.jpg", r"a\b\xg.jpg"),
            (b"\\xf\xff", r"\xf\xff"),
            (b"mu\xf1oz/\xe2\x82", r"mu\xf1oz/\xe2\x82"),
        ];
        for (bytes, text) in cases {
            assert_eq!(shown(Path::new(OsStr::from_bytes(bytes))), text);
            assert_eq!(bytes_of(text), bytes);
        }
    }
}
