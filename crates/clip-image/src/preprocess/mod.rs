//! How an image becomes the input of a model: sizes, filter, crop, colours. PROTOCOL 1.8.1, 1.8.5,
//! 1.8.6.

mod configuration;
mod hugging_face;
mod mean_std;
mod open_clip;
mod plan;
mod strips;
mod view;

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

pub use self::mean_std::{MEAN, STD};
pub use self::plan::{Layout, ResizeMode};
pub use self::view::View;
use crate::crop::{self, CropMode, CropOffset};
use crate::decode::{decode, orientation};
use crate::resize::{self, Interpolation};
use crate::white::{self, TransparencyMode};
use crate::{Image, ImageError, Limits, Pixels, convert};

/// The choices of a preprocessing pipeline. Colours are converted to RGB last unless
/// `convert_first`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Preprocess {
    /// Side of the square that the model takes, in pixels.
    pub size: u32,
    /// Which side becomes `size`.
    pub resize: ResizeMode,
    /// The filter. Palette and bilevel images are resized with nearest whatever it is.
    pub interpolation: Interpolation,
    /// What makes a square of the resized image.
    pub crop: CropMode,
    /// Where the middle of an odd rest is.
    #[serde(default, skip_serializing_if = "is_default")]
    pub crop_offset: CropOffset,
    /// What padding is made of: this value in every channel of the image's own mode, before
    /// conversion.
    pub fill: u8,
    /// Subtracted from values 0..=1, per channel.
    pub mean: [f32; 3],
    /// Divides after that, per channel.
    pub std: [f32; 3],
    /// Whether the image is turned upright by its EXIF orientation first. The reference does not.
    pub exif_orientation: bool,
    /// Whether the image is converted to RGB before the resize, as loaders of image folders and
    /// Hugging Face do.
    ///
    /// For palette, bilevel, alpha and CMYK images the results differ greatly (PROTOCOL 1.8.3).
    pub convert_first: bool,
    /// What becomes of transparent pixels.
    #[serde(default, skip_serializing_if = "is_default")]
    pub transparency: TransparencyMode,
    /// Whether a JPEG much larger than `size` may be decoded to a half, a quarter or an eighth of
    /// its size, which still has twice the pixels of the resized image. Faster, and no longer the
    /// reference's pixels (docs/performance.md).
    #[serde(default, skip_serializing_if = "is_default")]
    pub fast_decode: bool,
}

/// What the reference does is not written down.
fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

impl Default for Preprocess {
    fn default() -> Self {
        Self::clip(224)
    }
}

impl Preprocess {
    /// The reference's own: shorter side to `size`, bicubic, centre crop, RGB last. PROTOCOL 1.8.1.
    pub fn clip(size: u32) -> Self {
        Self {
            size,
            resize: ResizeMode::Shortest,
            interpolation: Interpolation::Bicubic,
            crop: CropMode::Center,
            crop_offset: CropOffset::Even,
            fill: 0,
            mean: MEAN,
            std: STD,
            exif_orientation: false,
            convert_first: false,
            transparency: TransparencyMode::Drop,
            fast_decode: false,
        }
    }

    /// Decodes, resizes, crops and converts: `[size, size, 3]` u8.
    ///
    /// Only [`CropMode::None`] after [`ResizeMode::Shortest`] or [`ResizeMode::Longest`] gives
    /// another shape.
    ///
    /// # Errors
    /// As [`decode`](crate::decode); [`ImageError::OutputTooLarge`] when the result would have more
    /// pixels than `limits` allow; [`ImageError::Config`] for a size of 0.
    pub fn pixels(&self, bytes: &[u8], limits: &Limits) -> Result<Pixels, ImageError> {
        match self.strips(bytes, limits)? {
            Some(image) => Ok(self.padded(image)),
            None => self.pixels_of(&decode(bytes, limits)?, limits),
        }
    }

    /// The same of an image that is decoded already, `[size, size, 3]` u8.
    ///
    /// # Errors
    /// [`ImageError::OutputTooLarge`], [`ImageError::Config`] as [`Preprocess::pixels`].
    pub fn pixels_of(&self, image: &Image, limits: &Limits) -> Result<Pixels, ImageError> {
        let (image, clipped) = self.resized(image, limits)?;
        Ok(Pixels { clipped, ..self.padded(image) })
    }

    fn padded(&self, image: Image) -> Pixels {
        convert::to_rgb(match self.crop {
            CropMode::None => image,
            _ => crop::pad(image, self.size, self.fill),
        })
    }

    /// The window of the resized image, by way of the whole image; and how many of its pixels will
    /// be clipped.
    fn resized(&self, image: &Image, limits: &Limits) -> Result<(Image, usize), ImageError> {
        let mut image = Cow::Borrowed(image);
        let clipped = image.clipped_pixels();
        if self.exif_orientation {
            image = Cow::Owned(orientation::apply(image.into_owned()));
        }
        let window = self.window((image.width.into(), image.height.into()), limits)?;
        if self.transparency == TransparencyMode::White {
            image = Cow::Owned(white::lay_on_white(image.into_owned()));
        }
        if self.convert_first {
            image = Cow::Owned(convert::to_rgb_image(image.into_owned()));
        }
        Ok((resize::resize_window(&image, window, self.interpolation), clipped))
    }

    /// The model's input, `[3, size, size]` f32, normalised.
    ///
    /// # Errors
    /// As [`Preprocess::pixels`].
    ///
    /// Source: PROTOCOL 1.8.1. Bit-equal to the reference; checked by `golden/preprocess`.
    pub fn input(&self, bytes: &[u8], limits: &Limits) -> Result<Vec<f32>, ImageError> {
        Ok(self.pixels(bytes, limits)?.to_input(self.mean, self.std))
    }
}
