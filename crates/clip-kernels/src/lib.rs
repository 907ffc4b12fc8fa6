//! How a processor computes CLIP: the Device trait, its definition and its fast implementations.
