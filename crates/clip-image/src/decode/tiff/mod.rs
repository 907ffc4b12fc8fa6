//! TIFF and BigTIFF: the first image.
//!
//! ```text
//! directory   tags and their values, damaged ones dropped as Pillow drops them
//!    │ layout     photometric interpretation, bits, extra samples ──> mode, and how a stored pixel becomes one
//!    ▼
//! segments    strips or tiles ── compression, predictor ──> stored rows of the whole image
//!    │ layout     stored rows ──> pixels
//!    ▼
//! Image       turned by the orientation tag, as Pillow's decoder does
//! ```
//!
//! Own directory and layouts: the crate `tiff` refuses or changes variants that Pillow reads
//! (unsorted tags, missing extra samples, inverted grey, orientation), and which variants become
//! which mode is Pillow's table, not TIFF's. The compressed data are unpacked by crates: `weezl`
//! (LZW), `flate2` (deflate), `fax` (group 4), and our own JPEG.

mod compression;
mod directory;
mod error;
mod head;
mod layout;
mod predictor;
mod segments;
mod tag;

use crate::decode::orientation;
use crate::{Format, Image, ImageError, Limits, Mode, Palette};
use directory::Directory;
use error::corrupt;
use head::Head;

pub(super) fn size(bytes: &[u8], limits: &Limits) -> Result<(u32, u32), ImageError> {
    let head = Head::read(bytes, limits)?;
    Ok(if head.orientation >= 5 { (head.size.1, head.size.0) } else { head.size })
}

pub(super) fn decode(bytes: &[u8], limits: &Limits) -> Result<Image, ImageError> {
    let head = Head::read(bytes, limits)?;
    let rows = segments::rows(bytes, &head, limits)?;
    let data = head.layout.pixels(&rows, head.size, head.big_endian);
    let mut image = Image::new(Format::Tiff, head.layout.mode, head.size, data)?;
    if head.layout.mode == Mode::Palette {
        image.palette = Some(palette(&head.directory)?);
    }
    image.orientation = head.orientation;
    Ok(orientation::apply(image))
}

/// All reds, all greens, all blues, 16 bits each, of which Pillow keeps the high byte.
fn palette(directory: &Directory) -> Result<Palette, ImageError> {
    let values = directory.values(tag::COLOR_MAP).unwrap_or_default();
    let entries = values.len() / 3;
    if entries == 0 || entries > 256 {
        return Err(corrupt(format!("palette of {entries} colours")));
    }
    let high = |value: &u64| u8::try_from(value >> 8).unwrap_or(u8::MAX);
    let part = |index: usize| values.iter().skip(entries.saturating_mul(index)).map(high);
    let colors = part(0).zip(part(1)).zip(part(2)).take(entries);
    Ok(Palette { colors: colors.map(|((red, green), blue)| [red, green, blue]).collect() })
}
