//! How a model is loaded.

use std::path::PathBuf;

use clip_image::Limits;
use clip_kernels::Precision;
use clip_model::Activation;
use clip_model::cache::CacheFolders;

/// What computes: the fast path, or the slow definition it is tested against.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DeviceKind {
    /// f32, all threads of the current pool.
    #[default]
    Cpu,
    /// Scalar, f64 sums: the definition. Hundreds of times slower.
    Reference,
}

impl std::str::FromStr for DeviceKind {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        match name {
            "cpu" => Ok(Self::Cpu),
            "reference" => Ok(Self::Reference),
            _ => Err(format!("no device called `{name}`; there are `cpu` and `reference`")),
        }
    }
}

/// How [`Clip::load_with`](crate::Clip::load_with) finds and reads a model. The default asks no network.
#[derive(Debug, Clone, Default)]
pub struct LoadOptions {
    /// Where the towers run.
    pub device: DeviceKind,
    /// Of the products with weights; f32 is what "exact" means.
    pub precision: Precision,
    /// Overrides what the file, its configuration or the registry says.
    pub activation: Option<Activation>,
    /// JSON of a configuration (`open_clip_config.json` or transformers' `config.json`) for weights without one.
    pub config: Option<String>,
    /// Where this program keeps downloaded models; `None`: `clip-rs` in the user's cache folder.
    pub cache_dir: Option<PathBuf>,
    /// Cap on decoded pixels per image.
    pub image_limits: Limits,
}

impl LoadOptions {
    /// The folders that models are looked for in.
    pub fn cache_folders(&self) -> CacheFolders {
        let folders = CacheFolders::from_environment();
        CacheFolders { own: self.cache_dir.clone().unwrap_or_else(|| folders.own.clone()), ..folders }
    }
}

/// Sets the number of threads of everything this library computes; `None`: one per core. To be called once, first.
///
/// # Errors
/// The threads are running already.
pub fn use_threads(count: Option<std::num::NonZero<usize>>) -> Result<(), String> {
    let count = count.map_or(0, std::num::NonZero::get);
    rayon::ThreadPoolBuilder::new().num_threads(count).build_global().map_err(|error| error.to_string())
}
