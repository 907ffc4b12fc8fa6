//! Why the facade cannot answer.

use std::path::PathBuf;

use clip_image::ImageError;
use clip_model::{CheckpointError, EncodeError, ResolveError};
use clip_tokenizer::TokenizerError;

/// Everything that can go wrong between a path or a text and an answer. Messages name the input and
/// the limit.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// An image file cannot be read.
    #[error("{path}: cannot read: {source}")]
    ReadImage {
        /// The file.
        path: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// Bytes are no image that can be used.
    #[error("{path}: {source}")]
    Image {
        /// The file, or how it was named.
        path: String,
        /// What is wrong with it.
        source: ImageError,
    },
    /// A text cannot be tokenized.
    #[error("text {index}: {source}")]
    Text {
        /// Position in the call, from 0.
        index: usize,
        /// What is wrong with it.
        source: TokenizerError,
    },
    /// A label, alone or in a template, cannot be tokenized.
    #[error("label {label:?}: {source}")]
    Label {
        /// The beginning of the label.
        label: String,
        /// What is wrong with it.
        source: TokenizerError,
    },
    /// A label that is there already.
    #[error("label {label:?} is given twice; each would take half of the probability{}", and_more(*others))]
    RepeatedLabel {
        /// The beginning of the label.
        label: String,
        /// Further pairs of the kind.
        others: usize,
    },
    /// Labels whose prompts have the same tokens.
    #[error("labels {first:?} and {second:?} are one text to the model; each would take half of the probability{}", and_more(*others))]
    SameLabels {
        /// The beginning of the earlier label.
        first: String,
        /// That of the later one.
        second: String,
        /// Further pairs of the kind.
        others: usize,
    },
    /// The model's texts are not tokenized as CLIP's are.
    #[error("{path}: texts cannot be encoded: {reason}")]
    TextsRefused {
        /// The checkpoint.
        path: String,
        /// The field or file that says so.
        reason: String,
    },
    /// A checkpoint cannot be used.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// An instruction set was forced that this processor does not have.
    #[error("CLIP_RS_ISA={name}: this processor has {}", available.join(", "))]
    UnknownIsa {
        /// What was asked for.
        name: String,
        /// What there is, widest first.
        available: Vec<&'static str>,
    },
    /// A name leads to no model.
    #[error(transparent)]
    Resolve(#[from] ResolveError),
    /// The encoders refused their input.
    #[error(transparent)]
    Encode(#[from] EncodeError),
    /// A preprocessing configuration beside the weights is broken.
    #[error("{path}: {source}")]
    Preprocess {
        /// The checkpoint.
        path: String,
        /// What is wrong with it.
        source: ImageError,
    },
    /// The preprocessing gives images of another size than the model takes.
    #[error(
        "{path}: `size` makes images of {size} x {size} pixels, the model takes {model} x {model}"
    )]
    PreprocessSize {
        /// The configuration.
        path: String,
        /// Side the preprocessing gives, px.
        size: u32,
        /// Side the model takes, px.
        model: usize,
    },
    /// Classification without labels.
    #[error("no label given")]
    NoLabels,
    /// A template that ignores its label.
    #[error("template {template:?} has no `{{}}` for the label")]
    TemplateWithoutPlaceholder {
        /// The template.
        template: String,
    },
    /// A pattern or folder leads to nothing.
    #[error("{pattern}: {reason}")]
    NoInput {
        /// What was given.
        pattern: String,
        /// Why it names no input.
        reason: String,
    },
    /// An output cannot be written.
    #[error("{path}: cannot write: {source}")]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// Another run writes the same file.
    #[error("{path}: another run is writing this file")]
    InUse {
        /// The file.
        path: PathBuf,
    },
    /// A file (of embeddings, a journal, reference values) is not what it should be.
    #[error("{path}: {reason}")]
    BrokenFile {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
}

fn and_more(others: usize) -> String {
    if others == 0 { String::new() } else { format!(" (and {others} more)") }
}

impl Error {
    /// The way out, where there is one; printed by the program after `help: `.
    pub fn help(&self) -> Option<String> {
        match self {
            Self::Image { source, .. } | Self::Preprocess { source, .. } => source.help().map(Into::into),
            Self::Text { source: TokenizerError::TooLong { .. }, .. }
            | Self::Label { source: TokenizerError::TooLong { .. }, .. } => Some(
                "shorten it, or let it be cut with `--truncate` (in the library: `Overflow::Truncate`)"
                    .into(),
            ),
            Self::Text { source, .. } | Self::Label { source, .. } => source.help().map(Into::into),
            Self::SameLabels { .. } => Some(
                "give every label once; upper and lower case, and spaces around, make no difference".into(),
            ),
            Self::Checkpoint(source) => source.help().map(Into::into),
            Self::Resolve(source) => source.help(),
            Self::Encode(source @ EncodeError::Device(_)) => source.help().map(Into::into),
            Self::TextsRefused { .. } => Some(
                "only CLIP's own tokenizer is built in; images can be embedded all the same (`clip-rs embed images`)"
                    .into(),
            ),
            Self::NoLabels => {
                Some("give `--labels \"a cat,a dog\"`, `--label TEXT` or `--labels-file FILE`".into())
            }
            Self::TemplateWithoutPlaceholder { .. } => {
                Some("write the place of the label as `{}`, as in \"a photo of a {}.\"".into())
            }
            Self::UnknownIsa { .. } => Some("unset CLIP_RS_ISA for the widest".into()),
            Self::ReadImage { source, .. } if source.kind() == std::io::ErrorKind::FileTooLarge => {
                Some("if the file is to be trusted, raise the limit of pixels (`max_pixels`)".into())
            }
            Self::InUse { .. } => Some("wait for it to end, or choose another output".into()),
            Self::PreprocessSize { .. } => Some("change it in a copy of the configuration".into()),
            _ => None,
        }
    }

    pub(crate) fn write(path: &std::path::Path, source: std::io::Error) -> Error {
        Error::Write { path: path.to_owned(), source }
    }
}
