//! Low-rank adapters: a weight becomes `W₀ + alpha/rank · B · A`, and only A and B are trained
//! (Hu et al. 2021).

use clip_model::parameters::ParameterKind;

/// Which weights get adapters, and of which size.
#[derive(Debug, Clone, PartialEq)]
pub struct LoraOptions {
    /// Rows of A, columns of B.
    pub rank: usize,
    /// The product is multiplied with `alpha / rank`.
    pub alpha: f64,
    /// Which matrices, in every tower that is not locked.
    pub kinds: Vec<ParameterKind>,
}
