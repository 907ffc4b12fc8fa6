//! Many records in one run: models times data sets times tasks, resumed after an interruption,
//! shared among processes.
//!
//! ```text
//! suite.toml ─▶ jobs, in one order ─▶ those of this shard ─▶ MODEL/DATASET.TASK.json, .predictions.jsonl
//!                                                │
//!                                                └─ all records in the folder ─▶ results.csv   (the same bytes however
//!                                                                              the jobs were shared or interrupted)
//! ```
//!
//! A job whose result is there as it was written, and was made from the same weights, recipe,
//! precision, prompts, images and options that its task reads, is not done again. A job that cannot
//! be done is listed, and stops nothing.

mod plan;
mod resume;
mod run;

pub use self::plan::{Entry, EntryAt, FITTING, Job, Shard, Suite};
pub use self::run::{JobResult, Run};
pub use crate::results::merge;
