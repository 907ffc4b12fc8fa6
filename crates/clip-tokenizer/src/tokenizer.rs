//! Text to token ids: the whole way, and how the ids of one text are put together. PROTOCOL 3.4.

use crate::bpe::encode_word;
use crate::clean::{Cleaning, canonicalize, clean};
use crate::decode::decode;
use crate::error::TokenizerError;
use crate::pattern::{Piece, pieces};
use crate::plain::{encode_plain, is_plain};
use crate::vocabulary::{END_OF_TEXT, START_OF_TEXT, VOCAB_SIZE, VOCABULARY, Vocabulary};

/// Tokens that a text may have in all released models, start and end included.
pub const CONTEXT_LENGTH: usize = 77;

/// CLIP's tokenizer. A handle: all of them share one vocabulary, so making and cloning it is free
/// after the first.
///
/// ```
/// use clip_tokenizer::Tokenizer;
///
/// let tokenizer = Tokenizer::new();
/// assert_eq!(tokenizer.encode("It’s a photo of a CAT"), [585, 568, 320, 1125, 539, 320, 2368]);
/// ```
#[derive(Clone)]
pub struct Tokenizer {
    vocabulary: &'static Vocabulary,
    cleaning: Cleaning,
}

/// What to do with a text that has more tokens than the model can take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Overflow {
    /// Say so. The reference's default.
    #[default]
    Refuse,
    /// Cut it, keep the end marker, and count what was lost.
    Truncate,
}

/// The ids of one text, ready for the text tower.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tokens {
    /// Start of text, content, end of text. Not padded: at most the context length.
    pub ids: Vec<u32>,
    /// Content tokens that were cut off; 0 if none.
    pub lost: usize,
}

impl Tokens {
    /// Whether something was cut off.
    pub fn truncated(&self) -> bool {
        self.lost > 0
    }

    /// The ids, and zeros up to `context_length`: a row of what the reference returns.
    ///
    /// Id 0 is the token `!`, no padding token; what tells the end is the first [`END_OF_TEXT`].
    /// Never shorter than `ids`.
    pub fn padded(&self, context_length: usize) -> Vec<u32> {
        let mut row = self.ids.clone();
        row.resize(context_length.max(row.len()), 0);
        row
    }
}

impl Tokenizer {
    /// The released vocabulary, which is built in.
    pub fn new() -> Self {
        Self::with_cleaning(Cleaning::Reference)
    }

    /// The released vocabulary behind another way of cleaning texts.
    pub fn with_cleaning(cleaning: Cleaning) -> Self {
        Self { vocabulary: &VOCABULARY, cleaning }
    }

    /// How it cleans texts.
    pub fn cleaning(&self) -> Cleaning {
        self.cleaning
    }

    /// All ids of a text, without start and end, and not cut.
    ///
    /// `<|startoftext|>` and `<|endoftext|>` inside the text give the ids of the markers, in any
    /// letter case, as in the reference: a caption that holds them ends there for the text tower.
    /// Whoever takes text from strangers finds them here as ids from [`START_OF_TEXT`] on.
    /// (PROTOCOL 9.25)
    pub fn encode(&self, text: &str) -> Vec<u32> {
        let mut ids = Vec::with_capacity(text.len() / 3);
        self.append(text, &mut ids);
        ids
    }

    /// The ids of a text between start and end, at most `context_length` of them.
    ///
    /// # Errors
    ///
    /// [`TokenizerError::TooLong`] when they are more and `overflow` refuses;
    /// [`TokenizerError::NoRoom`] when it truncates and `context_length` is 0.
    ///
    /// Source: PROTOCOL 3.4. Checked by `golden/tokenizer/truncation.jsonl`.
    pub fn tokenize(
        &self,
        text: &str,
        context_length: usize,
        overflow: Overflow,
    ) -> Result<Tokens, TokenizerError> {
        let mut ids = Vec::with_capacity(CONTEXT_LENGTH);
        ids.push(START_OF_TEXT);
        self.append(text, &mut ids);
        ids.push(END_OF_TEXT);
        if ids.len() <= context_length {
            return Ok(Tokens { ids, lost: 0 });
        }
        if overflow == Overflow::Refuse {
            return Err(TokenizerError::TooLong {
                text: excerpt(text),
                tokens: ids.len(),
                limit: context_length,
            });
        }
        let last_kept = context_length.checked_sub(1).ok_or(TokenizerError::NoRoom)?;
        // With room for one id the end marker takes the place of the start, which is no content.
        let content_before = ids.len().saturating_sub(2);
        let content_after = last_kept.saturating_sub(1);
        ids.truncate(last_kept);
        ids.push(END_OF_TEXT);
        Ok(Tokens { ids, lost: content_before.saturating_sub(content_after) })
    }

