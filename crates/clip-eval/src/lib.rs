//! The evaluation laboratory: CLIP's tasks and metrics, each figure with its interval and all that is needed to repeat it.
//!
//! ```text
//! clip-data: Split ──▶ features (computed once, kept on disk) ──▶ zero-shot · retrieval · probe · few-shot · robustness
//!                                                                        │
//!                        metrics with intervals (metrics, statistics) ◀──┘
//!                                    │
//!                                    ▼
//!                     results: one JSON per cell, tables
//! ```
//!
//! PROTOCOL_EVAL 7 and 10 are the source of every rule.
#![forbid(unsafe_code)]

mod coverage;
mod error;
mod features;
pub mod few_shot;
mod few_shot_task;
pub mod figure;
mod folds;
mod frames;
mod geolocation_task;
pub mod head;
mod identity;
mod joined;
mod laboratory;
mod learned_rows;
pub mod metrics;
pub mod overlap;
pub mod paired;
pub mod predictions;
pub mod probe;
mod probe_task;
mod ranges;
pub mod results;
pub mod retrieval;
mod retrieval_task;
pub mod robustness;
mod robustness_task;
mod scoring;
mod selection_task;
pub mod statistics;
mod store;
pub mod suite;
mod tables;
mod word_task;
mod wrong_images;
mod zero_shot;

pub use crate::error::EvalError;
pub use crate::features::{FeatureCache, SplitFeatures};
pub use crate::folds::usual_split;
pub use crate::frames::{Average, Frames};
pub use crate::laboratory::{EvalOptions, Laboratory, ProbeFeatures, Progress, Step};
pub use crate::ranges::OutOfRange;
