//! What the tags of the first image say.

use super::compression::Compression;
use super::directory::Directory;
use super::error::corrupt;
use super::layout::Layout;
use super::tag;
use crate::{Format, ImageError, Limits};

/// What the tags of the first image say.
pub(super) struct Head<'a> {
    pub(super) directory: Directory<'a>,
    pub(super) big_endian: bool,
    pub(super) size: (u32, u32),
    pub(super) compression: Compression,
    /// The samples of a pixel lie in planes of their own.
    pub(super) planar: bool,
    /// The lowest bit of a byte comes first.
    pub(super) reversed_bits: bool,
    pub(super) layout: Layout,
    pub(super) orientation: u8,
}

impl<'a> Head<'a> {
    pub(super) fn read(bytes: &'a [u8], limits: &Limits) -> Result<Self, ImageError> {
        let directory = Directory::read(bytes)?;
        let side = |tag, name: &str| {
            directory.value(tag).ok_or_else(|| corrupt(format!("no image {name}")))
        };
        let (width, height) =
            (side(tag::IMAGE_WIDTH, "width")?, side(tag::IMAGE_LENGTH, "height")?);
        let size = limits.check(Format::Tiff, width, height)?;
        let compression = Compression::of(directory.value(tag::COMPRESSION).unwrap_or(1))?;
        if compression != Compression::None {
            // Pillow takes the first of several values; libtiff, which reads compressed files for
            // it, takes none.
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
