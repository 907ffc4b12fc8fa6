//! CLIP's tokenizer: the reference's text repair, byte-level BPE and decoding, exactly. PROTOCOL 3.
//!
//! ```text
//! text
//!   │ fix_text: ftfy 6.3.1 with its default options         fix_text/
//!   │ html::unescape, twice                                 html.rs
//!   │ white space to single spaces, lower case              clean.rs, lowercase.rs
//!   ▼
//! clean text
//!   │ pieces: markers, contractions, words, digits, others  pattern.rs
//!   │ bytes, merged by rank                                 bpe.rs, vocabulary.rs
//!   ▼
//! token ids ── start, end, limit ──► Tokens                 tokenizer.rs
//! ```
//!
//! Plain ASCII, which most captions are, goes from text to ids in one step (plain.rs).
//!
//! Three versions of Unicode meet in the reference, and all three are pinned here
//! (`assets/README.md`): lower-casing and NFC are those of Unicode 14.0 (Python 3.11); letters and
//! numbers are those of the Python package regex 2026.11.15.
//!
//! ```
//! use clip_tokenizer::{Overflow, Tokenizer};
//!
//! let tokenizer = Tokenizer::new();
//! let tokens = tokenizer.tokenize("a photo of a caf&eacute;", 77, Overflow::Refuse)?;
//! assert_eq!(tokens.ids, [49406, 320, 1125, 539, 320, 15304, 49407]);
//! assert_eq!(tokens.padded(77).len(), 77);
//! # Ok::<(), clip_tokenizer::TokenizerError>(())
//! ```

#![forbid(unsafe_code)]
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects
    )
)]

mod bpe;
mod clean;
mod decode;
mod error;
mod fix_text;
pub mod html;
mod lowercase;
mod nfc;
mod pattern;
mod plain;
mod token_table;
mod tokenizer;
mod unicode;
mod vocabulary;

pub use clean::{Cleaning, canonicalize, clean};
pub use error::TokenizerError;
pub use fix_text::fix_text;
pub use tokenizer::{CONTEXT_LENGTH, Overflow, Tokenizer, Tokens};
pub use vocabulary::{END_OF_TEXT, START_OF_TEXT, VOCAB_SIZE};
