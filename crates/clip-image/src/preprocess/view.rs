//! What of an image is seen in training: any part of it, as torchvision's transforms cut and resize
//! Pillow's images. PROTOCOL 2.6.

use super::Preprocess;
use crate::crop::CropMode;
use crate::decode::jpeg::{self, JpegColor, Reduction};
use crate::decode::{RowSink, decode, orientation};
use crate::preprocess::ResizeMode;
use crate::resize::{self, Strips, Window};
use crate::white::{self, TransparencyMode};
use crate::{Format, Image, ImageError, Limits, Mode, Pixels, convert};

/// A part of an image of known size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum View {
    /// These pixels, cut out and then resized to the square, whatever their shape
    /// (torchvision's `resized_crop`).
    Part {
        /// Columns to the left of it.
        left: u32,
        /// Rows above it.
        top: u32,
        /// Its width, 1 at least.
        width: u32,
        /// Its height, 1 at least.
        height: u32,
    },
    /// A square of the model's size, cut out after the shorter side has been resized
    /// (`Resize(shorter)`, then `crop`).
    Square {
        /// The shorter side of the resized image, the model's size at least.
        shorter: u32,
        /// Columns of the resized image to the left of it.
        left: u32,
        /// Rows of the resized image above it.
        top: u32,
    },
}

impl View {
    /// Width and height of an image of `size` after its shorter side became `shorter`: the other
    /// keeps the aspect ratio, rounded down.
    pub fn resized(shorter: u32, (width, height): (u32, u32)) -> (u64, u64) {
        let long = |short: u32, long: u32| {
            (u64::from(shorter) * u64::from(long)) as f64 / f64::from(short)
        };
        match width <= height {
            true => (shorter.into(), long(width, height) as u64),
            false => (long(height, width) as u64, shorter.into()),
        }
    }
}

impl Preprocess {
    /// Decodes an image and makes the model's pixels of a part of it, `[size, size, 3]` u8. `choose`
    /// is told width and height, after the EXIF orientation where that is applied.
    ///
    /// Resize mode and crop of the recipe are not looked at; its filter, its colours and its order
    /// of conversion are.
    ///
    /// # Errors
    /// As [`decode`](crate::decode); [`ImageError::Config`] for a part that is not inside of the
    /// image, [`ImageError::OutputTooLarge`] where the resized image would be.
    ///
    /// Source: PROTOCOL 2.6. Bit-equal to torchvision on Pillow's images; checked by
    /// `tests/data/views.json`.
    pub fn view(
        &self,
        bytes: &[u8],
        limits: &Limits,
        choose: impl FnOnce((u32, u32)) -> View,
    ) -> Result<Pixels, ImageError> {
        if let Some(header) = self.strips_header(bytes) {
            let view = choose((header.width, header.height));
            let whole = (header.width, header.height);
            let parts = self.cut(view, whole, limits)?;
            if let Some(pixels) = strips_of(self, bytes, header.color, &parts, limits)? {
                return Ok(pixels);
            }
            return self.view_of(decode(bytes, limits)?, view, limits);
        }
        let mut image = decode(bytes, limits)?;
        if self.exif_orientation {
            image = orientation::apply(image);
        }
        let view = choose((image.width, image.height));
        self.view_of(image, view, limits)
    }

    fn view_of(&self, mut image: Image, view: View, limits: &Limits) -> Result<Pixels, ImageError> {
        let clipped = image.clipped_pixels();
        let parts = self.cut(view, (image.width, image.height), limits)?;
        if self.transparency == TransparencyMode::White {
            image = white::lay_on_white(image);
        }
        if self.convert_first {
            image = convert::to_rgb_image(image);
        }
        let whole = (image.width.into(), image.height.into());
        if parts.part.size() != (image.width, image.height) {
            let data = parts.part.copy(&image.data, image.row_bytes(), image.mode.pixel_bytes());
            debug_assert_eq!(parts.part.full_size(), whole);
            image = image.with_data(parts.part.size(), data);
        }
        let image = resize::resize_window(&image, parts.window, self.interpolation);
        Ok(Pixels { clipped, ..convert::to_rgb(image) })
    }

