//! From what a person types to a path on this machine: a path, a released model's name, or
//! `hf:owner/name`; from the caches first, from the network only when that was asked for.

use crate::cache::{CacheFolders, RepositoryId};
#[cfg(feature = "download")]
use crate::download::{self, Download, DownloadError, Progress};
use crate::registry::{self, ReleasedModel, UnknownModel};
use crate::sha256;
use std::path::{Path, PathBuf};

/// Where to look and what is allowed.
#[derive(Clone, Copy, Default)]
pub struct ResolveOptions<'a> {
    /// Whether the network may be used. It is not by default.
    pub download: bool,
    /// Base address of released files, `<base>/<sha256>/<file>`, instead of the original.
    pub mirror: Option<&'a str>,
    /// Base address of hub files, `<base>/<owner>/<name>/resolve/main/<file>`, instead of
    /// `https://huggingface.co`.
    pub hub: Option<&'a str>,
    /// Cache folders instead of those of the environment.
    pub folders: Option<&'a CacheFolders>,
    /// Told of every piece of a download.
    #[cfg(feature = "download")]
    pub progress: Option<&'a (dyn Fn(Progress<'_>) + Sync)>,
}

/// Why a name could not be turned into a path.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ResolveError {
    /// Neither a path nor a name.
    #[error("{0}, and no such file or folder")]
    Unknown(UnknownModel),
    /// It looks like a path, and nothing is there.
    #[error("{}: no such file or folder", path.display())]
    NoSuchFile {
        /// The path.
        path: PathBuf,
    },
    /// What stands behind `hf:` is not `owner/name`.
    #[error("`{id}` is not a repository's `owner/name`")]
    NotARepository {
        /// What stands there.
        id: String,
    },
    /// The model is known, but its weights are not on this machine, and downloads were not allowed.
    #[error("the weights of `{name}` are not on this machine ({} places were looked at)", looked_at.len())]
    NotHere {
        /// What was asked for.
        name: String,
        /// The places.
        looked_at: Vec<PathBuf>,
    },
    /// The repository has none of the files a checkpoint consists of.
    #[error("`{repository}` has no weights of a known name")]
    NoWeights {
        /// The repository.
        repository: String,
    },
    /// The download failed.
    #[cfg(feature = "download")]
    #[error(transparent)]
    Download(#[from] DownloadError),
    /// A downloaded index of shards could not be read.
    #[error("{}: not an index of shards", path.display())]
    BadIndex {
        /// The index.
        path: PathBuf,
    },
}

impl ResolveError {
    /// The way out.
    pub fn help(&self) -> Option<String> {
        match self {
            Self::Unknown(unknown) => Some(unknown.help()),
            Self::NotHere { name, .. } => Some(format!("`clip-rs models download {name}` fetches them")),
            Self::NotARepository { .. } => Some("for example `hf:openai/clip-vit-base-patch32`".to_owned()),
            #[cfg(feature = "download")]
            Self::Download(error) => error.help().map(str::to_owned),
            Self::NoSuchFile { .. } | Self::NoWeights { .. } | Self::BadIndex { .. } => None,
        }
    }
}

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
    if let Some(id) = name.strip_prefix("hf:") {
        let repository =
            RepositoryId::parse(id).ok_or_else(|| ResolveError::NotARepository { id: id.to_owned() })?;
        return repository_path(&repository, folders, options);
    }
    let path = Path::new(name);
    if path.exists() {
        return Ok(path.to_path_buf());
    }
    match registry::find(name) {
        Ok(model) => released_path(model, folders, options),
        Err(_) if looks_like_a_path(name) => Err(ResolveError::NoSuchFile { path: path.to_path_buf() }),
        Err(unknown) => Err(ResolveError::Unknown(unknown)),
    }
}

fn looks_like_a_path(name: &str) -> bool {
    let extensions = ["pt", "pth", "bin", "ckpt", "safetensors"];
    let extension = Path::new(name).extension().and_then(|extension| extension.to_str());
    name.starts_with(['.', '/', '~', '\\'])
        || extension.is_some_and(|extension| extensions.contains(&extension))
}

fn released_path(
    model: &ReleasedModel,
    folders: &CacheFolders,
    options: &ResolveOptions<'_>,
) -> Result<PathBuf, ResolveError> {
    let own = folders.own_file(&model.file);
    let mut looked_at = vec![own.clone(), folders.openai.join(&model.file)];
    if let Some(path) = looked_at.iter().find(|path| is_released_file(path, model)) {
        return Ok(path.clone());
    }
    let repositories = [Some(&model.timm), model.hugging_face.as_ref()];
    for repository in repositories.into_iter().flatten().filter_map(|id| RepositoryId::parse(id)) {
        if let Some(path) = folders.snapshot(&repository) {
            return Ok(path);
        }
        looked_at
            .push(folders.hugging_face.join(format!("models--{}--{}", repository.owner, repository.name)));
    }
    if !options.download {
        return Err(ResolveError::NotHere { name: model.name.clone(), looked_at });
    }
    fetch_released(model, &own, options)?;
    Ok(own)
}

