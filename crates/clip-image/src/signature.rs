//! Which format a file has, by its first bytes.

use crate::error::FirstBytes;
use crate::{Format, ImageError};

impl Format {
    /// Recognises a file by its first bytes.
    ///
    /// # Errors
    /// [`ImageError::Empty`], [`ImageError::UnsupportedFormat`] for well-known formats that are not
    /// read, [`ImageError::UnknownFormat`] for everything else.
    pub fn of(bytes: &[u8]) -> Result<Self, ImageError> {
        Ok(match bytes {
            [] => return Err(ImageError::Empty),
            [0xff, 0xd8, 0xff, ..] => Self::Jpeg,
            [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', ..] => Self::Png,
            [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => Self::Gif,
            [b'B', b'M', ..] => Self::Bmp,
            [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Self::WebP,
            // The two orders of bytes, and BigTIFF in both.
            [b'M', b'M', 0, 0x2a | 0x2b, ..] | [b'I', b'I', 0x2a | 0x2b, 0, ..] => Self::Tiff,
            // Mixed-up marks that Pillow reads too.
            [b'M', b'M', 0x2a, 0, ..] | [b'I', b'I', 0, 0x2a, ..] => Self::Tiff,
            [b'P', b'0'..=b'6' | b'f', ..] => Self::Pnm,
            _ => return Err(unread(bytes)),
        })
    }
}

fn unread(bytes: &[u8]) -> ImageError {
    match unsupported(bytes) {
        Some(name) => ImageError::UnsupportedFormat { name },
        None => ImageError::UnknownFormat(FirstBytes::of(bytes)),
    }
}

/// The name of a well-known format that is not read.
fn unsupported(bytes: &[u8]) -> Option<&'static str> {
    let at =
        |offset: usize, mark: &[u8]| bytes.get(offset..).is_some_and(|rest| rest.starts_with(mark));
    if at(4, b"ftyp") {
        let brand = bytes.get(8..12).unwrap_or_default();
        return Some(match brand {
            b"heic" | b"heix" | b"heim" | b"heis" | b"hevc" | b"hevx" | b"mif1" | b"msf1" => "HEIC",
            b"avif" | b"avis" => "AVIF",
            _ => "a video",
        });
    }
    let head = bytes.get(..bytes.len().min(512)).unwrap_or_default().trim_ascii_start();
    if head.starts_with(b"<svg")
        || (head.starts_with(b"<?xml") && head.windows(4).any(|part| part == b"<svg"))
    {
        return Some("SVG");
    }
    const MARKS: [(&[u8], &str); 9] = [
        (b"\xff\x0a", "JPEG XL"),
        (b"\0\0\0\x0cJXL ", "JPEG XL"),
        (b"\0\0\0\x0cjP  ", "JPEG 2000"),
        (b"\xff\x4f\xff\x51", "JPEG 2000"),
        (b"%PDF", "PDF"),
        (b"8BPS", "PSD"),
        (b"\0\0\x01\0", "ICO"),
        (b"\x76\x2f\x31\x01", "OpenEXR"),
        (b"\x1a\x45\xdf\xa3", "a video"),
    ];
    MARKS.iter().find(|(mark, _)| at(0, mark)).map(|(_, name)| *name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn well_known_formats_that_are_not_read_are_named() {
        let cases: [(&[u8], &str); 4] = [
            (b"\0\0\0\x18ftypheic\0\0", "HEIC is not supported"),
            (b"<?xml version=\"1.0\"?>\n<svg/>", "SVG is not supported"),
            (b"%PDF-1.7", "PDF is not supported"),
            (b"plain text here", "not an image of a known format, begins with \"plain text here\""),
        ];
        for (bytes, message) in cases {
            let error = Format::of(bytes).unwrap_err();
            assert_eq!(error.to_string(), message);
            assert!(error.help().is_some());
        }
    }
}
