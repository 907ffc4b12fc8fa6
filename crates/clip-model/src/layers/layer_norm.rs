//! Layer norm (PROTOCOL 1.1).

use super::{BackwardPass, Loader, Pass, Places};
use crate::CheckpointError;
use clip_kernels::{Device, Result, Train};

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

/// The same while it is trained.
pub(crate) struct TrainableLayerNorm {
    parameters: [usize; 2], // weight, bias: [width]
    width: usize,
}

impl TrainableLayerNorm {
    /// `weight` and `bias` of one branch.
    pub(crate) fn find(places: &Places<'_>) -> Self {
        let parameters = [places.index("weight"), places.index("bias")];
        Self { parameters, width: places.size(parameters[0]).1 }
    }

    pub(crate) fn parameters(&self) -> [usize; 2] {
        self.parameters
    }

    pub(crate) fn forward<D: Train>(&self, pass: &Pass<'_, D>, x: &D::Rows) -> Result<D::Rows> {
        let [weight, bias] = self.parameters;
        let (weight, bias) =
            (pass.vector(weight, 0..self.width)?, pass.vector(bias, 0..self.width)?);
        pass.device.layer_norm(x, &weight, &bias, EPS)
    }

    /// What went in, and the gradient of what came out `-> dx`.
    pub(crate) fn backward<D: Train>(
        &self,
        back: &mut BackwardPass<'_, D>,
        x: &D::Rows,
        dy: &D::Rows,
    ) -> Result<D::Rows> {
        let pass = back.pass;
        let weight = pass.vector(self.parameters[0], 0..self.width)?;
        back.norm_gradients(self.parameters, self.width, |gradients| {
            pass.device.layer_norm_backward(x, &weight, EPS, dy, gradients)
        })
    }
}
