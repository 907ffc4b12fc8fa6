//! Keyword arguments of `load` as the library's options.

use std::path::PathBuf;

use clip_rs::{Activation, ImageLimits, LoadOptions};
use pyo3::prelude::*;

use crate::errors::argument;

/// How a model is loaded; names and values as the program's flags have them.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub(crate) struct Options {
    precision: String,
    device: String,
    activation: Option<String>,
    model_config: Option<String>,
    cache_dir: Option<PathBuf>,
    max_pixels: Option<u64>,
    fast_decode: bool,
}

impl Options {
    /// # Errors
    /// `ValueError` with the argument that has no such value.
    pub(crate) fn load_options(self) -> PyResult<LoadOptions> {
        let defaults = LoadOptions::default();
        let image_limits = match self.max_pixels {
            Some(0) => {
                return Err(argument("max_pixels", "0 is not 1 or more: no image has so few"));
            }
            Some(max_pixels) => ImageLimits { max_pixels },
            None => defaults.image_limits,
        };
        Ok(LoadOptions {
            device: self.device.parse().map_err(|error: String| argument("device", error))?,
            precision: self.precision.parse().map_err(|error| argument("precision", error))?,
            activation: self.activation.as_deref().map(activation).transpose()?,
            config: self.model_config,
            cache_dir: self.cache_dir,
            image_limits,
            fast_decode: self.fast_decode,
            ..defaults
        })
    }
}

fn activation(name: &str) -> PyResult<Activation> {
    match name {
        "quickgelu" | "quick_gelu" => Ok(Activation::QuickGelu),
        "gelu" => Ok(Activation::Gelu),
        _ => Err(argument(
            "activation",
            format!("no activation called `{name}`; there are `quickgelu` and `gelu`"),
        )),
    }
}
