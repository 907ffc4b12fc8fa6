//! The joint space of images and texts: unit vectors, their cosines, prompt ensembles,
//! probabilities (PROTOCOL 1.4, 4).
//!
//! ```text
//! features ── normalize_rows ──> unit rows ── dot, cosines ──> cosines ── · scale ──> logits ── softmax ──> probabilities
//!                                    │ prompt_ensemble: the rows of a class become its one unit row
//! ```
//!
//! Everything is summed in f64, in an order that is part of each definition.

mod cosine;
mod normalize;
mod prompt_ensemble;
mod softmax;
mod top_k;

pub use cosine::{cosines, dot};
pub use normalize::normalize_rows;
pub use prompt_ensemble::{EnsembleRounding, prompt_ensemble};
pub use softmax::{exponentials, softmax};
pub use top_k::top_k;
