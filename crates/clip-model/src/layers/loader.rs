//! From tensors by name to weights on a device.

use crate::checkpoint::finite;
use crate::{CheckpointError, StateDict, Tensor};
use clip_kernels::{Device, MatrixView, Precision, Result};
use rayon::prelude::*;
use std::borrow::Cow;
use std::ops::Deref;

/// One place in the tree of a state dict's names, and the device its tensors go to.
pub(crate) struct Loader<'a, D> {
    pub(crate) device: &'a D,
    /// Of the weights below this place, unless a layer says otherwise.
    pub(crate) precision: Precision,
    weights: &'a StateDict,
    prefix: String,
}

impl<'a, D: Device> Loader<'a, D> {
    /// The root: names stand as they are. The weights were checked ([`StateDict::check`]), so a
    /// layer's sizes are those of its tensors.
    pub(crate) fn new(device: &'a D, weights: &'a StateDict, precision: Precision) -> Self {
        Self { device, precision, weights, prefix: String::new() }
    }

    /// The branch called `name`.
    pub(crate) fn at(&self, name: impl std::fmt::Display) -> Self {
        Self { prefix: format!("{}{name}.", self.prefix), ..*self }
    }

    /// The same place, its weights in another precision.
    pub(crate) fn with_precision(&self, precision: Precision) -> Self {
        Self { precision, prefix: self.prefix.clone(), ..*self }
    }

    /// Packs a weight in this place's precision.
    pub(crate) fn pack(&self, weight: MatrixView<'_>) -> Result<D::Weight> {
        self.device.pack(weight, self.precision)
    }

    /// The values of a tensor, all finite.
    pub(crate) fn values(&self, name: &str) -> Result<Values<'a>, CheckpointError> {
        let name = format!("{}{name}", self.prefix);
        let tensor = self.weights.tensor(&name)?;
        let values = Values { tensor, values: tensor.f32_values() };
        match finite::count(&values) {
            0 => Ok(values),
            count => Err(CheckpointError::NotFinite {
                path: self.weights.path().to_path_buf(),
                name,
                count,
            }),
        }
    }

    /// A vector `[length]`.
    pub(crate) fn vector(&self, name: &str) -> Result<D::Vector, CheckpointError> {
        Ok(self.device.vector(self.values(name)?.into_vec())?)
    }

    /// A table `[rows, width]`.
    pub(crate) fn rows(&self, name: &str) -> Result<D::Rows, CheckpointError> {
        let values = self.values(name)?;
        let width = values.width();
        Ok(self.device.to_device(values.into_vec(), width)?)
    }
}

/// The values of a tensor, row-major: the file's own where it holds f32. Dropped, they leave memory
/// again: a file and the weights packed from it are never there both as a whole.
pub(crate) struct Values<'a> {
    tensor: &'a Tensor,
    values: Cow<'a, [f32]>,
}

impl Values<'_> {
    /// The last of the tensor's sizes.
    pub(crate) fn width(&self) -> usize {
        self.tensor.shape().last().copied().unwrap_or(1)
    }

    /// To be kept.
    pub(crate) fn into_vec(mut self) -> Vec<f32> {
        std::mem::take(&mut self.values).into_owned()
    }
}

impl Deref for Values<'_> {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        &self.values
    }
}

impl Drop for Values<'_> {
    fn drop(&mut self) {
        self.tensor.release();
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
