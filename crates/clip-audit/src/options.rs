//! What a person chooses of every audit.

use clip_eval::statistics::Bootstrap;
use serde::Serialize;

/// The least group that may have a figure: below it, an audit would speak of single people.
pub const LEAST_GROUP: usize = 10;

/// How groups are measured and compared.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "clap", derive(clap::Args))]
pub struct GroupOptions {
    /// Groups of fewer images have no figure; at least 10
    #[cfg_attr(feature = "clap", arg(long, default_value_t = GroupOptions::default().min_group, value_name = "N", value_parser = at_least_ten))]
    pub min_group: usize,
    /// Level of intervals and tests
    #[cfg_attr(feature = "clap", arg(long, default_value_t = GroupOptions::default().level, value_name = "SHARE", value_parser = clip_eval::options::level))]
    pub level: f64,
    /// Of everything drawn at random
    #[cfg_attr(feature = "clap", arg(long, default_value_t = GroupOptions::default().seed, value_name = "N"))]
    pub seed: u64,
    /// Resamples of a bootstrap
    #[cfg_attr(feature = "clap", arg(long, default_value_t = GroupOptions::default().resamples, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000)))]
    pub resamples: u32,
}

impl Default for GroupOptions {
    fn default() -> Self {
        GroupOptions { min_group: 20, level: 0.95, seed: 0, resamples: 10_000 }
    }
}

impl GroupOptions {
    /// The least group that has a figure, whatever was asked for.
    pub fn least_group(&self) -> usize {
        self.min_group.max(LEAST_GROUP)
    }

    /// Resamples of the images.
    pub fn bootstrap(&self) -> Bootstrap {
        Bootstrap { level: self.level, resamples: self.resamples, seed: self.seed }
    }
}

/// A number of things, at least one.
#[cfg(feature = "clap")]
pub(crate) fn at_least_one(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(count) if count > 0 => Ok(count),
        _ => Err(format!("no number from 1 on: {text}")),
    }
}

/// A sentence that has a place for a word.
#[cfg(feature = "clap")]
pub(crate) fn template(text: &str) -> Result<String, String> {
    match text.contains("{}") {
        true => Ok(text.to_owned()),
        false => Err("it has no {} for the word".to_owned()),
    }
}

#[cfg(feature = "clap")]
fn at_least_ten(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(size) if size >= LEAST_GROUP => Ok(size),
        Ok(size) => Err(format!(
            "{size}: a group of fewer than {LEAST_GROUP} images would be about single people"
        )),
        Err(_) => Err(format!("no number of images: {text}")),
    }
}
