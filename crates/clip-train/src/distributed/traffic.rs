//! How much the ranks tell each other.

use std::ops::{AddAssign, Sub};
use std::sync::{Mutex, PoisonError};

/// Bytes of the operations between ranks, as one rank sees them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Calls of any operation.
    pub calls: u64,
    /// Values that were to be summed.
    pub all_reduce: u64,
    /// Values of all ranks, after they were gathered.
    pub all_gather: u64,
    /// Values of all ranks, before they were summed and split.
    pub reduce_scatter: u64,
    /// What one rank told the others.
    pub broadcast: u64,
}

impl Traffic {
    /// What a step of `ranks` ranks with `pairs` pairs each must tell, but for a few losses and
    /// counts: the gradients of all `parameters` that are trained, and both towers' features,
    /// there and, as gradients, back.
    pub fn of_step(parameters: u64, embed_dim: usize, pairs: usize, ranks: usize) -> Traffic {
        let value = size_of::<f32>() as u64;
        let features = 2 * (ranks * pairs * embed_dim) as u64 * value;
        Traffic {
            calls: 0,
            all_reduce: parameters * value,
            all_gather: features,
            reduce_scatter: features,
            broadcast: 0,
        }
    }

    /// Bytes that a rank sends, and as many that it receives, where `ranks` stand in a ring: each
    /// gives away all but one of as many parts, for a sum twice. No way that loads all ranks alike
    /// sends less.
    pub fn sent(&self, ranks: usize) -> f64 {
        let parts = 2 * self.all_reduce + self.all_gather + self.reduce_scatter + self.broadcast;
        parts as f64 * ranks.saturating_sub(1) as f64 / ranks.max(1) as f64
    }
}

impl Sub for Traffic {
    type Output = Traffic;

    /// What was added since `earlier`.
    fn sub(self, earlier: Traffic) -> Traffic {
        Traffic {
            calls: self.calls - earlier.calls,
            all_reduce: self.all_reduce - earlier.all_reduce,
            all_gather: self.all_gather - earlier.all_gather,
            reduce_scatter: self.reduce_scatter - earlier.reduce_scatter,
            broadcast: self.broadcast - earlier.broadcast,
        }
    }
}

impl AddAssign for Traffic {
    fn add_assign(&mut self, more: Traffic) {
        self.calls += more.calls;
        self.all_reduce += more.all_reduce;
        self.all_gather += more.all_gather;
        self.reduce_scatter += more.reduce_scatter;
        self.broadcast += more.broadcast;
    }
}

/// Counts what the threads of a rank do.
#[derive(Debug, Default)]
pub(super) struct Counter(Mutex<Traffic>);

impl Counter {
    /// One call more.
    pub(super) fn count(&self, more: Traffic) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) += Traffic { calls: 1, ..more };
    }

    pub(super) fn so_far(&self) -> Traffic {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ring_sends_all_parts_but_one_and_twice_for_sums() {
        let traffic = Traffic { all_reduce: 800, all_gather: 80, ..Traffic::default() };
        assert_eq!(traffic.sent(1), 0.0);
        assert_eq!(traffic.sent(8), (1600.0 + 80.0) * 7.0 / 8.0);
    }
}
