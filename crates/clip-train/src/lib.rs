//! Training CLIP: from scratch, from a checkpoint, with a tower locked, from a teacher.
//!
//! ```text
//! data ─▶ Batch ─▶ Trainer::step ─▶ StepReport ─▶ metrics, checkpoints
//!                    │ towers forward, objective, towers backward, gradients of all ranks
//!                    └ clip, AdamW, clamp, moving average
//! ```
#![forbid(unsafe_code)]

mod batch;

pub use batch::Batch;
