//! The residual block that both transformers are made of (PROTOCOL 1.1).

use super::attention::Attention;
use super::items::Plan;
use super::mlp::Mlp;
use super::{LayerNorm, Loader};
use crate::{Activation, CheckpointError};
use clip_kernels::{AttentionOptions, Device, Result};

/// What the weights of a block do not say.
pub(crate) struct BlockOptions {
    pub(crate) heads: usize,
    pub(crate) activation: Activation,
    pub(crate) causal: bool,
}

/// `x + attention(ln_1(x))`, then `x + mlp(ln_2(x))`, rows `[rows, width]` in and out.
pub(crate) struct ResidualBlock<D: Device> {
    ln_1: LayerNorm<D>,
    attn: Attention<D>,
    ln_2: LayerNorm<D>,
    mlp: Mlp<D>,
    options: AttentionOptions,
}

impl<D: Device> ResidualBlock<D> {
    /// `ln_1`, `attn`, `ln_2` and `mlp` of one branch.
    pub(crate) fn load(
        loader: &Loader<'_, D>,
        options: &BlockOptions,
    ) -> Result<Self, CheckpointError> {
        Ok(Self {
            ln_1: LayerNorm::load(&loader.at("ln_1"))?,
            attn: Attention::load(&loader.at("attn"))?,
            ln_2: LayerNorm::load(&loader.at("ln_2"))?,
            mlp: Mlp::load(&loader.at("mlp"), options.activation)?,
            options: AttentionOptions {
                heads: options.heads,
                causal: options.causal,
                precision: loader.precision.at_least_16_bits(),
            },
        })
    }

    /// All rows of all items.
    pub(crate) fn forward(&self, device: &D, x: D::Rows, plan: &Plan<D>) -> Result<D::Rows> {
        let normed = self.ln_1.forward(device, &x)?;
        let x = self.attn.forward(device, &normed, &normed, &plan.all, self.options, x)?;
        let normed = self.ln_2.forward(device, &x)?;
        self.mlp.forward(device, &normed, x)
    }

    /// Only the row of each item that is read afterwards, `[items, width]`: it alone gets query,
    /// attention output and MLP; the others give keys and values.
    pub(crate) fn forward_pooled(
        &self,
        device: &D,
        x: &D::Rows,
        plan: &Plan<D>,
    ) -> Result<D::Rows> {
        let normed = self.ln_1.forward(device, x)?;
        let queries = device.gather_rows(&normed, &plan.pooled_rows)?; // [items, width]
        let x = device.gather_rows(x, &plan.pooled_rows)?;
        let x = self.attn.forward(device, &queries, &normed, &plan.pooled, self.options, x)?;
        let normed = self.ln_2.forward(device, &x)?;
        self.mlp.forward(device, &normed, x)
    }
}
