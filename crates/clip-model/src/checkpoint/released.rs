//! Whether a checkpoint is one of the released models: by its digest, or by the folder it lies in.

use super::options::LoadOptions;
use crate::error::CheckpointError;
use crate::registry;
use crate::sha256_of_bytes;
use crate::tensor::SharedBytes;
use std::path::Path;

/// A file that carries the name of a released model must have its digest (PROTOCOL 5.8).
pub(super) fn has_released_digest(
    path: &Path,
    bytes: &SharedBytes,
    options: &LoadOptions,
) -> Result<bool, CheckpointError> {
    let name = path.file_name().and_then(|name| name.to_str());
    let Some(model) = registry::models().iter().find(|model| Some(model.file.as_str()) == name)
    else {
        return Ok(false);
    };
    let found = sha256_of_bytes(bytes.as_slice());
    if found == model.sha256 || options.ignore_digest {
        return Ok(found == model.sha256);
    }
    Err(CheckpointError::WrongDigest {
        path: path.to_path_buf(),
        found,
        expected: model.sha256.clone(),
    })
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
        let models = registry::models();
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
