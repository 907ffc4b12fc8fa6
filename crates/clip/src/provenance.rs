//! What identifies a model, and what is needed to repeat a file of embeddings.

use std::path::PathBuf;

use clip_image::Recipe;
use clip_model::{Activation, ActivationSource, Checkpoint, Layout, sha256_of_file};
use serde::Serialize;

use crate::Clip;
use crate::error::Error;

/// What identifies a model.
#[derive(Debug, Clone, Serialize)]
pub struct ModelProvenance {
    /// The name or path it was loaded by.
    pub name: String,
    /// Files read, each with its SHA-256; empty for the built-in model.
    pub files: Vec<ModelFile>,
    /// How the tensors were laid out.
    pub layout: String,
    /// `quickgelu` or `gelu`.
    pub activation: String,
    /// Who said so.
    pub activation_source: String,
}

/// A file a model was read from.
#[derive(Debug, Clone, Serialize)]
pub struct ModelFile {
    /// Where it is.
    pub path: PathBuf,
    /// Its SHA-256.
    pub sha256: String,
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
    pub recipe: Option<&'a Recipe>,
    /// `f32`.
    pub precision: &'a str,
    /// Whether rows have norm 1 (embeddings) or are the towers' outputs (features).
    pub normalized: bool,
    /// Length of a row.
    pub embed_dim: usize,
    #[serde(flatten)]
    counts: Counts,
}

impl ModelProvenance {
    /// Reads the model's files once more, for their digests.
    ///
    /// # Errors
    /// A file is gone.
    pub(crate) fn new(name: &str, checkpoint: &CheckpointFacts) -> Result<ModelProvenance, Error> {
        let digest = |path: &PathBuf| match sha256_of_file(path) {
            Ok(sha256) => Ok(ModelFile { path: path.clone(), sha256 }),
            Err(source) => Err(Error::ReadModel { path: path.clone(), source }),
        };
        Ok(ModelProvenance {
            name: name.to_owned(),
            files: checkpoint.files.iter().map(digest).collect::<Result<_, Error>>()?,
            layout: checkpoint.layout.name().to_owned(),
            activation: checkpoint.activation.name().to_owned(),
            activation_source: format!("{:?}", checkpoint.activation_source).to_lowercase(),
        })
    }
}

/// What of a checkpoint is kept once its weights are packed.
pub(crate) struct CheckpointFacts {
    files: Vec<PathBuf>,
    layout: Layout,
    activation: Activation,
    activation_source: ActivationSource,
}

impl From<&Checkpoint> for CheckpointFacts {
    fn from(checkpoint: &Checkpoint) -> Self {
        CheckpointFacts {
            files: checkpoint.files.clone(),
            layout: checkpoint.layout,
            activation: checkpoint.architecture.activation,
            activation_source: checkpoint.activation_source,
        }
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
            recipe: (kind == "images").then_some(clip.recipe()),
            precision: "f32",
            normalized,
            embed_dim: clip.embed_dim(),
            counts,
        }
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
