//! Images as the Python package hands them over: paths, bytes of files, pixels.

use std::path::PathBuf;

use clip_image::{Image, Mode, Palette};
use clip_rs::ImageInput;
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;

use crate::errors::{ImageError, argument};

/// One image, as `clip_rs._inputs` makes it of what a person gave.
#[derive(FromPyObject)]
pub(crate) enum ImageLike {
    /// `(path,)`.
    Path((PathBuf,)),
    /// `(name, bytes of a file)`.
    File((String, PyBackedBytes)),
    /// `(name, mode, width, height, pixels, palette, orientation)`, the pixels as Pillow's
    /// `tobytes` gives them, one byte for a pixel of mode `1`.
    Pixels((String, String, u32, u32, PyBackedBytes, Option<PyBackedBytes>, u8)),
}

impl ImageLike {
    /// # Errors
    /// `ImageError` for pixels that are none; `ValueError` for a mode that is not known.
    pub(crate) fn into_input(self) -> PyResult<ImageInput> {
        match self {
            Self::Path((path,)) => Ok(ImageInput::from(path)),
            Self::File((name, bytes)) => Ok(ImageInput::bytes(&name, bytes.to_vec())),
            Self::Pixels((name, mode, width, height, pixels, palette, orientation)) => {
                let mode = mode_of(&mode).ok_or_else(|| {
                    argument(&name, format!("images of mode {mode} are not read"))
                })?;
                let palette = palette.map(|colors| Palette::from_rgb(&colors));
                let image = Image::from_pixels(mode, (width, height), pixels.to_vec(), palette)
                    .map_err(|error| ImageError::new_err(format!("{name}: {error}")))?;
                Ok(ImageInput::decoded(&name, Image { orientation, ..image }))
            }
        }
    }
}

fn mode_of(name: &str) -> Option<Mode> {
    use Mode::{
        Bilevel, Cmyk, Float32, Grey, Grey16, Grey16Big, GreyAlpha, Int32, Palette, Rgb, Rgba,
    };
    [Bilevel, Grey, GreyAlpha, Palette, Rgb, Rgba, Cmyk, Grey16, Grey16Big, Int32, Float32]
        .into_iter()
        .find(|mode| mode.name() == name)
}
