//! Whom a model fails, and what the choice of classes does. PROTOCOL_EVAL 8; the Bias and Fairness
//! section of CLIP's model card.
//!
//! ```text
//! audit: fairface · denigration · association · taxonomy         what is asked
//!    │        │
//!    │        └─▶ groups (who is in an image, as the data set says) · label_list · warnings
//!    │        └─▶ rates, paired: shares by group with intervals, gaps, tests
//!    ▼
//! record: sections {title, body, conclusion}, verdict ─▶ one JSON an audit ─▶ terminal, page, card
//! ```
//!
//! Its purpose is to find harm and to report it. It speaks of groups of images that a data set
//! names, never of one: a group that is too small has no figure, and nothing of a single image is
//! returned or written.
#![forbid(unsafe_code)]

pub mod association;
mod audit;
pub mod denigration;
pub mod disparity;
pub mod fairface;
mod flow;
pub mod group_table;
pub mod groups;
pub mod label_list;
mod logits;
pub mod options;
pub mod paired;
mod phrases;
pub mod published;
pub mod rates;
pub mod record;
pub mod section;
pub mod taxonomy;
pub mod warnings;
mod words;

pub use crate::audit::{Audit, Outcome, Run};
pub use crate::record::{AuditRecord, read_all};

/// What every audit says beside its figures.
pub const PURPOSE: &str = "This audit exists to find and report harm. Groups are those of the data set's labels, \
used for comparison only; it identifies nobody, and says nothing of a single person.";
