//! CLIP in Rust: load a model, encode images and texts, classify, compare.
