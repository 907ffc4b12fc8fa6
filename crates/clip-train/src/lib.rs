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
pub mod data;
pub mod distributed;
mod error;
pub mod evaluation;
mod feed;
mod forward;
pub mod interpolate;
mod layers;
mod locked;
mod lora;
pub mod memory;
pub mod metrics;
mod moving_average;
mod not_finite;
mod objective;
mod optimizer;
mod options;
mod passes;
mod plan;
pub mod preflight;
mod rank;
mod record;
pub mod replay;
mod report;
mod rows;
pub mod run;
mod run_error;
mod schedule;
pub mod start;
mod state;
mod step;
mod teacher;
pub mod tensorboard;
mod trainer;
pub mod verify;

pub use batch::Batch;
pub use clip_kernels as kernels;
pub use error::TrainError;
pub use locked::{KeptFeatures, KeptOptions};
pub use lora::LoraOptions;
pub use objective::{Loss, Objective};
pub use optimizer::OptimizerOptions;
pub use options::{Lock, TrainerOptions};
pub use report::{LossParts, NotFinite, StepReport};
pub use run_error::RunError;
pub use schedule::{Decay, Schedule};
pub use state::{Progress, TrainerState};
pub use trainer::Trainer;
