//! The evaluation laboratory: CLIP's tasks and metrics, each figure with its interval and all that is needed to repeat it.
//!
//! ```text
//! clip-data: Split ──▶ features (computed once, kept on disk) ──▶ zero-shot · retrieval · probe · few-shot · robustness
//!                                                                        │
//!                        metrics with intervals (metrics, statistics) ◀──┘
//!                                    │
//!                                    ▼
//!                     results: one JSON per cell ──▶ report: one HTML page, tables
//! ```
//!
//! PROTOCOL_EVAL 7 and 10 are the source of every rule.
#![forbid(unsafe_code)]

mod error;
mod features;
pub mod few_shot;
pub mod head;
mod laboratory;
pub mod metrics;
pub mod probe;
pub mod published;
pub mod report;
pub mod results;
pub mod retrieval;
pub mod robustness;
pub mod statistics;

pub use crate::error::EvalError;
pub use crate::features::{FeatureCache, SplitFeatures};
pub use crate::laboratory::{EvalOptions, Laboratory, ProbeFeatures, Progress, Step};
