//! The formats that are read; see `signature.rs` for first bytes, `endings.rs` for endings.

use std::fmt;

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
