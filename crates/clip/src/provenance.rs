//! What identifies a model, and what is needed to repeat a file of embeddings.

use std::path::PathBuf;

use clip_image::Preprocess;
use clip_model::Checkpoint;
use serde::Serialize;

use crate::Clip;
use crate::clip::open_checkpoint;
use crate::error::Error;

/// What identifies a model.
#[derive(Debug, Clone, Serialize)]
pub struct ModelProvenance {
    /// The name or path it was loaded by.
    pub name: String,
    /// SHA-256 over the tensors: the same for every layout and container that holds the same values
    /// in the same types.
    pub tensors_sha256: String,
    /// Files read; empty for the built-in model.
    pub files: Vec<PathBuf>,
    /// How the tensors were laid out.
    pub layout: String,
    /// `quickgelu` or `gelu`.
    pub activation: String,
    /// Who said so.
    pub activation_source: String,
}

/// Schema of [`Provenance`]; raised when a field changes its meaning.
const SCHEMA: u32 = 1;

/// Everything needed to repeat a file of embeddings; written beside it.
#[derive(Debug, Clone, Serialize)]
pub struct Provenance<'a> {
    schema: u32,
    clip_rs: &'static str,
    /// What was embedded: `images` or `texts`.
    pub kind: &'a str,
    /// The model.
    pub model: &'a ModelProvenance,
    /// How images became inputs; absent for texts.
    pub recipe: Option<&'a Preprocess>,
    /// What the rows were computed with.
    #[serde(flatten)]
    pub computation: ComputeEnv,
    /// Whether rows have norm 1 (embeddings) or are the towers' outputs (features).
    pub normalized: bool,
    /// Length of a row.
    pub embed_dim: usize,
    #[serde(flatten)]
    counts: Counts,
}

impl ModelProvenance {
    pub(crate) fn new(name: &str, checkpoint: &Checkpoint) -> ModelProvenance {
        ModelProvenance {
            name: name.to_owned(),
            tensors_sha256: checkpoint.digest(),
            files: checkpoint.files.clone(),
            layout: checkpoint.layout.name().to_owned(),
            activation: checkpoint.architecture.activation.name().to_owned(),
            activation_source: checkpoint.activation_source.name().to_owned(),
        }
    }
}

impl Clip {
    /// What identifies the model in files written with it. Reads the weights once more, for their
    /// digest.
    ///
    /// # Errors
    /// The model is gone from where it was loaded.
    pub fn provenance(&self) -> Result<ModelProvenance, Error> {
        Ok(ModelProvenance::new(self.name(), &open_checkpoint(self.name(), self.options())?))
    }
}

impl<'a> Provenance<'a> {
    /// Provenance of `rows` rows made by `clip`.
    pub fn new(
        kind: &'a str,
        clip: &'a Clip,
        model: &'a ModelProvenance,
        normalized: bool,
        counts: Counts,
    ) -> Self {
        Provenance {
            schema: SCHEMA,
            clip_rs: env!("CARGO_PKG_VERSION"),
            kind,
            model,
            recipe: (kind == "images").then_some(clip.preprocess()),
            computation: ComputeEnv::of(clip),
            normalized,
            embed_dim: clip.embed_dim(),
            counts,
        }
    }
}

/// What rows were computed with; rows of different computations do not belong in one file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct ComputeEnv {
    /// `f32`, `bf16` or `int8`.
    pub precision: &'static str,
    /// `reference`, `portable`, `avx2` or `avx512`: bits are the same per instruction set.
    pub isa: &'static str,
}

impl ComputeEnv {
    /// That of `clip`.
    pub fn of(clip: &Clip) -> ComputeEnv {
        ComputeEnv { precision: clip.precision().name(), isa: clip.instruction_set().name() }
    }
}

/// How many inputs became rows, and how many did not.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Rows written.
    pub rows: usize,
    /// Inputs left out; the ledger names them.
    pub skipped: usize,
    /// Texts cut to the context length.
    pub truncated: usize,
}
