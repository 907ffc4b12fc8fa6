//! Why an image cannot be used.

use std::fmt;

use crate::Format;
use crate::decode::jpeg::JpegError;

/// Why an image cannot be used: what was found, what is allowed. The caller adds the name of the
/// file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ImageError {
    /// A file without a byte.
    #[error("the file is empty")]
    Empty,
    /// The first bytes belong to no format known here.
    #[error("not an image of a known format, begins with {0}")]
    UnknownFormat(FirstBytes),
    /// A format that is recognised and not read.
    #[error("{name} is not supported")]
    UnsupportedFormat {
        /// The format's usual name.
        name: &'static str,
    },
    /// A supported format, in a variant that is not read.
    #[error("{format}: {what} is not supported")]
    Unsupported {
        /// The format.
        format: Format,
        /// The variant.
        what: String,
    },
    /// The file ends too early.
    #[error("{format}: truncated: {what}")]
    Truncated {
        /// The format.
        format: Format,
        /// What is missing.
        what: String,
    },
    /// The file breaks the rules of its format.
    #[error("{format}: {what}")]
    Corrupt {
        /// The format.
        format: Format,
        /// What was found.
        what: String,
    },
    /// More pixels than [`Limits`](crate::Limits) allow.
    #[error("{format}: {width} x {height} is more than {limit} pixels")]
    TooManyPixels {
        /// The format.
        format: Format,
        /// Width in pixels.
        width: u64,
        /// Height in pixels.
        height: u64,
        /// The most pixels allowed.
        limit: u64,
    },
    /// A compressed text or profile that unpacks to more than is allowed.
    #[error("{format}: {what} unpacks to more than {limit} bytes")]
    TooLarge {
        /// The format.
        format: Format,
        /// Which part of the file.
        what: &'static str,
        /// The most bytes allowed.
        limit: u64,
    },
    /// Pixels in memory that are no image.
    #[error("{0}")]
    Memory(String),
    /// The JPEG decoder refused.
    #[error("JPEG: {0}")]
    Jpeg(#[from] JpegError),
    /// The recipe's output would have more pixels than allowed.
    #[error("the recipe makes {width} x {height} of the image, more than {limit} pixels")]
    OutputTooLarge {
        /// Width in pixels.
        width: u64,
        /// Height in pixels.
        height: u64,
        /// The most pixels allowed.
        limit: u64,
    },
    /// A preprocessing configuration that cannot be followed.
    #[error("preprocessing configuration: {what}")]
    Config {
        /// What was found, what is allowed.
        what: String,
    },
}

impl ImageError {
    pub(crate) fn corrupt(format: Format, what: impl Into<String>) -> Self {
        Self::Corrupt { format, what: what.into() }
    }

    pub(crate) fn truncated(format: Format, what: impl Into<String>) -> Self {
        Self::Truncated { format, what: what.into() }
    }

    pub(crate) fn unsupported(format: Format, what: impl Into<String>) -> Self {
        Self::Unsupported { format, what: what.into() }
    }

    pub(crate) fn config(what: impl Into<String>) -> Self {
        Self::Config { what: what.into() }
    }

    /// The way out, printed by a program on its own line after `help: `.
    pub fn help(&self) -> Option<&'static str> {
        match self {
            Self::Empty => Some("a download or a copy may have failed; fetch the file again"),
            Self::UnknownFormat(first) => Some(first.guess()),
            Self::UnsupportedFormat { name } => Some(match *name {
                "HEIC" | "AVIF" | "JPEG XL" | "JPEG 2000" => {
                    "convert it to PNG or JPEG first, for instance with ImageMagick: `magick FILE FILE.png`"
                }
                "SVG" | "PDF" => "render it to PNG first, at least as large as the model's input",
                "a video" => {
                    "extract frames first, for instance with `ffmpeg -i FILE frame-%05d.png`"
                }
                _ => "convert it to PNG or JPEG first",
            }),
            Self::Unsupported { .. } => Some("convert it to an 8-bit PNG first"),
            Self::Truncated { .. } => Some("the file is incomplete; fetch or copy it again"),
            Self::TooManyPixels { .. } | Self::OutputTooLarge { .. } => {
                Some("if the file is to be trusted, raise `Limits::max_pixels`")
            }
            Self::Config { .. } => Some(
                "change it in a copy of the configuration, or give size, mean, std, interpolation and resize mode by hand",
            ),
            _ => None,
        }
    }
}

/// The first bytes of a file, for a message: as text where they are text, else in hexadecimal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FirstBytes(Vec<u8>);

impl FirstBytes {
    pub(crate) fn of(bytes: &[u8]) -> Self {
        Self(bytes.iter().take(16).copied().collect())
    }

    fn guess(&self) -> &'static str {
        let text = self.0.trim_ascii_start().to_ascii_lowercase();
        if text.starts_with(b"<!doctype") || text.starts_with(b"<html") {
            "this is a web page, as a failed download leaves it; fetch the file again"
        } else if self.0.starts_with(b"PK\x03\x04") {
            "this is a ZIP archive; unpack it first"
        } else {
            "JPEG, PNG, GIF, BMP, WebP, TIFF and PNM are read"
        }
    }
}

impl fmt::Display for FirstBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.iter().all(|b| b.is_ascii_graphic() || *b == b' ') {
            return write!(f, "{:?}", String::from_utf8_lossy(&self.0));
        }
        for (index, byte) in self.0.iter().enumerate() {
            let gap = if index == 0 { "" } else { " " };
            write!(f, "{gap}{byte:02x}")?;
        }
        Ok(())
    }
}
