//! Which activation a checkpoint needs, and who says so (trap 9.1).

use super::hints::Hints;
use super::options::LoadOptions;
use crate::architecture::Activation;
use crate::error::CheckpointError;
use std::path::Path;

/// Where the choice between QuickGELU and GELU came from (trap 9.1): weights do not say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ActivationSource {
    /// A configuration file beside the weights or in the file's metadata.
    Config,
    /// The digest is that of a released model.
    Registry,
    /// The three scalar buffers of OpenAI's archives are there.
    OpenAiLayout,
    /// The caller said so.
    Flag,
    /// Nobody said; QuickGELU was taken because the caller allowed a guess.
    Guessed,
}

impl ActivationSource {
    /// `config`, `registry`, `openai_layout`, `flag` or `guessed`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Config => "config",
            Self::Registry => "registry",
            Self::OpenAiLayout => "openai_layout",
            Self::Flag => "flag",
            Self::Guessed => "guessed",
        }
    }
}

/// The caller's word, then a released model's digest, then the configuration, then OpenAI's layout.
pub(super) fn choose(
    path: &Path,
    options: &LoadOptions,
    hints: &Hints,
    openai_layout: bool,
    released: bool,
    warnings: &mut Vec<String>,
) -> Result<(Activation, ActivationSource), CheckpointError> {
    if let Some(flag) = options.activation {
        if let Some(config) = hints.activation
            && config != flag
        {
            warnings.push(format!(
                "using {} as told, the configuration says {}",
                flag.name(),
                config.name()
            ));
        }
        return Ok((flag, ActivationSource::Flag));
    }
    if released {
        return Ok((Activation::QuickGelu, ActivationSource::Registry));
    }
    if let Some(config) = hints.activation {
        if config == Activation::Gelu && openai_layout {
            warnings.push("the configuration says gelu, but the layout is that of OpenAI's models, which need quick_gelu".to_owned());
        }
        return Ok((config, ActivationSource::Config));
    }
    if openai_layout {
        return Ok((Activation::QuickGelu, ActivationSource::OpenAiLayout));
    }
    if options.guess_activation {
        warnings.push(
            "nothing says which activation the weights need: quick_gelu was guessed".to_owned(),
        );
        return Ok((Activation::QuickGelu, ActivationSource::Guessed));
    }
    Err(CheckpointError::UnknownActivation { path: path.to_path_buf() })
}
