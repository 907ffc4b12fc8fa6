//! CLIP's evaluation: tasks and metrics, each figure with its interval and all that is needed to
//! repeat it.
//!
//! ```text
//! options   what a person chooses            clip-data: Split
//!    │                                          │
//!    ▼                                          ▼
//! suite ──▶ tasks ──▶ context: model, features (computed once, kept on disk), progress
//!    │        │
//!    │        └─▶ metrics · statistics · probe · few-shot · retrieval · robustness     pure
//!    ▼
//! results: one JSON per record, its predictions beside it, results.csv
//! ```
//!
//! PROTOCOL_EVAL 7 and 10 are the source of every rule.
#![forbid(unsafe_code)]

mod context;
mod error;
mod features;
pub mod few_shot;
pub mod metrics;
pub mod options;
pub mod overlap;
pub mod paired;
pub mod probe;
mod products;
mod progress;
pub mod results;
pub mod retrieval;
pub mod robustness;
pub mod statistics;
pub mod suite;
pub mod tasks;

pub use crate::context::{EncodedSplit, EvalContext, ItemList};
pub use crate::error::EvalError;
pub use crate::features::{FeatureCache, SplitFeatures, head, list_fingerprint};
pub use crate::options::{Average, EvalOptions, Frames, OutOfRange, ProbeFeatures};
pub use crate::progress::{Progress, Step, silent};
