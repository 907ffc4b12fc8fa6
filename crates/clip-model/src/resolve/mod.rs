//! From what a person types to a path on this machine: a path, a released model's name, or
//! `hf:owner/name`; from the caches first, from the network only when that was asked for.

mod error;
#[cfg(feature = "download")]
mod fetch;
mod options;

pub use error::ResolveError;
pub use options::ResolveOptions;

use crate::cache::{CacheFolders, RepositoryId};
use crate::registry::{self, ReleasedModel};
use crate::sha256;
use options::COMPLETE;
use std::path::{Path, PathBuf};

/// The path of a checkpoint: an existing path as it is, a released model in anybody's spelling, or
/// `hf:owner/name`. Files are looked for in our cache, OpenAI's and Hugging Face's, in this order.
///
/// # Errors
/// [`ResolveError`], with the nearest names where a name is unknown.
pub fn resolve(name: &str, options: &ResolveOptions<'_>) -> Result<PathBuf, ResolveError> {
    let environment;
    let folders = match options.folders {
        Some(folders) => folders,
        None => {
            environment = CacheFolders::from_environment();
            &environment
        }
    };
    if let Some(folder) = name.strip_prefix("local-dir:") {
        let path = PathBuf::from(folder);
        return if path.exists() { Ok(path) } else { Err(ResolveError::NoSuchFile { path }) };
    }
    if let Some(id) = hub_id(name) {
        let repository = RepositoryId::parse(id)
            .ok_or_else(|| ResolveError::NotARepository { id: id.to_owned() })?;
        return repository_path(&repository, folders, options);
    }
    let path = Path::new(name);
    if path.exists() {
        return Ok(path.to_path_buf());
    }
    match registry::find(name) {
        Ok(model) => released_path(model, folders, options),
        Err(_) if looks_like_a_path(name) => {
            Err(ResolveError::NoSuchFile { path: path.to_path_buf() })
        }
        Err(unknown) => Err(ResolveError::Unknown(unknown)),
    }
}

/// What stands behind our prefix of a hub's repositories, open_clip's, or its address.
fn hub_id(name: &str) -> Option<&str> {
    let prefixes = ["hf:", "hf-hub:", "https://huggingface.co/", "huggingface.co/"];
    let id = prefixes.iter().find_map(|prefix| name.strip_prefix(prefix))?;
    let id = id.trim_start_matches("//").trim_end_matches('/');
    Some(id.strip_suffix("/tree/main").unwrap_or(id))
}

fn looks_like_a_path(name: &str) -> bool {
    let extensions = ["pt", "pth", "bin", "ckpt", "safetensors"];
    let extension = Path::new(name).extension().and_then(|extension| extension.to_str());
    name.starts_with(['.', '/', '~', '\\'])
        || extension
            .is_some_and(|found| extensions.iter().any(|known| found.eq_ignore_ascii_case(known)))
}

fn released_path(
    model: &ReleasedModel,
    folders: &CacheFolders,
    options: &ResolveOptions<'_>,
) -> Result<PathBuf, ResolveError> {
    let own = folders.own_file(&model.file);
    let mut looked_at = vec![own.clone(), folders.openai.join(&model.file)];
    if let Some(path) = looked_at.iter().find(|path| is_released_file(path, model, options.verify))
    {
        return Ok(path.clone());
    }
    let repositories = [Some(&model.timm), model.hugging_face.as_ref()];
    for repository in repositories.into_iter().flatten().filter_map(|id| RepositoryId::parse(id)) {
        if let Some(path) =
            folders.snapshot(&repository).filter(|path| !options.verify || opens(path))
        {
            return Ok(path);
        }
        looked_at.push(
            folders.hugging_face.join(format!("models--{}--{}", repository.owner, repository.name)),
        );
    }
    if !options.download {
        return Err(ResolveError::NotHere { name: model.name.clone(), looked_at });
    }
    fetch_released(model, &own, options)?;
    Ok(own)
}

/// Whether a folder of another program's cache can be opened.
fn opens(path: &Path) -> bool {
    crate::checkpoint::inventory(path).is_ok()
}

/// By size first; where that differs from the one known at second hand, or where it is to be
/// verified, by digest. Opening the file compares the digest anyway.
fn is_released_file(path: &Path, model: &ReleasedModel, verify: bool) -> bool {
    match std::fs::metadata(path) {
        Ok(metadata) if metadata.is_file() => {
            (metadata.len() == model.size_bytes && !verify)
                || sha256::sha256_of_file(path).is_ok_and(|digest| digest == model.sha256)
        }
        _ => false,
    }
}

fn repository_path(
    repository: &RepositoryId,
    folders: &CacheFolders,
    options: &ResolveOptions<'_>,
) -> Result<PathBuf, ResolveError> {
    let own = folders.own_repository(repository);
    let here = own.join(COMPLETE).is_file();
    if here && !(options.verify && options.download) {
        return Ok(own);
    }
    if !here
        && let Some(snapshot) =
            folders.snapshot(repository).filter(|path| !options.verify || opens(path))
    {
        return Ok(snapshot);
    }
    if !options.download {
        let theirs =
            folders.hugging_face.join(format!("models--{}--{}", repository.owner, repository.name));
        let looked_at = vec![own, theirs];
        return Err(ResolveError::NotHere { name: format!("hf:{repository}"), looked_at });
    }
    fetch_repository(repository, &own, options)?;
    Ok(own)
}

#[cfg(not(feature = "download"))]
mod without_network {
    use super::{ReleasedModel, RepositoryId, ResolveError, ResolveOptions};
    use std::path::{Path, PathBuf};

    pub(super) fn fetch_released(
        model: &ReleasedModel,
        own: &Path,
        _: &ResolveOptions<'_>,
    ) -> Result<(), ResolveError> {
        Err(ResolveError::NotHere { name: model.name.clone(), looked_at: vec![PathBuf::from(own)] })
    }

    pub(super) fn fetch_repository(
        repository: &RepositoryId,
        own: &Path,
        _: &ResolveOptions<'_>,
    ) -> Result<(), ResolveError> {
        Err(ResolveError::NotHere {
            name: format!("hf:{repository}"),
            looked_at: vec![PathBuf::from(own)],
        })
    }
}
#[cfg(feature = "download")]
use fetch::{fetch_released, fetch_repository};
#[cfg(not(feature = "download"))]
use without_network::{fetch_released, fetch_repository};
