//! What ranks do together.

use super::traffic::Traffic;

/// Why ranks could not speak with each other.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("rank {rank} of {size}: {operation}: {reason}")]
pub struct CollectiveError {
    /// Who noticed.
    pub rank: usize,
    /// Number of ranks.
    pub size: usize,
    /// What they were doing: `all-gather`, …
    pub operation: &'static str,
    /// In words.
    pub reason: String,
}

/// What ranks do together. Every rank calls the same operations in the same order, one at a time,
/// with arrays of the same length; each result is the same on all ranks, bit for bit.
///
/// # Errors
/// Each operation [`CollectiveError`] when another rank is gone.
pub trait Collective: Send + Sync + std::fmt::Debug {
    /// This rank, from 0.
    fn rank(&self) -> usize;

    /// Number of ranks.
    fn size(&self) -> usize;

    /// The values of all ranks, rank 0's first.
    fn all_gather(&self, values: &[f32]) -> Result<Vec<f32>, CollectiveError>;

    /// [`Collective::all_gather`] of whole numbers.
    fn all_gather_u64(&self, values: &[u64]) -> Result<Vec<u64>, CollectiveError>;

    /// Replaces every value with its sum over the ranks.
    fn all_reduce_sum(&self, values: &mut [f32]) -> Result<(), CollectiveError>;

    /// [`Collective::all_reduce_sum`] of a few f64: losses and counts.
    fn all_reduce_sum_f64(&self, values: &mut [f64]) -> Result<(), CollectiveError>;

    /// This rank's part, of `size()` equal ones, of the sums over all ranks: the backward of
    /// [`Collective::all_gather`].
    fn reduce_scatter_sum(&self, values: &[f32]) -> Result<Vec<f32>, CollectiveError>;

    /// Replaces the values with those of rank `root`.
    fn broadcast(&self, values: &mut [f32], root: usize) -> Result<(), CollectiveError>;

    /// Returns when all ranks have come here.
    fn barrier(&self) -> Result<(), CollectiveError>;

    /// Tells all others that this rank cannot go on: what they wait for fails. Over MPI this ends
    /// every process, this one too.
    fn fail(&self, reason: &str);

    /// What went between the ranks so far.
    fn traffic(&self) -> Traffic;

    /// Whether this rank logs and saves.
    fn is_main(&self) -> bool {
        self.rank() == 0
    }

    /// Whether it holds on any rank: what all must decide alike, such as to stop.
    fn any(&self, holds: bool) -> Result<bool, CollectiveError> {
        let mut ranks = [f64::from(u8::from(holds))];
        self.all_reduce_sum_f64(&mut ranks)?;
        Ok(ranks != [0.0])
    }
}
