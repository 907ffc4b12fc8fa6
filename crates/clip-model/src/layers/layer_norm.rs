//! Layer norm (PROTOCOL 1.1).

use super::Loader;
use crate::CheckpointError;
use clip_kernels::Device;

/// `x [rows, width] -> [rows, width]`, each row by its own mean and variance.
pub(crate) struct LayerNorm<D: Device> {
    weight: D::Vector, // [width]
    bias: D::Vector,   // [width]
}

impl<D: Device> LayerNorm<D> {
    /// `weight` and `bias` of one branch.
    pub(crate) fn load(loader: &Loader<'_, D>, width: usize) -> Result<Self, CheckpointError> {
        Ok(Self { weight: loader.vector("weight", width)?, bias: loader.vector("bias", width)? })
    }

    pub(crate) fn forward(&self, device: &D, x: &D::Rows) -> D::Rows {
        device.layer_norm(x, &self.weight, &self.bias)
    }
}
