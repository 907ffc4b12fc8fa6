//! How large the resized image is, and which part of it the crop keeps. PROTOCOL 1.8.1, 1.8.5.

use std::ops::Range;

use super::{CropMode, Preprocess};
use crate::named_enum::named_enum;
use crate::resize::Window;
use crate::{ImageError, Limits, crop};

named_enum! {
    /// Which side of the image becomes `size`.
    ResizeMode, "resize mode":
    /// The shorter side; the other keeps the aspect ratio, rounded down (the reference).
    Shortest = "shortest",
    /// The longer side; the other keeps the aspect ratio, rounded to nearest and at least 1.
    Longest = "longest",
    /// Both sides; the aspect ratio is lost.
    Squash = "squash",
}

/// The resized image, and what the crop keeps of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    /// Width and height of the resized image, whole.
    pub resized: (u64, u64),
    /// The columns of it that are kept.
    pub columns: Range<u64>,
    /// The rows of it that are kept.
    pub rows: Range<u64>,
}

impl Preprocess {
    /// What becomes of an image of so many pixels, for whoever resizes it with another program.
    ///
    /// # Errors
    /// [`ImageError::OutputTooLarge`] and [`ImageError::Config`] as [`Preprocess::pixels`].
    pub fn layout(
        &self,
        (width, height): (u32, u32),
        limits: &Limits,
    ) -> Result<Layout, ImageError> {
        let window = self.window((width.into(), height.into()), limits)?;
        Ok(Layout { resized: window.full_size(), columns: window.columns, rows: window.rows })
    }

    /// The resized image, whole, and the window of it that is computed.
    pub(super) fn window(
        &self,
        (width, height): (u64, u64),
        limits: &Limits,
    ) -> Result<Window, ImageError> {
        if self.size == 0 {
            return Err(ImageError::config("the size is 0"));
        }
        let size = u64::from(self.size);
        let full = match self.resize {
            ResizeMode::Squash => (size, size),
            ResizeMode::Shortest if width <= height => (size, longer(size, width, height)),
            ResizeMode::Shortest => (longer(size, height, width), size),
            ResizeMode::Longest => {
                let ratio = (width as f64 / size as f64).max(height as f64 / size as f64);
                // The reference fails where a side rounds to 0.
                let side = |length: u64| ((length as f64 / ratio).round_ties_even() as u64).max(1);
                (side(width), side(height))
            }
        };
        let (columns, rows) = match self.crop {
            CropMode::None => (0..full.0, 0..full.1),
            CropMode::Center | CropMode::Pad => (
                crop::center(full.0, size, self.crop_offset),
                crop::center(full.1, size, self.crop_offset),
            ),
        };
        let output = if self.crop == CropMode::None { full } else { (size, size) };
        if u128::from(output.0) * u128::from(output.1) > u128::from(limits.max_pixels)
            || output.0.max(output.1) > u32::MAX.into()
        {
            return Err(ImageError::OutputTooLarge {
                width: output.0,
                height: output.1,
                limit: limits.max_pixels,
            });
        }
        Ok(Window::new(full, columns, rows))
    }
}

/// `int(size * long / short)`: one division in f64, rounded down.
fn longer(size: u64, short: u64, long: u64) -> u64 {
    ((size * long) as f64 / short as f64) as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::CropOffset;

    #[test]
    fn sizes_and_offsets_are_those_of_the_protocol() {
        let cases = [
            ((401, 300), (299, 224), 38),
            ((640, 427), (335, 224), 56),
            ((500, 375), (298, 224), 37),
            ((227, 224), (227, 224), 2),
            ((225, 224), (225, 224), 0),
            ((2000, 3), (149_333, 224), 74_554),
        ];
        for (source, full, left) in cases {
            let window = Preprocess::clip(224).window(source, &Limits::default()).unwrap();
            assert_eq!((window.full_size(), window.columns.start), (full, left), "{source:?}");
        }
        let floor = Preprocess { crop_offset: CropOffset::Floor, ..Preprocess::clip(224) };
        for (source, left) in [((401, 300), 37), ((227, 224), 1), ((225, 224), 0), ((640, 427), 55)]
        {
            let window = floor.window(source, &Limits::default()).unwrap();
            assert_eq!(window.columns.start, left, "{source:?}");
        }
        let window = Preprocess::clip(224).window((333, 500), &Limits::default()).unwrap();
        assert_eq!((window.full_size(), window.rows.start), ((224, 336), 56));
    }
}
