//! Layer norm (PROTOCOL 1.1).

use super::Loader;
use crate::CheckpointError;
use clip_kernels::{Device, Result};

/// What CLIP adds to the variance.
const EPS: f64 = 1e-5;

/// `x [rows, width] -> [rows, width]`, each row by its own mean and variance.
pub(crate) struct LayerNorm<D: Device> {
    weight: D::Vector, // [width]
    bias: D::Vector,   // [width]
    eps: f64,
}

impl<D: Device> LayerNorm<D> {
    /// `weight` and `bias` of one branch.
    pub(crate) fn load(loader: &Loader<'_, D>) -> Result<Self, CheckpointError> {
        let (weight, bias) = (loader.vector("weight")?, loader.vector("bias")?);
        Ok(Self { weight, bias, eps: EPS })
    }

    pub(crate) fn forward(&self, device: &D, x: &D::Rows) -> Result<D::Rows> {
        device.layer_norm(x, &self.weight, &self.bias, self.eps)
    }
}