    /// The head of a JPEG that can go through in strips.
    fn strips_header(&self, bytes: &[u8]) -> Option<jpeg::JpegHeader> {
        if self.exif_orientation || !matches!(Format::of(bytes), Ok(Format::Jpeg)) {
            return None;
        }
        jpeg::read_header(bytes).ok().filter(|header| !matches!(header.color, JpegColor::Cmyk))
    }

    /// What is cut out of the image, and the window of that part's resized image.
    fn cut(
        &self,
        view: View,
        (width, height): (u32, u32),
        limits: &Limits,
    ) -> Result<Parts, ImageError> {
        let whole = (u64::from(width), u64::from(height));
        let side = u64::from(self.size);
        if side == 0 {
            return Err(ImageError::config("the size is 0"));
        }
        let outside =
            || ImageError::config(format!("{view:?} is not inside of {width} x {height}"));
        let within = |start: u32, length: u64, all: u64| {
            let end = u64::from(start) + length;
            (length > 0 && end <= all).then_some(u64::from(start)..end)
        };
        match view {
            View::Part { left, top, width, height } => {
                let columns = within(left, width.into(), whole.0).ok_or_else(outside)?;
                let rows = within(top, height.into(), whole.1).ok_or_else(outside)?;
                if side * side > limits.max_pixels {
                    let (width, height, limit) = (side, side, limits.max_pixels);
                    return Err(ImageError::OutputTooLarge { width, height, limit });
                }
                Ok(Parts {
                    part: Window::new(whole, columns, rows),
                    window: Window::whole(side, side),
                })
            }
            View::Square { shorter, left, top } => {
                let whole_recipe = Preprocess {
                    size: shorter,
                    resize: ResizeMode::Shortest,
                    crop: CropMode::None,
                    ..self.clone()
                };
                let full = whole_recipe.window(whole, limits)?.full_size();
                let columns = within(left, side, full.0).ok_or_else(outside)?;
                let rows = within(top, side, full.1).ok_or_else(outside)?;
                Ok(Parts {
                    part: Window::whole(whole.0, whole.1),
                    window: Window::new(full, columns, rows),
                })
            }
        }
    }
}

/// A part of an image, and a window of what it is resized to.
struct Parts {
    part: Window,
    window: Window,
}

/// The short way: rows go from the decoder to the resize. None where only the long way is right.
fn strips_of(
    recipe: &Preprocess,
    bytes: &[u8],
    color: JpegColor,
    parts: &Parts,
    limits: &Limits,
) -> Result<Option<Pixels>, ImageError> {
    let (width, height) = parts.part.size();
    if parts.window.full_size() == (width.into(), height.into()) {
        return Ok(None);
    }
    let image = match color {
        JpegColor::Grey => rows_of::<1>(recipe, Mode::Grey, bytes, parts, limits)?,
        JpegColor::Rgb => rows_of::<3>(recipe, Mode::Rgb, bytes, parts, limits)?,
        JpegColor::Cmyk => None,
    };
    Ok(image.map(convert::to_rgb))
}

fn rows_of<const CHANNELS: usize>(
    recipe: &Preprocess,
    mode: Mode,
    bytes: &[u8],
    Parts { part, window }: &Parts,
    limits: &Limits,
) -> Result<Option<Image>, ImageError> {
    let (width, height) = part.size();
    let source = (u64::from(width), u64::from(height));
    let extent = (f64::from(width), f64::from(height));
    let Some(strips) = Strips::<CHANNELS>::new(source, extent, window, recipe.interpolation) else {
        return Ok(None);
    };
    let (columns, rows) = strips.needed();
    let (left, top) = (part.columns.start as usize, part.rows.start as usize);
    let needed = (columns.start + left..columns.end + left, rows.start + top..rows.end + top);
    let mut shifted = Shifted { strips, left, top };
    jpeg::decode_rows(bytes, limits.max_pixels, Reduction::Whole, needed, &mut shifted)?;
    Image::new(Format::Jpeg, mode, window.size(), shifted.strips.finish()).map(Some)
}

