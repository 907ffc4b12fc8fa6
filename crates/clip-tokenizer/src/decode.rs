//! Token ids back to text, as the reference does it. PROTOCOL 3.4.

use crate::error::TokenizerError;
use crate::vocabulary::{END_OF_TEXT, Vocabulary};

/// The bytes of all tokens read as UTF-8, U+FFFD for what is none, and a space for every `</w>`.
pub(crate) fn decode(vocabulary: &Vocabulary, ids: &[u32]) -> Result<String, TokenizerError> {
    let mut bytes = Vec::with_capacity(ids.len().saturating_mul(4));
    for &id in ids {
        let unknown = TokenizerError::UnknownId { id, largest: END_OF_TEXT };
        bytes.extend_from_slice(vocabulary.token(id).ok_or(unknown)?);
    }
    // After decoding, so that `</w>` is replaced wherever it came from, as in the reference.
    Ok(String::from_utf8_lossy(&bytes).replace("</w>", " "))
}
