//! A product with a weight, with or without bias.

use super::Loader;
use crate::CheckpointError;
use clip_kernels::{Activation, Device, Epilogue, MatrixView, Result};

/// `x [rows, inputs] -> x · weightᵀ + bias [rows, outputs]`.
pub(crate) struct Linear<D: Device> {
    weight: D::Weight,       // [outputs, inputs]
    bias: Option<D::Vector>, // [outputs]
}

impl<D: Device> Linear<D> {
    /// A weight that stands `[outputs, inputs]`, and its bias.
    pub(crate) fn new(loader: &Loader<'_, D>, weight: &[f32], bias: Vec<f32>) -> Result<Self> {
        let weight = MatrixView::output_major(weight, bias.len(), weight.len() / bias.len());
        Ok(Self { weight: loader.pack(weight)?, bias: Some(loader.device.vector(bias)?) })
    }

    /// `weight` and `bias` of one branch.
    pub(crate) fn load(loader: &Loader<'_, D>) -> Result<Self, CheckpointError> {
        let weight = loader.values("weight")?;
        Ok(Self::new(loader, &weight, loader.values("bias")?.into_vec())?)
    }

    /// A projection without bias that stands `[inputs, outputs]` and is multiplied from the right,
    /// in at least 16 bits.
    pub(crate) fn load_projection(
        loader: &Loader<'_, D>,
        name: &str,
    ) -> Result<Self, CheckpointError> {
        let weight = loader.values(name)?;
        let (inputs, outputs) = (weight.len() / weight.width(), weight.width());
        Ok(Self {
            weight: loader
                .with_precision(loader.precision.at_least_16_bits())
                .pack(MatrixView::input_major(&weight, inputs, outputs))?,
            bias: None,
        })
    }

    /// `activation(x · weightᵀ + bias)`.
    pub(crate) fn forward(
        &self,
        device: &D,
        x: &D::Rows,
        activation: Activation,
    ) -> Result<D::Rows> {
        device.linear(x, &self.weight, self.epilogue().activation(activation))
    }

    /// `x · weightᵀ + bias + residual`.
    pub(crate) fn forward_residual(
        &self,
        device: &D,
        x: &D::Rows,
        residual: D::Rows,
    ) -> Result<D::Rows> {
        device.linear(x, &self.weight, self.epilogue().residual(residual))
    }

    fn epilogue(&self) -> Epilogue<'_, D> {
        Epilogue { bias: self.bias.as_ref(), ..Epilogue::none() }
    }
}
