//! Why a checkpoint cannot be used.

use std::path::{Path, PathBuf};

/// Why a checkpoint cannot be used. Every message names the file, what was found and what is
/// allowed; [`CheckpointError::help`] names the way out where there is one.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CheckpointError {
    /// The file could not be opened, read or mapped.
    #[error("{}: cannot read", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A file could not be written.
    #[error("{}: cannot write", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The path is neither a regular file nor a checkpoint directory.
    #[error("{}: {found}, expected a checkpoint file or directory", path.display())]
    NotACheckpoint {
        /// The path.
        path: PathBuf,
        /// What is there instead.
        found: String,
    },
    /// The container (zip, safetensors, legacy stream, JSON) is broken or lies about its sizes.
    #[error("{}: {place}: {problem}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// Where in the file: an entry, a tensor, a byte offset.
        place: String,
        /// What was found and what is allowed.
        problem: String,
    },
    /// The pickle asks for something that is not rebuilding tensors.
    #[error("{}: refused `{callable}`: a checkpoint may only rebuild tensors; nothing was executed", path.display())]
    ForbiddenCall {
        /// The file.
        path: PathBuf,
        /// The callable or opcode.
        callable: String,
    },
    /// A declared quantity is beyond what a checkpoint may have.
    #[error("{}: {what} is {claimed}, limit {limit}", path.display())]
    LimitExceeded {
        /// The file.
        path: PathBuf,
        /// The quantity and its unit.
        what: String,
        /// What the file claims.
        claimed: u64,
        /// What is allowed.
        limit: u64,
    },
    /// A format or layout that is recognised and not supported.
    #[error("{}: {found} is not supported ({supported})", path.display())]
    Unsupported {
        /// The file.
        path: PathBuf,
        /// What was recognised.
        found: String,
        /// What is supported instead.
        supported: String,
    },
    /// A tensor the architecture needs is absent.
    #[error("{}: tensor `{name}` is missing", path.display())]
    MissingTensor {
        /// The file.
        path: PathBuf,
        /// Its reference name.
        name: String,
    },
    /// The file holds tensors the architecture does not have.
    #[error("{}: {} unexpected tensors, the first is `{}`", path.display(), names.len(), names.first().map_or("", String::as_str))]
    UnexpectedTensors {
        /// The file.
        path: PathBuf,
        /// Their names.
        names: Vec<String>,
    },
    /// A tensor has another shape than the architecture gives it.
    #[error("{}: tensor `{name}` has shape {found:?}, expected {expected:?}", path.display())]
    WrongShape {
        /// The file.
        path: PathBuf,
        /// Its reference name.
        name: String,
        /// Its shape in the file.
        found: Vec<usize>,
        /// The shape that fits.
        expected: Vec<usize>,
    },
    /// A tensor's element type cannot be used for what it is.
    #[error("{}: tensor `{name}` holds {found}, expected {expected}", path.display())]
    WrongDtype {
        /// The file.
        path: PathBuf,
        /// Its name.
        name: String,
        /// Its element type.
        found: String,
        /// The element types that fit.
        expected: &'static str,
    },
    /// A weight is NaN or infinite.
    #[error("{}: tensor `{name}` has {count} values that are NaN or infinite", path.display())]
    NotFinite {
        /// The file.
        path: PathBuf,
        /// Its name.
        name: String,
        /// How many of its values.
        count: usize,
    },
    /// The sizes do not fit together as any CLIP.
    #[error("{}: {problem}", path.display())]
    NotClip {
        /// The file.
        path: PathBuf,
        /// What does not fit.
        problem: String,
    },
    /// Shapes do not tell the number of heads (PROTOCOL 9.13), and no configuration does.
    #[error("{}: the {tower} tower's width {width} is not a multiple of {head_width}, so its number of heads must come from a configuration", path.display())]
    UnknownHeads {
        /// The file.
        path: PathBuf,
        /// Which tower.
        tower: String,
        /// Its width.
        width: usize,
        /// Width of a head in the released models.
        head_width: usize,
    },
    /// The weights do not say which activation they need and nobody else did.
    #[error("{}: the weights do not say whether they need quick_gelu or gelu", path.display())]
    UnknownActivation {
        /// The file.
        path: PathBuf,
    },
    /// The digest is not the one the model was published with.
    #[error("{}: SHA-256 is {found}, expected {expected}", path.display())]
    WrongDigest {
        /// The file.
        path: PathBuf,
        /// The digest of the file.
        found: String,
        /// The published digest.
        expected: String,
    },
}

impl CheckpointError {
    /// The way out, printed by the program on its own line after `help: `.
    pub fn help(&self) -> Option<&'static str> {
        match self {
            Self::ForbiddenCall { .. } => Some("re-save it as safetensors with the program that made it"),
            Self::UnknownHeads { .. } => Some(
                "give its configuration: `--model-config open_clip_config.json` (or transformers' config.json)",
            ),
            Self::UnknownActivation { .. } => {
                Some("say which: `--activation quickgelu` or `--activation gelu`")
            }
            Self::WrongShape { .. } | Self::UnexpectedTensors { .. } | Self::NotClip { .. } => {
                Some("`clip-rs models info FILE` tells what a file that can be used holds")
            }
            Self::WrongDigest { .. } => {
                Some("delete the file and download it again, or rename it if it is another model")
            }
            _ => None,
        }
    }

    pub(crate) fn malformed(path: &Path, place: impl Into<String>, problem: impl Into<String>) -> Self {
        Self::Malformed { path: path.to_path_buf(), place: place.into(), problem: problem.into() }
    }
}
