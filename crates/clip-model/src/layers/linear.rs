//! A product with a weight, with or without bias.

use super::{BackwardPass, Loader, Pass, Places};
use crate::CheckpointError;
use clip_kernels::{Activation, Device, Epilogue, MatrixView, Result, Train, WeightOrder};
use std::ops::Range;

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

/// The same while it is trained.
pub(crate) struct TrainableLinear {
    weight: usize,
    bias: Option<usize>, // [outputs]
    /// Of the weight as it stands: outputs, or inputs of a projection.
    rows: Range<usize>,
    order: WeightOrder,
}

impl TrainableLinear {
    /// `weight` and `bias` of one branch.
    pub(crate) fn find(places: &Places<'_>) -> Self {
        let (weight, bias) = (places.index("weight"), places.index("bias"));
        Self::part(weight, bias, 0..places.size(weight).0)
    }

    /// One of the maps whose weights, and biases, stand on top of each other.
    pub(crate) fn part(weight: usize, bias: usize, rows: Range<usize>) -> Self {
        Self { weight, bias: Some(bias), rows, order: WeightOrder::OutputMajor }
    }

    /// A projection without bias that stands `[inputs, outputs]`.
    pub(crate) fn find_projection(places: &Places<'_>, name: &str) -> Self {
        let weight = places.index(name);
        let rows = 0..places.size(weight).0;
        Self { weight, bias: None, rows, order: WeightOrder::InputMajor }
    }

    /// Its weight, and its bias where there is one.
    pub(crate) fn parameters(&self) -> impl Iterator<Item = usize> {
        std::iter::once(self.weight).chain(self.bias)
    }

    /// `x · weightᵀ + bias`.
    pub(crate) fn forward<D: Train>(&self, pass: &Pass<'_, D>, x: &D::Rows) -> Result<D::Rows> {
        let weight = pass.pack(self.weight, self.rows.clone(), self.order)?;
        let bias = self.bias.map(|bias| pass.vector(bias, self.rows.clone())).transpose()?;
        pass.device.linear(x, &weight, Epilogue { bias: bias.as_ref(), ..Epilogue::none() })
    }

    /// Adds the gradients of weight and bias, where they are trained: from what went in and the
    /// gradient of what came out.
    pub(crate) fn add_gradients<D: Train>(
        &self,
        back: &mut BackwardPass<'_, D>,
        x: &D::Rows,
        dy: &D::Rows,
    ) -> Result<()> {
        let Pass { device, precision, .. } = back.pass;
        if let Some(gradient) = back.gradients.get_mut(self.weight) {
            let (outer, inner) = match self.order {
                WeightOrder::OutputMajor => (dy, x),
                WeightOrder::InputMajor => (x, dy),
            };
            device.weight_gradient(outer, inner, precision, gradient, self.rows.start)?;
        }
        if let Some(gradient) = self.bias.and_then(|bias| back.gradients.get_mut(bias)) {
            device.bias_gradient(dy, gradient, self.rows.start)?;
        }
        Ok(())
    }

    /// `dx = dy · weight`, and `+ residual` where there is one.
    pub(crate) fn input_gradient<D: Train>(
        &self,
        pass: &Pass<'_, D>,
        dy: &D::Rows,
        residual: Option<D::Rows>,
    ) -> Result<D::Rows> {
        let weight = pass.pack(self.weight, self.rows.clone(), self.order.transposed())?;
        pass.device.linear(dy, &weight, Epilogue { residual, ..Epilogue::none() })
    }
}
