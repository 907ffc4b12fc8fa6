//! How much an image file may ask for. Checked on the header, before memory is taken.

use crate::{Format, ImageError};

/// The most pixels that an image may have, whatever its file says.
///
/// The default is Pillow's limit: twice 89,478,485 pixels (a quarter of a gigabyte as RGB).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Width times height, of the file's canvas and of what a recipe makes of it.
    pub max_pixels: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { max_pixels: 178_956_970 }
    }
}

impl Limits {
    /// The most bytes that a file of so many pixels has: uncompressed RGB, and 1 MiB of headers and
    /// metadata.
    pub fn file_bytes(&self) -> u64 {
        self.max_pixels.saturating_mul(3).saturating_add(1 << 20)
    }

    /// Passes on a size that is neither empty nor beyond the limit.
    pub(crate) fn check(
        &self,
        format: Format,
        width: u64,
        height: u64,
    ) -> Result<(u32, u32), ImageError> {
        if width == 0 || height == 0 {
            return Err(ImageError::corrupt(
                format,
                format!("the image is {width} x {height} pixels"),
            ));
        }
        let pixels = u128::from(width) * u128::from(height);
        match (u32::try_from(width), u32::try_from(height)) {
            (Ok(width), Ok(height)) if pixels <= u128::from(self.max_pixels) => Ok((width, height)),
            _ => Err(ImageError::TooManyPixels { format, width, height, limit: self.max_pixels }),
        }
    }
}
