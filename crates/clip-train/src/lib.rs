//! Training CLIP: from scratch, from a checkpoint, with a tower locked, from a teacher.
//!
//! ```text
//! data ─▶ Batch ─▶ Trainer::step ─▶ StepReport ─▶ metrics, checkpoints
//!                    │ towers forward, objective, towers backward, gradients of all ranks
//!                    └ clip, AdamW, clamp, moving average
//! ```
#![forbid(unsafe_code)]

mod batch;
pub mod checkpoint;
pub mod config;
pub mod distributed;
mod error;
pub mod evaluation;
mod lora;
pub mod metrics;
mod objective;
mod optimizer;
mod options;
mod report;
mod schedule;
pub mod tensorboard;

pub use batch::Batch;
pub use error::TrainError;
pub use lora::LoraOptions;
pub use objective::{Loss, Objective};
pub use optimizer::OptimizerOptions;
pub use options::{Lock, TrainerOptions};
pub use report::{LossParts, NotFinite, StepReport};
pub use schedule::{Decay, Schedule};
