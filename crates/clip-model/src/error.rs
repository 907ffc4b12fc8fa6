//! Why a checkpoint cannot be used.

use std::path::{Path, PathBuf};

use clip_formats::FormatError;
pub(crate) use clip_formats::shown;

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
    /// The file holds several models, and nothing says which is meant.
    #[error("{}: holds the weights of several models: {}", path.display(), places.join(", "))]
    SeveralModels {
        /// The file.
        path: PathBuf,
        /// The keys or prefixes that lead to them.
        places: Vec<String>,
    },
    /// A configuration asks for something that is unknown here.
    #[error("{}: `{key}` of the configuration is not known here, so it cannot be followed", path.display())]
    UnknownKey {
        /// The checkpoint.
        path: PathBuf,
        /// `section.key`
        key: String,
    },
    /// The device cannot hold the weights.
    #[error("the weights do not fit on the device")]
    Device(#[from] clip_kernels::DeviceError),
    /// A tensor the architecture needs is absent.
    #[error("{}: tensor `{}` is missing", path.display(), shown(name))]
    MissingTensor {
        /// The file.
        path: PathBuf,
        /// Its reference name.
        name: String,
    },
    /// The file holds tensors the architecture does not have.
    #[error("{}: {} unexpected tensors, the first is `{}`", path.display(), names.len(), names.first().map_or(String::new(), |name| shown(name)))]
    UnexpectedTensors {
        /// The file.
        path: PathBuf,
        /// Their names.
        names: Vec<String>,
    },
    /// A tensor has another shape than the architecture gives it.
    #[error("{}: tensor `{}` has shape {found:?}, expected {expected:?}", path.display(), shown(name))]
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
    #[error("{}: tensor `{}` holds {found}, expected {expected}", path.display(), shown(name))]
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
    #[error("{}: tensor `{}` has {count} values that are NaN or infinite", path.display(), shown(name))]
    NotFinite {
        /// The file.
        path: PathBuf,
        /// Its name.
        name: String,
        /// How many of its values.
        count: usize,
    },
    /// The factor on similarities is none that training arrives at.
    #[error("{}: tensor `logit_scale` is {logarithm}, so similarities would be multiplied by {factor:e}, expected 0.001 to 1000", path.display())]
    WrongScale {
        /// The file.
        path: PathBuf,
        /// The value in the file.
        logarithm: f32,
        /// Its exponential.
        factor: f32,
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

impl From<FormatError> for CheckpointError {
    fn from(error: FormatError) -> Self {
        match error {
            FormatError::Malformed { path, place, problem } => {
                Self::Malformed { path, place, problem }
            }
            FormatError::Forbidden { path, callable } => Self::ForbiddenCall { path, callable },
            FormatError::Limit { path, what, claimed, limit } => {
                Self::LimitExceeded { path, what, claimed, limit }
            }
            FormatError::Read { path, source } => Self::Read { path, source },
        }
    }
}

impl CheckpointError {
    /// The way out, printed by the program on its own line after `help: `.
    pub fn help(&self) -> Option<&'static str> {
        match self {
            Self::ForbiddenCall { .. } => {
                Some("re-save it as safetensors with the program that made it")
            }
            Self::UnknownKey { .. } => Some(
                "if no feature depends on it, take it out of a copy of the configuration and give that: `--model-config FILE`",
            ),
            Self::UnknownHeads { .. } => Some(
                "give its configuration: `--model-config open_clip_config.json` (or transformers' config.json)",
            ),
            Self::UnknownActivation { .. } => {
                Some("say which: `--activation quickgelu` or `--activation gelu`")
            }
            Self::WrongShape { .. } | Self::UnexpectedTensors { .. } | Self::NotClip { .. } => {
                Some("`clip-rs models info FILE` tells what a file that can be used holds")
            }
            Self::SeveralModels { .. } => Some(
                "save one of them in a file of its own; `clip-rs models info FILE` lists what is there",
            ),
            Self::WrongScale { .. } => Some(
                "`logit_scale` is kept as its natural logarithm: CLIP begins with 2.6592 and ends with at most 4.6052",
            ),
            Self::Device(_) => Some("`--precision bf16` needs half the memory, `int8` a quarter"),
            Self::WrongDigest { .. } => Some(
                "`clip-rs models download` compares and fetches it again; if it is another model, rename the file",
            ),
            _ => None,
        }
    }

    pub(crate) fn malformed(
        path: &Path,
        place: impl Into<String>,
        problem: impl Into<String>,
    ) -> Self {
        Self::Malformed { path: path.to_path_buf(), place: place.into(), problem: problem.into() }
    }
}
