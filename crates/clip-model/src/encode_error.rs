//! Why something cannot be encoded.

/// Why images or texts cannot be encoded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EncodeError {
    /// The input is not a whole number of pictures.
    #[error("input has {found} values, expected a multiple of 3 x {resolution} x {resolution}")]
    WrongInputSize {
        /// Values given.
        found: usize,
        /// Side of the pictures the model takes.
        resolution: usize,
    },
    /// A text without any token.
    #[error("text {index} has no tokens")]
    EmptyText {
        /// Which of the texts, from 0.
        index: usize,
    },
    /// A text longer than the model's context.
    #[error("text {index} has {tokens} tokens, limit {limit}")]
    TextTooLong {
        /// Which of the texts, from 0.
        index: usize,
        /// Tokens up to the one that is read.
        tokens: usize,
        /// The model's context length.
        limit: usize,
    },
    /// An id that the model's table does not have.
    #[error("text {index} has token id {id}, vocabulary {vocab_size}")]
    UnknownToken {
        /// Which of the texts, from 0.
        index: usize,
        /// The id.
        id: u32,
        /// Rows of the token table.
        vocab_size: usize,
    },
    /// The device cannot compute it.
    #[error(transparent)]
    Device(#[from] clip_kernels::DeviceError),
    /// The features of an item hold NaN or infinity: so do its pixels, or the weights are broken.
    #[error("features of {kind} {index} are not finite")]
    NotFinite {
        /// `image` or `text`.
        kind: &'static str,
        /// Which of the items, from 0.
        index: usize,
    },
}

impl EncodeError {
    /// The way out, printed by the program on its own line after `help: `.
    pub fn help(&self) -> Option<&'static str> {
        match self {
            Self::TextTooLong { .. } => Some("`--truncate` cuts such texts and counts them"),
            Self::UnknownToken { .. } => Some("the text was split by another model's tokenizer"),
            Self::Device(_) => {
                Some("encode fewer items at a time, or load the model with `--precision bf16`")
            }
            Self::NotFinite { .. } => {
                Some("the weights do not fit CLIP's layers, or the input holds NaN")
            }
            _ => None,
        }
    }
}
