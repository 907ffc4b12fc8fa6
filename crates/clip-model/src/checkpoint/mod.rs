//! From a file of any layout to tensors under the reference's names and a checked architecture.
//!
//! ```text
//! path or bytes ── source ──> tensors under the file's names
//!                              (safetensors, zip or legacy torch.save, TorchScript, shards)
//!               ── names  ──> tensors under the reference's names, the layout they came in
//!               ── hints  ──> what a configuration file says: heads, activation, pooling
//!               ── derive ──> the architecture, from shapes; every name and shape checked
//! ```
//!
//! The values are read when a model is made of them: only then NaN and infinities are refused.
//! Nothing in a file is executed. What a file declares is checked against what it holds before
//! anything is allocated.
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects
    )
)]

mod activation;
mod configuration;
mod contents;
mod derive;
mod digest;
mod directory;
pub(crate) mod finite;
#[doc(hidden)]
pub mod fuzzing;
mod hints;
mod hugging_face_config;
pub(crate) mod hugging_face_names;
mod inventory;
mod keys;
mod layout;
mod names;
mod open_clip_config;
mod options;
mod preprocess_config;
mod released;
mod source;
pub(crate) mod tokenizer_files;
mod torch;

pub use activation::ActivationSource;
pub use contents::{Inventory, ListedTensor};
pub(crate) use directory::has_weights;
#[cfg(feature = "download")]
pub(crate) use directory::{WEIGHT_FILES, shards_of};
pub use finite::CheckReport;
pub use inventory::inventory;
pub use layout::{Container, Layout};
pub use options::LoadOptions;
pub use preprocess_config::{PreprocessConfig, PreprocessKind};
pub(crate) use source::CONFIG_KEY;
pub use tokenizer_files::TokenizerConfig;

use crate::architecture::Architecture;
use crate::error::{CheckpointError, shown};
use crate::state_dict::StateDict;
use crate::tensor::SharedBytes;
use contents::Source;
use hints::Hints;
use std::path::{Path, PathBuf};

/// A checkpoint that fits an architecture, name by name and shape by shape.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Checkpoint {
    /// The tensors under the reference's names.
    pub state_dict: StateDict,
    /// The architecture they fit.
    pub architecture: Architecture,
    /// Whose names the file used.
    pub layout: Layout,
    /// What kind of file it was.
    pub container: Container,
    /// Where the choice of activation came from.
    pub activation_source: ActivationSource,
    /// One of the released models, by its digest or the cache folder of its repository.
    pub released: bool,
    /// The preprocessing that came with the weights, as it stands in its file.
    pub preprocess_config: Option<PreprocessConfig>,
    /// How texts become tokens, as far as the configuration and the files beside the weights say.
    pub tokenizer: TokenizerConfig,
    /// What was ignored, assumed or looks odd, one sentence each.
    pub warnings: Vec<String>,
    /// Every file that was read.
    pub files: Vec<PathBuf>,
}

impl Checkpoint {
    /// Opens a file, or a folder as open_clip and transformers write them.
    ///
    /// # Errors
    /// [`CheckpointError`], naming the file and what does not fit.
    pub fn open(path: &Path, options: &LoadOptions) -> Result<Self, CheckpointError> {
        let source = directory::open(path, options)?;
        Self::assemble(source, options)
    }

    /// Reads a checkpoint that is part of the program; `name` is only for messages.
    ///
    /// # Errors
    /// As [`Checkpoint::open`].
    pub fn from_bytes(
        name: &str,
        bytes: &'static [u8],
        config_json: Option<&str>,
        options: &LoadOptions,
    ) -> Result<Self, CheckpointError> {
        let mut source = source::parse(Path::new(name), SharedBytes::new(bytes), options)?;
        source.config = config_json.map(str::to_owned);
        source.preprocess_config =
            config_json.and_then(|json| PreprocessConfig::of_open_clip(Path::new(name), json));
        Self::assemble(source, options)
    }

    /// A model that was in no file: made anew, or trained. Its configuration is the architecture,
    /// its tokens are CLIP's, and nothing is said of preprocessing.
    ///
    /// # Errors
    /// [`CheckpointError::NotClip`] when the architecture's sizes do not fit together, or what does
    /// not fit it among the names and shapes.
    pub fn of_weights(
        weights: StateDict,
        architecture: Architecture,
    ) -> Result<Self, CheckpointError> {
        let path = weights.path().to_path_buf();
        architecture.validate().map_err(|problem| CheckpointError::NotClip { path, problem })?;
        derive::check_names_and_shapes(&weights, &architecture)?;
        let warnings = finite::check_scale(&weights)?.into_iter().collect();
        let mut hints = Hints::default();
        refuse_short_vocabulary(&architecture, &mut hints);
        Ok(Self {
            state_dict: weights,
            architecture,
            layout: Layout::OpenClip,
            container: Container::Safetensors,
            activation_source: ActivationSource::Flag,
            released: false,
            preprocess_config: None,
            tokenizer: TokenizerConfig::new(&hints, Vec::new()),
            warnings,
            files: Vec::new(),
        })
    }

