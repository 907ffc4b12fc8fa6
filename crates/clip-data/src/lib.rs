//! CLIP's benchmark data sets, read as their authors published them.
//!
//! ```text
//! assets ─▶ catalogue (task, metric, splits, archives)    prompts (class names, templates, labels)
//!               │                                             │
//!               └────────────────────┬────────────────────────┘
//!                                    ▼
//! reader: a Source is read into a Listing ◀── listing: class folders, lists, captions, draws
//!               ├── datasets: a reader each, for the layout in which the files were published
//!               └── custom: folders, tables and shards of a user
//!                                    ▼
//! open ─▶ Split: items {media, target} in a fixed order ─▶ the tasks of clip-eval
//! ```
//!
//! Nothing is downloaded and nothing is decoded here but what a protocol cuts or renders: an item
//! is the bytes of an image file, wherever they come from. PROTOCOL_EVAL 6 is the source of every
//! rule.
#![forbid(unsafe_code)]
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects
    )
)]

mod assets;
mod catalogue;
mod check;
mod custom;
mod datasets;
mod error;
pub mod formats;
mod item;
mod items;
pub mod listing;
mod locate;
mod names;
mod open;
mod places;
mod prompts;
#[allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    reason = "generators wrap, and index arrays of their own"
)]
pub mod random;
mod reader;
mod split;
mod text;

pub use crate::catalogue::{
    Archive, Dataset, Files, Fold, Metric, Recognised, SplitInfo, Status, Task, Validation,
    catalogue, find,
};
/// Members of shards and what they say, for readers of millions of them.
pub mod webdataset {
    pub use crate::custom::webdataset::{
        Dot, captions_of_json, is_picture_ending, key_and_ending, shard_name, tars_in,
    };
}

pub use crate::check::{ArchiveReport, CheckReport, CheckStep, SplitReport, check, packed};
pub use crate::custom::csv::{
    CaptionColumns, FileColumns, FileGroups, FileTable, GroupColumn, caption_columns,
};
pub use crate::error::DataError;
pub use crate::item::{Border, Item, Media, Presence, Records, Target};
pub use crate::items::Items;
pub use crate::locate::present;
pub use crate::names::comparable;
pub use crate::prompts::{Classes, PromptSet};
pub use crate::reader::{LeftOut, ReadOptions};
pub use crate::split::Split;
pub use crate::text::text as read_text;
