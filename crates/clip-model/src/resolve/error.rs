//! Why a name leads nowhere.

use crate::cache::RepositoryId;
#[cfg(feature = "download")]
use crate::download::DownloadError;
use crate::registry::UnknownModel;
use std::path::PathBuf;

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
    #[error("the weights of `{name}` are not on this machine; looked for in {}", list(looked_at))]
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

fn list(paths: &[PathBuf]) -> String {
    paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ")
}

impl ResolveError {
    /// The way out.
    pub fn help(&self) -> Option<String> {
        match self {
            Self::Unknown(unknown) => Some(match RepositoryId::parse(&unknown.name) {
                Some(id) => {
                    format!("{}; a repository of the hub is given as `hf:{id}`", unknown.help())
                }
                None => unknown.help(),
            }),
            Self::NotHere { name, .. } => {
                Some(format!("`clip-rs models download {name}` fetches them"))
            }
            Self::NotARepository { .. } => {
                Some("for example `hf:openai/clip-vit-base-patch32`".to_owned())
            }
            #[cfg(feature = "download")]
            Self::Download(error) => error.help().map(str::to_owned),
            Self::NoWeights { .. } => Some(
                "they are looked for at its top, for instance as `model.safetensors`".to_owned(),
            ),
            Self::NoSuchFile { .. } | Self::BadIndex { .. } => None,
        }
    }
}
