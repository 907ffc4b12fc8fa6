//! What can be wrong with a request. Text itself never is: every string has token ids.

/// Why a text has no tokens, or ids have no text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TokenizerError {
    /// The text does not fit, and [`Overflow::Refuse`](crate::Overflow::Refuse) was asked for.
    #[error("text has {tokens} tokens, limit {limit}: \"{text}\"")]
    TooLong {
        /// The beginning of the text.
        text: String,
        /// Tokens it has, start and end included.
        tokens: usize,
        /// The context length, start and end included.
        limit: usize,
    },
    /// A context length of 0 leaves no room, not even for the end of the text.
    #[error("context length is 0, at least 1 is needed")]
    NoRoom,
    /// An id that the vocabulary does not have.
    #[error("no token has id {id}, the largest is {largest}")]
    UnknownId {
        /// The id that was asked for.
        id: u32,
        /// The largest there is.
        largest: u32,
    },
}

impl TokenizerError {
    /// The way out, printed by the program on its own line after `help: `.
    pub fn help(&self) -> Option<&'static str> {
        match self {
            Self::TooLong { .. } => Some(
                "shorten it, or ask for truncation, which cuts such texts and counts what is lost",
            ),
            Self::NoRoom => Some("CLIP's models have context length 77"),
            Self::UnknownId { .. } => Some("these ids come from another vocabulary"),
        }
    }
}
