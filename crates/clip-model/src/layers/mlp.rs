//! The MLP of a residual block (PROTOCOL 1.1).

use super::{Linear, Loader};
use crate::CheckpointError;
use clip_kernels::{Activation, Device, Result};

/// `normed [rows, width] -> c_fc -> activation [rows, mlp_width] -> c_proj -> + residual [rows,
/// width]`.
pub(crate) struct Mlp<D: Device> {
    c_fc: Linear<D>,   // [mlp_width, width]
    c_proj: Linear<D>, // [width, mlp_width]
    activation: Activation,
}

impl<D: Device> Mlp<D> {
    /// `c_fc` and `c_proj` of one branch.
    pub(crate) fn load(
        loader: &Loader<'_, D>,
        activation: crate::Activation,
    ) -> Result<Self, CheckpointError> {
        Ok(Self {
            c_fc: Linear::load(&loader.at("c_fc"))?,
            c_proj: Linear::load(&loader.at("c_proj"))?,
            activation: match activation {
                crate::Activation::QuickGelu => Activation::QuickGelu,
                crate::Activation::Gelu => Activation::Gelu,
            },
        })
    }

    pub(crate) fn forward(
        &self,
        device: &D,
        normed: &D::Rows,
        residual: D::Rows,
    ) -> Result<D::Rows> {
        let hidden = self.c_fc.forward(device, normed, self.activation)?; // [rows, mlp_width]
        self.c_proj.forward_residual(device, &hidden, residual)
    }
}
