//! One decoder per format; which crate or which code, and why, stands at the head of each.
//!
//! | format | decoder |
//! |---|---|
//! | JPEG | own (`jpeg/`): no Rust decoder has libjpeg-turbo's roundings |
//! | PNG | crate `png` for inflating and filters, own walk over the chunks (`png/`) |
//! | WebP | crate `image-webp`, own check of the container (`webp.rs`) |
//! | TIFF | own directory, strips and tiles (`tiff/`); crates `weezl`, `flate2`, `fax` for the compressed data |
//! | GIF, BMP, PNM | own (`gif/`, `bmp/`, `pnm.rs`): small formats, where Pillow's rules are most of the work |
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects
    )
)]

mod bmp;
mod bytes;
mod gif;
pub mod jpeg;
pub(crate) mod orientation;
mod packed;
mod png;
mod pnm;
mod row_sink;
mod tiff;
mod webp;

pub(crate) use self::row_sink::RowSink;
use crate::{Format, Image, ImageError, Limits, Mode};

/// What the head of a file says, read without decoding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// The format, by the file's first bytes.
    pub format: Format,
    /// Width in pixels, as [`decode`] would give it.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
}

/// Reads format and size, without decoding.
///
/// # Errors
/// As [`decode`], for what is wrong in the head of the file; the size is held against `limits`.
pub fn header(bytes: &[u8], limits: &Limits) -> Result<Header, ImageError> {
    let format = Format::of(bytes)?;
    let (width, height) = match format {
        Format::Jpeg => jpeg_size(bytes, limits),
        Format::Png => png::size(bytes, limits),
        Format::Gif => gif::size(bytes, limits),
        Format::Bmp => bmp::size(bytes, limits),
        Format::WebP => webp::size(bytes, limits),
        Format::Tiff => tiff::size(bytes, limits),
        Format::Pnm => pnm::size(bytes, limits),
    }?;
    Ok(Header { format, width, height })
}

/// Decodes the first image of a file to the pixels, and in the mode, that Pillow gives.
///
/// The format is recognised by the first bytes. Colour profiles, gamma and EXIF orientation are not
/// applied (except that a TIFF's orientation is, as in Pillow).
///
/// # Errors
/// Whatever makes the file unreadable; see [`ImageError`]. Damaged files give an error or the
/// pixels that Pillow makes of them; lossy WebP alone may give other pixels when its data are
/// damaged.
///
/// The image has the size that [`header`] reads, whatever the format: another is an error.
///
/// Source: PROTOCOL 1.8.3, 9.20, 9.21. Checked by `golden/preprocess`.
pub fn decode(bytes: &[u8], limits: &Limits) -> Result<Image, ImageError> {
    let image = decode_format(bytes, limits)?;
    let Header { format, width, height } = header(bytes, limits)?;
    if (image.width, image.height) != (width, height) {
        let what = format!(
            "pixels of {} x {}, the header says {width} x {height}",
            image.width, image.height
        );
        return Err(ImageError::corrupt(format, what));
    }
    Ok(image)
}

fn decode_format(bytes: &[u8], limits: &Limits) -> Result<Image, ImageError> {
    match Format::of(bytes)? {
        Format::Jpeg => decode_jpeg(bytes, limits),
        Format::Png => png::decode(bytes, limits),
        Format::Gif => gif::decode(bytes, limits),
        Format::Bmp => bmp::decode(bytes, limits),
        Format::WebP => webp::decode(bytes, limits),
        Format::Tiff => tiff::decode(bytes, limits),
        Format::Pnm => pnm::decode(bytes, limits),
    }
}

fn jpeg_size(bytes: &[u8], limits: &Limits) -> Result<(u32, u32), ImageError> {
    let header = jpeg::read_header(bytes)?;
    limits.check(Format::Jpeg, header.width.into(), header.height.into())
}

fn decode_jpeg(bytes: &[u8], limits: &Limits) -> Result<Image, ImageError> {
    let jpeg = jpeg::decode(bytes, limits.max_pixels)?;
    let mode = match jpeg.color {
        jpeg::JpegColor::Grey => Mode::Grey,
        jpeg::JpegColor::Rgb => Mode::Rgb,
        jpeg::JpegColor::Cmyk => Mode::Cmyk,
    };
    let mut image = Image::new(Format::Jpeg, mode, (jpeg.width, jpeg.height), jpeg.data)?;
    image.orientation = orientation::of_exif(jpeg.exif.as_deref()).unwrap_or(1);
    Ok(image)
}
