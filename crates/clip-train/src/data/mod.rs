//! What a model learns from: pairs of images and captions, batch after batch.
//!
//! ```text
//! DataOptions ─▶ Pairs (sources: shards, tables, Parquet, JSON lines, folders; listed once)
//!                  │ order: which sample stands where, a function of (seed, epoch, position)
//!                  ▼
//!                Loader: threads read, decode, draw a part (augment), tokenize, ahead of the step
//!                  │                                      └─▶ Ledger, Counters
//!                  ▼
//!                Batch
//! ```
//!
//! Nothing depends on threads, on ranks or on where a run was resumed: a batch is a function of the
//! data, the seed and its position.

mod augment;
mod error;
mod ledger;
mod loader;
mod options;
mod order;
mod pairs;
mod pattern;
mod sources;

pub use error::DataError;
pub use ledger::{BadSample, Counters, Ledger, Reason};
pub use loader::{Images, Loader, LoaderOptions, LoaderState, Recipe};
pub use options::{CaptionChoice, Crop, DataOptions, Format, LongCaptions, MaxBad, TextLines};
pub use order::{Position, Share};
pub use pairs::{Pairs, Summary};