/// Counts pixels from the corner of the part.
struct Shifted<const CHANNELS: usize> {
    strips: Strips<CHANNELS>,
    left: usize,
    top: usize,
}

impl<const CHANNELS: usize> RowSink for Shifted<CHANNELS> {
    fn row(&mut self, (x, y): (usize, usize), channels: &[&[u8]]) {
        let Some(y) = y.checked_sub(self.top) else { return };
        let before = self.left.saturating_sub(x);
        let mut cut: [&[u8]; CHANNELS] = [&[]; CHANNELS];
        for (cut, channel) in cut.iter_mut().zip(channels) {
            *cut = &channel[before.min(channel.len())..];
        }
        self.strips.row((x.saturating_sub(self.left), y), &cut);
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;

    /// Every process and sampling of JPEG, whole and damaged: by strips as by the whole image.
    #[test]
    fn strips_give_what_the_whole_image_gives() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/jpeg");
        let recipe = Preprocess::clip(24);
        let limits = Limits { max_pixels: 1 << 20 };
        let mut compared = 0;
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.extension().is_none_or(|ending| ending != "jpg") {
                continue;
            }
            let bytes = fs::read(&path).expect("a file");
            for bytes in [&bytes[..], &bytes[..bytes.len() * 2 / 3]] {
                let Ok(image) = decode(bytes, &limits) else {
                    assert!(recipe.view(bytes, &limits, whole).is_err(), "{path:?}");
                    continue;
                };
                for view in views((image.width, image.height)) {
                    let long = recipe.view_of(image.clone(), view, &limits).expect("pixels");
                    let found = recipe.view(bytes, &limits, |_| view).expect("pixels");
                    assert!(found == long, "{path:?} {view:?}");
                    compared += 1;
                }
            }
        }
        assert!(compared > 150, "only {compared}");
    }

    fn whole((width, height): (u32, u32)) -> View {
        View::Part { left: 0, top: 0, width, height }
    }

    fn views((width, height): (u32, u32)) -> Vec<View> {
        let (far, low) = (width / 3, height / 4);
        let mut views = vec![
            whole((width, height)),
            View::Part { left: far, top: low, width: width - far, height: height - low },
            View::Part { left: far, top: 0, width: 1, height: height - low },
        ];
        for shorter in [24, 40] {
            let full = View::resized(shorter, (width, height));
            let (left, top) = (full.0 as u32 - 24, full.1 as u32 - 24);
            views.push(View::Square { shorter, left, top: top / 2 });
        }
        views
    }

    #[test]
    fn parts_that_are_not_inside_are_refused() {
        let grey = b"P5 4 3 255\n0123456789ab";
        let recipe = Preprocess::clip(2);
        for view in [
            View::Part { left: 4, top: 0, width: 1, height: 1 },
            View::Part { left: 0, top: 0, width: 0, height: 1 },
            View::Part { left: u32::MAX, top: 0, width: 2, height: 1 },
            View::Square { shorter: 2, left: 1, top: 0 },
            View::Square { shorter: 1, left: 0, top: 0 },
        ] {
            let error = recipe.view(grey, &Limits::default(), |_| view).expect_err("refused");
            assert!(error.to_string().contains("not inside"), "{view:?}: {error}");
        }
        let view = View::Part { left: 3, top: 2, width: 1, height: 1 };
        let pixels = recipe.view(grey, &Limits::default(), |_| view).expect("pixels");
        assert_eq!(pixels.data, [b'b'; 12]);
    }
}
