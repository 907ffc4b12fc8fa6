//! How files are opened, found, locked and written: the one door between clip-rs and a file system.
//!
//! - [`open`], [`read`] and [`read_text`] take regular files only, up to a size: a pipe or a device could block for
//!   ever, a sparse file could fill the memory.
//! - [`walk`] lists the files below a folder; a folder that links reach twice is walked once.
//! - [`write_whole`] makes a file appear whole or not at all, and clears what a killed run left behind.
//! - [`Lock`] keeps two programs from writing the same thing.

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

mod lock;
mod open;
mod walk;
mod write;

pub use lock::Lock;
pub use open::{open, read, read_text};
pub use walk::{Walk, is_system_name, walk};
pub use write::{NewFile, NewFolder, write_whole};
