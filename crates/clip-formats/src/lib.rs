//! Containers of data and weights.
//!
//! Every parser takes any bytes: it ends in values or in a [`FormatError`] that names file and
//! reason, with memory bounded by the size of the file and the limits that its constants state.
//! Nothing is extracted and nothing is executed. `fuzz/` has a target for each.

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

pub mod archive;
mod cursor;
mod dtype;
mod error;
mod file_bytes;
pub mod hdf5;
pub mod idx;
pub mod matlab;
pub mod npy;
pub mod pickle;
pub mod safetensors;
mod tar;
pub mod zip;

pub use self::dtype::{Dtype, MAX_DIMENSIONS};
pub use self::error::{FormatError, shown};
pub use self::file_bytes::FileBytes;
