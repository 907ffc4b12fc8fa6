//! When a fit ends.

use std::sync::atomic::AtomicBool;

/// When a fit ends.
#[derive(Debug, Clone, Copy)]
pub struct Options<'a> {
    /// The greatest entry of the gradient of `objective / (C · rows)` that is taken for zero. A fit
    /// goes on while the duality gap is above a tenth of the objective.
    pub tolerance: f64,
    /// The most iterations.
    pub most_iterations: usize,
    /// Set by somebody else when a fit is to end as it is, [`TerminationReason::Stopped`](super::TerminationReason).
    pub stop: Option<&'a AtomicBool>,
}

impl Default for Options<'_> {
    /// 1,000 iterations as in the paper. The tolerance is a tenth of scikit-learn's, so that the
    /// model depends on the data and hardly on where a solver stops.
    fn default() -> Self {
        Self { tolerance: 1e-5, most_iterations: 1000, stop: None }
    }
}