/// By size first; where that differs from the one known at second hand, by digest. Opening the file
/// compares the digest anyway.
fn is_released_file(path: &Path, model: &ReleasedModel) -> bool {
    match std::fs::metadata(path) {
        Ok(metadata) if metadata.is_file() => {
            metadata.len() == model.size_bytes
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
    if own.join(COMPLETE).is_file() {
        return Ok(own);
    }
    if let Some(snapshot) = folders.snapshot(repository) {
        return Ok(snapshot);
    }
    if !options.download {
        let theirs = folders.hugging_face.join(format!("models--{}--{}", repository.owner, repository.name));
        let looked_at = vec![own, theirs];
        return Err(ResolveError::NotHere { name: format!("hf:{repository}"), looked_at });
    }
    fetch_repository(repository, &own, options)?;
    Ok(own)
}

/// Stands in a folder once everything has been fetched.
const COMPLETE: &str = ".complete";

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
        Err(ResolveError::NotHere { name: format!("hf:{repository}"), looked_at: vec![PathBuf::from(own)] })
    }
}
#[cfg(not(feature = "download"))]
use without_network::{fetch_released, fetch_repository};

#[cfg(feature = "download")]
fn fetch_released(
    model: &ReleasedModel,
    own: &Path,
    options: &ResolveOptions<'_>,
) -> Result<(), ResolveError> {
    let base = options.mirror.unwrap_or_else(|| registry::base_url()).trim_end_matches('/');
    let url = format!("{base}/{}", model.url_path());
    Ok(download::fetch(&Download { sha256: Some(&model.sha256), ..plan(&url, own, options) })?)
}

#[cfg(feature = "download")]
fn plan<'a>(url: &'a str, target: &'a Path, options: &ResolveOptions<'a>) -> Download<'a> {
    Download {
        url,
        target,
        sha256: None,
        limit: WEIGHTS_LIMIT,
        attempts: 5,
        backoff: std::time::Duration::from_millis(500),
        progress: options.progress,
    }
}

/// Longest file of weights in bytes.
#[cfg(feature = "download")]
const WEIGHTS_LIMIT: u64 = 64 << 30;
/// Longest configuration or index in bytes.
#[cfg(feature = "download")]
const JSON_LIMIT: u64 = 16 << 20;
/// Configurations, any of which may be missing.
#[cfg(feature = "download")]
const CONFIGURATIONS: [&str; 3] = ["config.json", "open_clip_config.json", "preprocessor_config.json"];

/// Configurations, then the first kind of weights there is, then the mark that all is there.
#[cfg(feature = "download")]
fn fetch_repository(
    repository: &RepositoryId,
    own: &Path,
    options: &ResolveOptions<'_>,
) -> Result<(), ResolveError> {
    let base = options.hub.unwrap_or("https://huggingface.co").trim_end_matches('/');
    let fetch = |file: &str, limit: u64| -> Result<bool, ResolveError> {
        let target = own.join(file);
        if target.is_file() {
            return Ok(true);
        }
        let url = format!("{base}/{repository}/resolve/main/{file}");
        match download::fetch(&Download { limit, ..plan(&url, &target, options) }) {
            Ok(()) => Ok(true),
            Err(DownloadError::NotFound { .. }) => Ok(false),
            Err(error) => Err(error.into()),
        }
    };
    for file in CONFIGURATIONS {
        fetch(file, JSON_LIMIT)?;
    }
    for file in crate::checkpoint::WEIGHT_FILES {
        let is_index = file.ends_with(".index.json");
        if !fetch(file, if is_index { JSON_LIMIT } else { WEIGHTS_LIMIT })? {
            continue;
        }
        if is_index {
            let index = own.join(file);
            let shards =
                crate::checkpoint::shards_of(&index).map_err(|_| ResolveError::BadIndex { path: index })?;
            for shard in shards {
                if !fetch(&shard, WEIGHTS_LIMIT)? {
                    return Err(ResolveError::NoWeights { repository: repository.to_string() });
                }
            }
        }
        let mark = own.join(COMPLETE);
        return std::fs::write(&mark, "")
            .map_err(|source| DownloadError::Write { path: mark, source }.into());
    }
    Err(ResolveError::NoWeights { repository: repository.to_string() })
}
