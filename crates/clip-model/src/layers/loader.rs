//! From tensors by name to weights on a device.

use crate::{CheckpointError, StateDict};
use clip_kernels::{Device, MatrixView, Precision};
use rayon::prelude::*;

/// One place in the tree of a state dict's names, and the device its tensors go to.
pub(crate) struct Loader<'a, D> {
    pub(crate) device: &'a D,
    /// Of the weights below this place, unless a layer says otherwise.
    pub(crate) precision: Precision,
    weights: &'a StateDict,
    prefix: String,
}

impl<'a, D: Device> Loader<'a, D> {
    /// The root: names stand as they are.
    pub(crate) fn new(device: &'a D, weights: &'a StateDict, precision: Precision) -> Self {
        Self { device, precision, weights, prefix: String::new() }
    }

    /// The branch called `name`.
    pub(crate) fn at(&self, name: impl std::fmt::Display) -> Self {
        Self { prefix: format!("{}{name}.", self.prefix), ..*self }
    }

    /// The same place, where weights have at least 16 bits.
    pub(crate) fn at_least_16_bits(&self) -> Self {
        Self { precision: self.precision.at_least_16_bits(), prefix: self.prefix.clone(), ..*self }
    }

    /// The same place, where weights are multiplied with pixels.
    pub(crate) fn of_pixels(&self) -> Self {
        Self { precision: self.precision.of_pixels(), prefix: self.prefix.clone(), ..*self }
    }

    /// Packs a weight in this place's precision.
    pub(crate) fn pack(&self, weight: MatrixView<'_>) -> D::Weight {
        self.device.pack(weight, self.precision)
    }

    /// The values of a tensor that must have this shape.
    pub(crate) fn values(&self, name: &str, shape: &[usize]) -> Result<Vec<f32>, CheckpointError> {
        self.weights.take_f32(&format!("{}{name}", self.prefix), shape)
    }

    /// A vector `[length]`.
    pub(crate) fn vector(&self, name: &str, length: usize) -> Result<D::Vector, CheckpointError> {
        Ok(self.device.vector(self.values(name, &[length])?))
    }

    /// A table `[rows, width]`.
    pub(crate) fn rows(&self, name: &str, rows: usize, width: usize) -> Result<D::Rows, CheckpointError> {
        Ok(self.device.upload(self.values(name, &[rows, width])?, width))
    }
}

/// Loads `count` like parts at once: the threads share the widening and packing. Of several
/// errors the first part's is given, whoever met his first.
pub(crate) fn in_parallel<T: Send>(
    count: usize,
    load: impl Fn(usize) -> Result<T, CheckpointError> + Send + Sync,
) -> Result<Vec<T>, CheckpointError> {
    let parts: Vec<_> = (0..count).into_par_iter().map(load).collect();
    parts.into_iter().collect()
}
