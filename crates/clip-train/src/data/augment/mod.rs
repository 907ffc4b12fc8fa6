//! From the bytes of an image file to what the model sees of it in training. PROTOCOL 2.6.
//!
//! ```text
//! bytes ─▶ decode ─▶ a part is drawn (crop) ─▶ resize ─▶ RGB ─▶ colours are changed (color)
//! ```

mod color;
mod crop;

use clip_image::{ImageError, Limits, Pixels, Preprocess};
use clip_model::random::Stream;

use self::color::Change;
use super::options::{Crop, DataOptions};

/// Where draws belong: what is drawn for a sample is a function of these alone.
#[derive(Debug, Clone, Copy)]
pub(super) struct Draws {
    pub(super) seed: u64,
    pub(super) epoch: u64,
    /// Within the epoch.
    pub(super) position: u64,
}

impl Draws {
    /// The draws for one purpose.
    pub(super) fn stream(self, purpose: &str) -> Stream {
        Stream::new(self.seed, purpose, self.position, self.epoch as u32)
    }
}

/// The choices of what is drawn.
#[derive(Debug, Clone)]
pub(super) struct Augment {
    recipe: Preprocess,
    crop: Crop,
    scale: [f64; 2],
    ratio: [f64; 2],
    color_jitter: Option<[f64; 4]>,
    color_jitter_prob: f64,
    gray_scale_prob: f64,
}

impl Augment {
    /// `recipe` says size, filter, colours and the order of conversion.
    pub(super) fn new(options: &DataOptions, recipe: &Preprocess) -> Self {
        Self {
            recipe: recipe.clone(),
            crop: options.crop,
            scale: options.scale(),
            ratio: options.ratio,
            color_jitter: options.color_jitter,
            color_jitter_prob: options.color_jitter_prob,
            gray_scale_prob: options.gray_scale_prob,
        }
    }

    /// Pixels of a sample, `[size, size, 3]`.
    pub(super) fn pixels(
        &self,
        bytes: &[u8],
        limits: &Limits,
        draws: Draws,
    ) -> Result<Pixels, ImageError> {
        let mut stream = draws.stream("crop");
        let mut pixels = match self.crop {
            Crop::Evaluation => return self.recipe.pixels(bytes, limits),
            Crop::ResizedCrop => self.recipe.view(bytes, limits, |image| {
                crop::resized_crop(&mut stream, image, self.scale, self.ratio)
            })?,
            Crop::Square => self.recipe.view(bytes, limits, |image| {
                crop::square(&mut stream, image, self.recipe.size, self.scale)
            })?,
        };
        self.changes(draws).into_iter().for_each(|change| change.apply(&mut pixels.data));
        Ok(pixels)
    }

    /// What happens to the colours.
    fn changes(&self, draws: Draws) -> Vec<Change> {
        let mut stream = draws.stream("color");
        let (jitters, greys) =
            (stream.unit() < self.color_jitter_prob, stream.unit() < self.gray_scale_prob);
        let mut changes = match self.color_jitter {
            Some(strengths) if jitters => color::jitter(&mut stream, strengths),
            _ => Vec::new(),
        };
        changes.extend(greys.then_some(Change::Grey));
        changes
    }

    /// The recipe.
    pub(super) fn recipe(&self) -> &Preprocess {
        &self.recipe
    }
}

#[cfg(test)]
mod tests;
