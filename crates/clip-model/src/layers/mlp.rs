//! The MLP of a residual block (PROTOCOL 1.1).

use super::{BackwardPass, Linear, Loader, Pass, Places, TrainableLinear};
use crate::CheckpointError;
use clip_kernels::{Activation, Device, Result, Train};

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
            activation: of_kernels(activation),
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

fn of_kernels(activation: crate::Activation) -> Activation {
    match activation {
        crate::Activation::QuickGelu => Activation::QuickGelu,
        crate::Activation::Gelu => Activation::Gelu,
    }
}

/// The same while it is trained.
pub(crate) struct TrainableMlp {
    c_fc: TrainableLinear,
    c_proj: TrainableLinear,
    activation: Activation,
}

impl TrainableMlp {
    /// `c_fc` and `c_proj` of one branch.
    pub(crate) fn find(places: &Places<'_>, activation: crate::Activation) -> Self {
        Self {
            c_fc: TrainableLinear::find(&places.at("c_fc")),
            c_proj: TrainableLinear::find(&places.at("c_proj")),
            activation: of_kernels(activation),
        }
    }

    pub(crate) fn parameters(&self) -> impl Iterator<Item = usize> {
        self.c_fc.parameters().chain(self.c_proj.parameters())
    }

    /// `normed [rows, width] -> hidden [rows, mlp_width]`, before the activation: what backward
    /// needs.
    pub(crate) fn hidden<D: Train>(&self, pass: &Pass<'_, D>, normed: &D::Rows) -> Result<D::Rows> {
        self.c_fc.forward(pass, normed)
    }

    /// `hidden [rows, mlp_width] -> [rows, width]`
    pub(crate) fn project<D: Train>(
        &self,
        pass: &Pass<'_, D>,
        hidden: &D::Rows,
    ) -> Result<D::Rows> {
        let activated = pass.device.activate(hidden, self.activation)?;
        self.c_proj.forward(pass, &activated)
    }

    /// The gradient of what came out `-> d_normed`.
    pub(crate) fn backward<D: Train>(
        &self,
        back: &mut BackwardPass<'_, D>,
        normed: &D::Rows,
        hidden: D::Rows,
        dy: &D::Rows,
    ) -> Result<D::Rows> {
        let pass = back.pass;
        let activated = pass.device.activate(&hidden, self.activation)?;
        self.c_proj.add_gradients(back, &activated, dy)?;
        drop(activated); // its memory is that of the next
        let d_activated = self.c_proj.input_gradient(&pass, dy, None)?;
        let d_hidden = pass.device.activation_backward(&hidden, d_activated, self.activation)?;
        drop(hidden);
        self.c_fc.add_gradients(back, normed, &d_hidden)?;
        self.c_fc.input_gradient(&pass, &d_hidden, None)
    }
}
