//! Which activation a checkpoint needs, and who says so (trap 9.1).

use super::{ActivationSource, Hints, LoadOptions};
use crate::architecture::Activation;
use crate::error::CheckpointError;
use std::path::Path;

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

/// Whether the path lies in a cache folder of a released model's repository: Hugging Face's
/// `models--owner--name` or our own `hub/owner/name`.
pub(super) fn is_in_released_repository(path: &Path) -> bool {
    path.ancestors().any(|folder| {
        let name = |path: &Path| Some(path.file_name()?.to_str()?.to_owned());
        let Some(last) = name(folder) else { return false };
        let id = match last
            .strip_prefix("models--")
            .and_then(|repository| repository.split_once("--"))
        {
            Some((owner, name)) => format!("{owner}/{name}"),
            None => match folder.parent().and_then(name) {
                Some(owner) => format!("{owner}/{last}"),
                None => return false,
            },
        };
        let models = crate::registry::models();
        models.iter().any(|model| model.timm == id || model.hugging_face.as_ref() == Some(&id))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repositories_of_released_models_are_known_by_their_folder() {
        for path in [
            "/c/hub/models--timm--resnet50_clip.openai/snapshots/ab/open_clip_model.safetensors",
            "/c/clip-rs/hub/openai/clip-vit-base-patch16",
        ] {
            assert!(is_in_released_repository(Path::new(path)), "{path}");
        }
        for path in ["/c/hub/models--laion--x/snapshots/ab", "model.pt", "/", "openai"] {
            assert!(!is_in_released_repository(Path::new(path)), "{path}");
        }
    }
}
