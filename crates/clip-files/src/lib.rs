//! How files are opened, found, locked and written: the one door between clip-rs and a file system.
//!
//! - [`open`], [`read`], [`read_text`] and [`head`] take regular files only, up to a size: a pipe
//!   or a device could block for ever, a sparse file could fill the memory.
//! - [`entries`] lists a folder; [`walk`] everything below one, a folder that links reach twice
//!   once; [`matches`](fn@matches) what a pattern fits.
//! - [`shown`] writes any path as Unicode, two paths never alike.
//! - [`write_whole`] makes a file appear whole or not at all, and clears what a killed run left
//!   behind.
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
mod pattern;
mod shown;
mod walk;
mod write;

pub use lock::Lock;
pub use open::{head, open, read, read_text, text_of};
pub use pattern::{Matches, is_pattern, matches};
pub use shown::shown;
pub use walk::{Entry, Walk, entries, is_system_name, walk, walk_where};
pub use write::{NewFile, NewFolder, write_whole};
