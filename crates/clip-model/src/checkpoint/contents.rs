//! What one file holds, under its own names: read, or only listed.

use super::layout::Container;
use super::preprocess_config::PreprocessConfig;
use crate::tensor::Tensor;
use std::path::PathBuf;

/// Tensors under the file's own names.
pub(super) struct Source {
    pub(super) path: PathBuf,
    pub(super) tensors: Vec<(String, Tensor)>,
    pub(super) container: Container,
    /// JSON of the configuration that belongs to the weights.
    pub(super) config: Option<String>,
    pub(super) preprocess_config: Option<PreprocessConfig>,
    pub(super) tokenizer_files: Vec<PathBuf>,
    /// The file's digest is that of a released model.
    pub(super) released: bool,
    pub(super) warnings: Vec<String>,
    /// Entries beside the tensors that are not built: names and what they are.
    pub(super) unbuilt: Vec<(String, String)>,
    pub(super) files: Vec<PathBuf>,
}

/// What one file holds.
pub(super) struct Contents {
    pub(super) tensors: Vec<(String, Tensor)>,
    pub(super) container: Container,
    /// The configuration in the file's own metadata.
    pub(super) metadata_config: Option<String>,
    pub(super) warnings: Vec<String>,
    /// As [`Source::unbuilt`].
    pub(super) unbuilt: Vec<(String, String)>,
}

/// Everything that a file of tensors tells of itself, without a value being read.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Inventory {
    /// What kind of file it is.
    pub container: Container,
    /// The keys of the outermost dictionary and what they stand for; of safetensors, the metadata.
    pub keys: Vec<(String, String)>,
    /// Every tensor, by the keys and names that lead to it.
    pub tensors: Vec<ListedTensor>,
    /// Classes and functions whose objects stand in the file; they are never built.
    pub not_built: Vec<String>,
}

/// One tensor of an [`Inventory`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ListedTensor {
    /// Its name in the file.
    pub name: String,
    /// Its element type.
    pub dtype: String,
    /// Its sizes.
    pub shape: Vec<u64>,
}
