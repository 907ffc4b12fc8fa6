//! Images as the Python package hands them over: paths, bytes of files, pixels.

use std::path::PathBuf;

use clip_image::{Image, Mode, Palette, Transparency};
use clip_rs::ImageInput;
use pyo3::buffer::PyBuffer;
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
    /// `(name, pixels)`.
    Pixels((String, Pixels)),
}

/// What Pillow has of an image; `data` as its `tobytes` gives them, one byte for a pixel of mode
/// `1`, or an array `[height, width, channels]` whatever its strides.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub(crate) struct Pixels {
    mode: String,
    width: u32,
    height: u32,
    data: PyBuffer<u8>,
    palette: Option<PyBackedBytes>,
    transparency: Option<Transparent>,
    orientation: u8,
}

/// What a file says to be transparent.
#[derive(FromPyObject)]
enum Transparent {
    Value(u16),
    Color([u16; 3]),
    Table(PyBackedBytes),
}

impl ImageLike {
    /// # Errors
    /// `ImageError` for pixels that are none; `ValueError` for a mode that is not known.
    pub(crate) fn into_input(self, py: Python<'_>) -> PyResult<ImageInput> {
        match self {
            Self::Path((path,)) => Ok(ImageInput::from(path)),
            Self::File((name, bytes)) => Ok(ImageInput::bytes(&name, bytes.to_vec())),
            Self::Pixels((name, pixels)) => {
                Ok(ImageInput::decoded(&name, pixels.into_image(py, &name)?))
            }
        }
    }
}

impl Pixels {
    fn into_image(self, py: Python<'_>, name: &str) -> PyResult<Image> {
        let mode = mode_of(&self.mode)
            .ok_or_else(|| argument(name, format!("images of mode {} are not read", self.mode)))?;
        let palette = self.palette.map(|colors| Palette::from_rgb(&colors));
        let size = (self.width, self.height);
        let image = Image::from_pixels(mode, size, self.data.to_vec(py)?, palette)
            .map_err(|error| ImageError::new_err(format!("{name}: {error}")))?;
        let transparency = self.transparency.map(|transparent| match transparent {
            Transparent::Value(value) => Transparency::Value(value),
            Transparent::Color(color) => Transparency::Color(color),
            Transparent::Table(table) => Transparency::Table(table.to_vec()),
        });
        Ok(Image { transparency, orientation: self.orientation, ..image })
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
