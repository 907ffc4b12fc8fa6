//! What an evaluation of the loss adds up.

/// What rows contribute to an evaluation.
pub(super) struct LossSums {
    /// Cross-entropy.
    pub(super) loss: f64,
    /// `p · (1 − p)` over all outputs.
    pub(super) curvature: f64,
    /// Gradient of the intercepts, `[outputs]`.
    pub(super) d_intercepts: Vec<f64>,
}

impl LossSums {
    pub(super) fn zeros(outputs: usize) -> Self {
        Self { loss: 0.0, curvature: 0.0, d_intercepts: vec![0.0; outputs] }
    }
}
