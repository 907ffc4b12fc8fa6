//! A pickle machine that can build plain containers and tensor records, and nothing else.
//!
//! Values live in one arena and refer to each other by index, so nesting, sharing and cycles cost
//! nothing: no recursion while building, walking or dropping, and `DUP`-like doubling stays small.
//! Every count has a limit. The opcodes are those `torch.save` writes (PROTOCOL 5.2); all others,
//! and every global that is not a tensor's, are refused by name.
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

mod call;
mod machine;
mod opcode;
mod value;

pub(super) use machine::load;
pub(super) use value::{Pickle, StorageRecord, TensorRecord, Value};