    /// The text of some ids, as the reference prints it: every word followed by a space, markers
    /// spelled out.
    ///
    /// Bytes that are no UTF-8 become U+FFFD. Padding decodes to `!`: cut at the first
    /// [`END_OF_TEXT`].
    ///
    /// # Errors
    ///
    /// [`TokenizerError::UnknownId`] for an id of [`VOCAB_SIZE`] or above.
    pub fn decode(&self, ids: &[u32]) -> Result<String, TokenizerError> {
        decode(self.vocabulary, ids)
    }

    fn append(&self, text: &str, ids: &mut Vec<u32>) {
        match self.cleaning {
            Cleaning::Reference if is_plain(text) => encode_plain(self.vocabulary, text, ids),
            Cleaning::Reference => encode_clean(self.vocabulary, &clean(text), ids),
            Cleaning::Canonicalize => encode_clean(self.vocabulary, &canonicalize(text), ids),
        }
    }
}

/// Appends the ids of a text that is clean.
pub(crate) fn encode_clean(vocabulary: &Vocabulary, clean: &str, ids: &mut Vec<u32>) {
    for piece in pieces(clean) {
        match piece {
            Piece::StartOfText => ids.push(START_OF_TEXT),
            Piece::EndOfText => ids.push(END_OF_TEXT),
            Piece::Word(word) => encode_word(vocabulary, word.as_bytes(), ids),
        }
    }
}

impl Default for Tokenizer {
    fn default() -> Self {
        Self::new()
    }
}

impl std::fmt::Debug for Tokenizer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tokenizer").field("tokens", &VOCAB_SIZE).finish()
    }
}

/// The beginning of a text, on one line, for a message.
fn excerpt(text: &str) -> String {
    const CHARACTERS: usize = 40;
    let is_cut = text.chars().nth(CHARACTERS).is_some();
    let one_line = |character: char| if character.is_control() { ' ' } else { character };
    text.chars().take(CHARACTERS).map(one_line).chain(is_cut.then_some('…')).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokenizer_can_be_shared_between_threads() {
        fn is_shareable<T: Send + Sync + Clone + 'static>() {}
        is_shareable::<Tokenizer>();
    }

    #[test]
    fn lost_tokens_are_counted_and_the_end_is_kept() {
        let tokenizer = Tokenizer::new();
        for (context_length, ids, lost) in [
            (1, vec![END_OF_TEXT], 5),
            (2, vec![START_OF_TEXT, END_OF_TEXT], 5),
            (5, vec![START_OF_TEXT, 320, 1125, 539, END_OF_TEXT], 2),
            (7, vec![START_OF_TEXT, 320, 1125, 539, 320, 2368, END_OF_TEXT], 0),
        ] {
            let tokens =
                tokenizer.tokenize("a photo of a cat", context_length, Overflow::Truncate).unwrap();
            assert_eq!((tokens.ids.clone(), tokens.lost), (ids, lost), "{context_length}");
            assert_eq!(tokens.truncated(), lost > 0);
            assert_eq!(tokens.padded(9).len(), 9);
        }
    }

    #[test]
    fn refusal_names_the_text_and_both_numbers() {
        let text = format!("a very\nlong {}", "cat ".repeat(80));
        let error = Tokenizer::new().tokenize(&text, 77, Overflow::Refuse).unwrap_err();
        let message = "text has 85 tokens, limit 77: \"a very long cat cat cat cat cat cat cat …\"";
        assert_eq!(error.to_string(), message);
        assert!(error.help().is_some());
        let error = Tokenizer::new().tokenize("", 0, Overflow::Truncate).unwrap_err();
        assert_eq!(error, TokenizerError::NoRoom);
    }
}
