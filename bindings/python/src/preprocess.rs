//! How images become inputs, whatever the model.

use std::str::FromStr;

use clip_image::{CropMode, ImageError, Limits, MEAN, STD};
use numpy::{IntoPyArray, PyArray3, PyArrayMethods};
use pyo3::prelude::*;

use crate::errors::{argument, clip_error};
use crate::images::ImageLike;

/// Width and height of the resized image; left, top, right and bottom of what the crop keeps.
type Layout = ((u64, u64), (u64, u64, u64, u64));

/// A recipe, and how many pixels an image may have. Computes on the thread that calls: whoever
/// loads images in many threads or processes has as many at work.
#[pyclass(frozen, module = "clip_rs._clip_rs")]
pub(crate) struct Preprocess {
    recipe: clip_image::Preprocess,
    limits: Limits,
}

/// Names and values as a recipe's JSON has them; sizes and levels are checked where they are given.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
struct Recipe {
    size: u32,
    resize: String,
    interpolation: String,
    crop: Option<String>,
    crop_offset: String,
    fill: u8,
    mean: Option<[f32; 3]>,
    std: Option<[f32; 3]>,
    exif_orientation: bool,
    convert_first: bool,
    transparency: String,
    fast_decode: bool,
}

#[pymethods]
impl Preprocess {
    #[new]
    fn new(recipe: Recipe, max_pixels: Option<u64>) -> PyResult<Preprocess> {
        let resize: clip_image::ResizeMode = word("resize", &recipe.resize)?;
        let crop: Option<CropMode> =
            recipe.crop.as_deref().map(|crop| word("crop", crop)).transpose()?;
        let recipe = clip_image::Preprocess {
            size: recipe.size,
            resize,
            interpolation: word("interpolation", &recipe.interpolation)?,
            crop: crop.unwrap_or_else(|| resize.usual_crop()),
            crop_offset: word("crop_offset", &recipe.crop_offset)?,
            fill: recipe.fill,
            mean: recipe.mean.unwrap_or(MEAN),
            std: recipe.std.unwrap_or(STD),
            exif_orientation: recipe.exif_orientation,
            convert_first: recipe.convert_first,
            transparency: word("transparency", &recipe.transparency)?,
            fast_decode: recipe.fast_decode,
        };
        let limits = max_pixels.map_or_else(Limits::default, |max_pixels| Limits { max_pixels });
        Ok(Preprocess { recipe, limits })
    }

    /// As JSON; what is as in the reference may be left out.
    #[getter]
    fn recipe(&self) -> PyResult<String> {
        serde_json::to_string(&self.recipe).map_err(|error| argument("recipe", error))
    }

    #[getter]
    fn max_pixels(&self) -> u64 {
        self.limits.max_pixels
    }

    /// Where Pillow is to resize and crop an image of so many pixels.
    fn layout(&self, width: u32, height: u32) -> PyResult<Layout> {
        let layout = self.recipe.layout((width, height), &self.limits);
        let layout =
            layout.map_err(|error| crate::errors::ImageError::new_err(error.to_string()))?;
        let (columns, rows) = (layout.columns, layout.rows);
        Ok((layout.resized, (columns.start, rows.start, columns.end, rows.end)))
    }

    /// RGB pixels, `[size, size, 3]`.
    fn pixels<'py>(&self, py: Python<'py>, image: ImageLike) -> PyResult<Bound<'py, PyArray3<u8>>> {
        let pixels = self.run(py, image)?;
        let shape = [pixels.height as usize, pixels.width as usize, 3];
        pixels.data.into_pyarray(py).reshape(shape)
    }

    /// Normalised pixels, `[3, size, size]`.
    fn input<'py>(&self, py: Python<'py>, image: ImageLike) -> PyResult<Bound<'py, PyArray3<f32>>> {
        let pixels = self.run(py, image)?;
        let shape = [3, pixels.height as usize, pixels.width as usize];
        let input = py.detach(|| pixels.to_input(self.recipe.mean, self.recipe.std));
        input.into_pyarray(py).reshape(shape)
    }
}

impl Preprocess {
    fn run(&self, py: Python<'_>, image: ImageLike) -> PyResult<clip_image::Pixels> {
        let input = image.into_input(py)?;
        let pixels = py.detach(|| input.pixels(&self.recipe, &self.limits));
        pixels.map_err(|error| clip_error(py, &error))
    }
}

fn word<T: FromStr<Err = ImageError>>(name: &str, text: &str) -> PyResult<T> {
    text.parse().map_err(|error| match error {
        ImageError::Config { what } => argument(name, what),
        other => argument(name, other),
    })
}