    /// Other weights with this checkpoint's preprocessing and tokens: what became of it in
    /// training.
    ///
    /// # Errors
    /// As [`Checkpoint::of_weights`].
    pub fn with_weights(
        &self,
        weights: StateDict,
        architecture: Architecture,
    ) -> Result<Self, CheckpointError> {
        Ok(Self {
            activation_source: self.activation_source,
            preprocess_config: self.preprocess_config.clone(),
            tokenizer: self.tokenizer.clone(),
            ..Self::of_weights(weights, architecture)?
        })
    }

    /// Reads every tensor and reports what a careful person would want to know of the values.
    pub fn check(&self) -> CheckReport {
        finite::check(&self.state_dict)
    }

    /// A digest of the tensors under the reference's names, 64 hexadecimal digits: the same for the
    /// same weights in any layout and container. Reads everything.
    pub fn digest(&self) -> String {
        digest::of_tensors(&self.state_dict)
    }

    fn assemble(source: Source, options: &LoadOptions) -> Result<Self, CheckpointError> {
        let path = source.path;
        let mut warnings = source.warnings;
        let given: Vec<String> = source.tensors.iter().map(|(name, _)| name.clone()).collect();
        let renamed = names::to_reference(&path, source.tensors, source.container)?;
        warnings.extend(renamed.warnings);
        let state_dict = StateDict::from_tensors(path.clone(), renamed.tensors);
        let explained = |error| explained(error, &given, &source.unbuilt);

        let config = options.config.as_ref().or(source.config.as_ref());
        let mut hints = match config {
            Some(json) => configuration::hints(&path, json)?,
            None => Hints::default(),
        };
        let told =
            options.config.as_deref().and_then(|json| PreprocessConfig::of_open_clip(&path, json));
        warnings.extend(hints.warnings.iter().cloned());
        let mut architecture = derive::architecture(&state_dict, &hints).map_err(explained)?;
        derive::check_names_and_shapes(&state_dict, &architecture).map_err(explained)?;
        refuse_short_vocabulary(&architecture, &mut hints);
        warnings.extend(finite::check_scale(&state_dict)?);
        let derived = architecture.image.resolution();
        let other = renamed.input_resolution.filter(|&stated| stated != derived as i64);
        warnings.extend(other.map(|stated| {
            format!("the archive states a resolution of {stated}, its shapes give {derived}")
        }));

        let released = source.released || released::is_in_released_repository(&path);
        let openai_layout = renamed.openai_buffers;
        let (activation, activation_source) =
            activation::choose(&path, options, &hints, openai_layout, released, &mut warnings)?;
        architecture.activation = activation;
        if config.is_none() && !released {
            warnings.extend(derive::assumed_heads(&architecture));
        }

        let is_openai = openai_layout && renamed.layout == Layout::OpenClip;
        let layout = if is_openai { Layout::OpenAi } else { renamed.layout };
        Ok(Self {
            state_dict,
            architecture,
            layout,
            container: source.container,
            activation_source,
            released,
            preprocess_config: told.or(source.preprocess_config),
            tokenizer: TokenizerConfig {
                released,
                ..TokenizerConfig::new(&hints, source.tokenizer_files)
            },
            warnings,
            files: source.files,
        })
    }
}

/// CLIP's ids must have a row each, or texts cannot be encoded.
fn refuse_short_vocabulary(architecture: &Architecture, hints: &mut Hints) {
    let (rows, ids) = (architecture.text.vocab_size, open_clip_config::VOCABULARY);
    if rows < ids {
        hints.refuse_texts(format!("the token table has {rows} rows, CLIP's tokenizer {ids} ids"));
    }
}

/// A missing tensor, with why it may be: an object in its place, or names of another model.
fn explained(
    error: CheckpointError,
    given: &[String],
    unbuilt: &[(String, String)],
) -> CheckpointError {
    let CheckpointError::MissingTensor { path, name } = error else { return error };
    let problem =
        match unbuilt.iter().find(|(other, _)| names::without_wrappers(other).ends_with(&name)) {
            Some((other, what)) => {
                format!("`{}` is {what}, expected a plain tensor of numbers", shown(other))
            }
            None => {
                let given = names::summary(given.iter().map(String::as_str));
                format!("tensor `{name}` is missing; the file holds {given}")
            }
        };
    CheckpointError::NotClip { path, problem }
}
