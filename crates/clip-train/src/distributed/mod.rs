//! Data parallel: many processes that train one model, each with its part of the batch.
//!
//! ```text
//! towers forward ─▶ all-gather of features ─▶ loss of own rows ─▶ reduce-scatter ─▶ towers backward
//!                                                                                    │ on_ready
//!                                    optimiser ◀─ sums over ranks ◀─ GradientReducer, meanwhile
//! ```
//!
//! The loss of a rank's rows is weighted by the pairs of **all** ranks: sums over ranks, not means,
//! are the gradients of the whole batch (PROTOCOL 2.7). Batch norms use the statistics of a rank's
//! own pictures, as the reference does; running statistics are averaged after each step, so that
//! every rank holds the same state at all times.

mod collective;
mod join;
#[cfg(feature = "mpi")]
mod mpi;
mod reducer;
mod reduction;
mod solo;
mod threads;
mod traffic;

pub use collective::{Collective, CollectiveError};
pub use join::{JoinError, join};
pub use reducer::GradientReducer;
pub(crate) use reduction::{GradientReduction, sum_over_ranks};
pub use solo::Solo;
pub use threads::ThreadRank;
pub use traffic::Traffic;
