//! How a model is loaded.

use std::path::PathBuf;

use clip_image::{Limits, TransparencyMode};
use clip_kernels::{Isa, Precision};
use clip_model::cache::CacheFolders;
use clip_model::{Activation, Shortcuts};

use crate::error::Error;

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

/// The environment variable that forces an instruction set: `reference` (the definition, as
/// [`DeviceKind::Reference`]), `portable`, `avx2` or `avx512`. For tests and comparisons: bits are
/// the same in any batch and on any number of threads, but per instruction set.
pub const ISA_VARIABLE: &str = "CLIP_RS_ISA";

/// What the towers are computed with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InstructionSet {
    /// Scalar, f64 sums.
    Reference,
    /// One that this processor has.
    Cpu(Isa),
}

impl InstructionSet {
    /// `reference`, `portable`, `avx2` or `avx512`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Reference => "reference",
            Self::Cpu(isa) => isa.name(),
        }
    }

    fn named(name: &str) -> Result<InstructionSet, Error> {
        let all = || Isa::available().map(InstructionSet::Cpu).chain([InstructionSet::Reference]);
        all().find(|set| set.name() == name).ok_or_else(|| Error::UnknownIsa {
            name: name.to_owned(),
            available: all().map(InstructionSet::name).collect(),
        })
    }
}

/// How [`Clip::load_with`](crate::Clip::load_with) finds and reads a model. The default asks no
/// network.
#[derive(Debug, Clone, Default)]
pub struct LoadOptions {
    /// Where the towers run.
    pub device: DeviceKind,
    /// Of the products with weights; f32 is what "exact" means.
    pub precision: Precision,
    /// Overrides what the file, its configuration or the registry says.
    pub activation: Option<Activation>,
    /// JSON of a configuration (`open_clip_config.json` or transformers' `config.json`) for weights
    /// without one.
    pub config: Option<String>,
    /// Where this program keeps downloaded models; `None`: `clip-rs` in the user's cache folder.
    pub cache_dir: Option<PathBuf>,
    /// Cap on decoded pixels per image.
    pub image_limits: Limits,
    /// Decodes JPEGs much larger than the model's input at a fraction of their size: faster, other
    /// pixels. Becomes part of the recipe
    /// ([`Preprocess::fast_decode`](clip_image::Preprocess::fast_decode)).
    pub fast_decode: bool,
    /// Converts images to RGB before the resize, as the readers behind published measurements do.
    /// Becomes part of the recipe
    /// ([`Preprocess::convert_first`](clip_image::Preprocess::convert_first)).
    pub convert_first: bool,
    /// What becomes of transparent pixels. Becomes part of the recipe
    /// ([`Preprocess::transparency`](clip_image::Preprocess::transparency)).
    pub transparency: TransparencyMode,
    /// Keeps what stands before the projection too, for a linear probe
    /// ([`ImageBatch::penultimate`](crate::ImageBatch)).
    pub penultimate: bool,
    /// Work that is left out because it cannot change an answer; switched off for tests and
    /// measurements only.
    pub shortcuts: Shortcuts,
}

impl LoadOptions {
    /// What the device computes with: the widest this processor has, unless [`ISA_VARIABLE`] forces
    /// another.
    ///
    /// # Errors
    /// The variable names what there is not.
    pub fn instruction_set(&self) -> Result<InstructionSet, Error> {
        if self.device == DeviceKind::Reference {
            return Ok(InstructionSet::Reference);
        }
        match std::env::var(ISA_VARIABLE) {
            Ok(name) if !name.is_empty() => InstructionSet::named(&name),
            _ => Ok(InstructionSet::Cpu(Isa::detect())),
        }
    }

    /// The folders that models are looked for in.
    pub fn cache_folders(&self) -> CacheFolders {
        let folders = CacheFolders::from_environment();
        CacheFolders {
            own: self.cache_dir.clone().unwrap_or_else(|| folders.own.clone()),
            ..folders
        }
    }
}

/// Threads, at most: beyond what a machine has they only wait for each other, and a system runs out
/// of them.
const MOST_THREADS: usize = 4096;

/// Sets the number of threads of everything this library computes; `None`: one per core. To be
/// called once, first.
///
/// # Errors
/// More than 4096; or the threads are running already.
pub fn use_threads(count: Option<std::num::NonZero<usize>>) -> Result<(), String> {
    let count = count.map_or(0, std::num::NonZero::get);
    if count > MOST_THREADS {
        return Err(format!("threads: {count} is no whole number from 1 to {MOST_THREADS}"));
    }
    rayon::ThreadPoolBuilder::new()
        .num_threads(count)
        .build_global()
        .map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instruction_set_that_is_not_there_names_those_that_are() {
        assert_eq!(InstructionSet::named("portable").expect("everywhere").name(), "portable");
        assert_eq!(
            InstructionSet::named("reference").expect("everywhere"),
            InstructionSet::Reference
        );
        let error = InstructionSet::named("mmx").expect_err("too old").to_string();
        assert!(error.starts_with("CLIP_RS_ISA=mmx: this processor has "), "{error}");
        assert!(error.ends_with("portable, reference"), "{error}");
    }
}
