//! How a processor computes CLIP: one trait of fused operations, its definition and its fast
//! implementations.
//!
//! ```text
//! clip-model ──▶ Device ──┬─▶ Reference   scalar, f64 sums: defines every operation, oracle of every test
//!                         └─▶ Cpu         f32, bf16, int8; packed weights; all threads of rayon's current pool
//! ```
//!
//! Every sum on every device runs in an order that depends on the shape of the item alone, so an
//! item's bits do not depend on its batch, its neighbours or the number of threads.

mod activation;
mod attention_plan;
mod buffers;
mod cpu;
mod device;
mod device_error;
mod geometry;
mod matrix;
mod precision;
mod reference;
mod segments;
mod shape_checks;
mod train;

pub use activation::Activation;
pub(crate) use attention_plan::Projections;
pub use attention_plan::{AttentionOptions, AttentionPlan};
pub use cpu::{Cpu, Isa, PackedWeight, measure_peak};
pub use device::{Device, Epilogue};
pub use device_error::{DeviceError, Result};
pub use geometry::{ConvolutionShape, MapShape, PatchGrid};
pub use matrix::{Matrix, MatrixView};
pub use precision::Precision;
pub use reference::{Reference, ReferenceWeight};
pub use segments::{KvRanges, Segments};
pub use train::{AdamW, NormGradients, SimilarityLoss, Targets, Train, WeightOrder};
