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
//! Own directory and layouts: the crate `tiff` refuses or changes variants that Pillow reads (unsorted tags, missing
//! extra samples, inverted grey, orientation), and which variants become which mode is Pillow's table, not TIFF's.
//! The compressed data are unpacked by crates: `weezl` (LZW), `flate2` (deflate), `fax` (group 4), and our own JPEG.

mod compression;
mod directory;
mod layout;
mod predictor;
mod segments;

use crate::{Format, Image, ImageError, Limits, Mode, Palette, orientation};
use compression::Compression;
use directory::Directory;
use layout::Layout;

mod tag {
    pub(super) const IMAGE_WIDTH: u16 = 256;
    pub(super) const IMAGE_LENGTH: u16 = 257;
    pub(super) const BITS_PER_SAMPLE: u16 = 258;
    pub(super) const COMPRESSION: u16 = 259;
    pub(super) const PHOTOMETRIC: u16 = 262;
    pub(super) const FILL_ORDER: u16 = 266;
    pub(super) const STRIP_OFFSETS: u16 = 273;
    pub(super) const ORIENTATION: u16 = 274;
    pub(super) const SAMPLES_PER_PIXEL: u16 = 277;
    pub(super) const ROWS_PER_STRIP: u16 = 278;
    pub(super) const STRIP_BYTE_COUNTS: u16 = 279;
    pub(super) const PLANAR_CONFIGURATION: u16 = 284;
    pub(super) const PREDICTOR: u16 = 317;
    pub(super) const COLOR_MAP: u16 = 320;
    pub(super) const TILE_WIDTH: u16 = 322;
    pub(super) const TILE_LENGTH: u16 = 323;
    pub(super) const TILE_OFFSETS: u16 = 324;
    pub(super) const TILE_BYTE_COUNTS: u16 = 325;
    pub(super) const EXTRA_SAMPLES: u16 = 338;
    pub(super) const SAMPLE_FORMAT: u16 = 339;
    pub(super) const JPEG_TABLES: u16 = 347;

    pub(super) const BYTE_COUNTS: [u16; 2] = [STRIP_BYTE_COUNTS, TILE_BYTE_COUNTS];

    /// Tags of one value.
    pub(super) const SINGLE: [u16; 11] = [
        IMAGE_WIDTH,
        IMAGE_LENGTH,
        COMPRESSION,
        PHOTOMETRIC,
        FILL_ORDER,
        SAMPLES_PER_PIXEL,
        ROWS_PER_STRIP,
        PLANAR_CONFIGURATION,
        PREDICTOR,
        TILE_WIDTH,
        TILE_LENGTH,
    ];
}

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

/// What the tags of the first image say.
struct Head<'a> {
    directory: Directory<'a>,
    big_endian: bool,
    size: (u32, u32),
    compression: Compression,
    /// The samples of a pixel lie in planes of their own.
    planar: bool,
    /// The lowest bit of a byte comes first.
    reversed_bits: bool,
    layout: Layout,
    orientation: u8,
}

impl<'a> Head<'a> {
    fn read(bytes: &'a [u8], limits: &Limits) -> Result<Self, ImageError> {
        let directory = Directory::read(bytes)?;
        let side = |tag, name: &str| {
            directory.value(tag).ok_or_else(|| corrupt(format!("no image {name}")))
        };
        let (width, height) =
            (side(tag::IMAGE_WIDTH, "width")?, side(tag::IMAGE_LENGTH, "height")?);
        let size = limits.check(Format::Tiff, width, height)?;
        let compression = Compression::of(directory.value(tag::COMPRESSION).unwrap_or(1))?;
        if compression != Compression::None {
            // Pillow takes the first of several values; libtiff, which reads compressed files for it, takes none.
            for tag in tag::SINGLE {
                directory.check_single(tag)?;
            }
            for tag in tag::BYTE_COUNTS {
                directory.check_kept(tag)?;
            }
        }
        let planar = directory.value(tag::PLANAR_CONFIGURATION) == Some(2);
        let reversed_bits = directory.value(tag::FILL_ORDER) == Some(2);
        let big_endian = directory.big_endian();
        let layout = Layout::of(&directory, compression, planar, reversed_bits)?;
        let orientation =
            directory.value(tag::ORIENTATION).and_then(|value| u8::try_from(value).ok());
        let orientation = orientation.filter(|value| (1..=8).contains(value)).unwrap_or(1);
        Ok(Self {
            directory,
            big_endian,
            size,
            compression,
            planar,
            reversed_bits,
            layout,
            orientation,
        })
    }
}

fn corrupt(what: impl Into<String>) -> ImageError {
    ImageError::corrupt(Format::Tiff, what)
}

fn unsupported(what: impl Into<String>) -> ImageError {
    ImageError::unsupported(Format::Tiff, what)
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
