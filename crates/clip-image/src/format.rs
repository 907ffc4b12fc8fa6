//! Which format a file has, by its first bytes; see `names.rs` for endings.

use std::fmt;

use crate::ImageError;
use crate::error::FirstBytes;

/// The formats that are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Format {
    /// Joint Photographic Experts Group.
    Jpeg,
    /// Portable Network Graphics, animated ones included.
    Png,
    /// Graphics Interchange Format.
    Gif,
    /// Windows and OS/2 bitmap.
    Bmp,
    /// WebP, lossy, lossless and animated.
    WebP,
    /// Tagged Image File Format, BigTIFF included.
    Tiff,
    /// Netpbm's formats PBM, PGM, PPM and PFM.
    Pnm,
}

impl Format {
    /// Recognises a file by its first bytes.
    ///
    /// # Errors
    /// [`ImageError::Empty`], [`ImageError::UnsupportedFormat`] for well-known formats that are not read,
    /// [`ImageError::UnknownFormat`] for everything else.
    pub fn of(bytes: &[u8]) -> Result<Self, ImageError> {
        if bytes.is_empty() {
            return Err(ImageError::Empty);
        }
        let at = |offset: usize, mark: &[u8]| {
            bytes.get(offset..).is_some_and(|rest| rest.starts_with(mark))
        };
        if at(0, b"\xff\xd8\xff") {
            Ok(Self::Jpeg)
        } else if at(0, b"\x89PNG\r\n\x1a\n") {
            Ok(Self::Png)
        } else if at(0, b"GIF87a") || at(0, b"GIF89a") {
            Ok(Self::Gif)
        } else if at(0, b"BM") {
            Ok(Self::Bmp)
        } else if at(0, b"RIFF") && at(8, b"WEBP") {
            Ok(Self::WebP)
        } else if TIFF_MARKS.iter().any(|mark| at(0, *mark)) {
            Ok(Self::Tiff)
        } else if at(0, b"P") && bytes.get(1).is_some_and(|kind| b"0123456f".contains(kind)) {
            Ok(Self::Pnm)
        } else if let Some(name) = unsupported(bytes) {
            Err(ImageError::UnsupportedFormat { name })
        } else {
            Err(ImageError::UnknownFormat(FirstBytes::of(bytes)))
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Jpeg => "JPEG",
            Self::Png => "PNG",
            Self::Gif => "GIF",
            Self::Bmp => "BMP",
            Self::WebP => "WebP",
            Self::Tiff => "TIFF",
            Self::Pnm => "PNM",
        })
    }
}

/// The two orders of bytes, the two mixed-up marks that Pillow reads too, and BigTIFF.
const TIFF_MARKS: [&[u8; 4]; 6] =
    [b"MM\0\x2a", b"II\x2a\0", b"MM\x2a\0", b"II\0\x2a", b"MM\0\x2b", b"II\x2b\0"];

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
