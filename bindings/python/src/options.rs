//! Keyword arguments of `load` as the library's options.

use std::path::PathBuf;

use std::sync::Mutex;

use clip_rs::model::download::Progress;
use clip_rs::model::{ResolveOptions, resolve};
use clip_rs::{Activation, ImageLimits, LoadOptions};
use pyo3::prelude::*;

use crate::errors::argument;
use crate::work::Watch;

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

/// A download that is allowed.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub(crate) struct Download {
    /// Another server, of released files and of Hugging Face's.
    mirror: Option<String>,
}

impl Download {
    /// Fetches the model unless it is here, by the code of `clip-rs models download`.
    ///
    /// # Errors
    /// No such name; what kept the file from coming. Stopped, it keeps what came for the next time.
    pub(crate) fn fetch(
        &self,
        name: &str,
        options: &LoadOptions,
        watch: &Watch,
    ) -> Result<(), clip_rs::Error> {
        let folders = options.cache_folders();
        let told = Mutex::new((String::new(), 0)); // the file, and how much of it
        let progress = |progress: Progress<'_>| {
            let mut told = told.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            if told.0 != progress.file {
                *told = (progress.file.to_owned(), 0);
                watch.begin(progress.file, progress.total);
            }
            let more = progress.done.saturating_sub(told.1);
            told.1 = progress.done;
            drop(watch.progress(usize::try_from(more).unwrap_or(usize::MAX)));
        };
        let asked = ResolveOptions {
            download: true,
            mirror: self.mirror.as_deref(),
            hub: self.mirror.as_deref(),
            folders: Some(&folders),
            progress: Some(&progress),
            stop: Some(watch.stop()),
            ..ResolveOptions::default()
        };
        if name != clip_rs::STARTER {
            resolve(name, &asked)?;
        }
        Ok(())
    }
}
