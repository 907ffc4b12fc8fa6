//! The attention of a residual block (PROTOCOL 1.1).

use super::{Linear, Loader};
use crate::CheckpointError;
use clip_kernels::{Activation, AttentionOptions, Device, Result};

/// `normed [rows, width] -> query, key_value -> attention -> out_proj -> + residual [rows, width]`.
///
/// `in_proj` is kept in two parts, because the last block has fewer queries than keys.
pub(crate) struct Attention<D: Device> {
    query: Linear<D>,     // [width, width], the first third of `in_proj`
    key_value: Linear<D>, // [2·width, width], the rest
    out_proj: Linear<D>,  // [width, width]
}

impl<D: Device> Attention<D> {
    /// `in_proj_weight`, `in_proj_bias` and `out_proj` of one branch.
    pub(crate) fn load(loader: &Loader<'_, D>) -> Result<Self, CheckpointError> {
        let weight = loader.values("in_proj_weight")?; // [3·width, width]
        let width = weight.width();
        let mut query_bias = loader.values("in_proj_bias")?.into_vec();
        let key_value_bias = query_bias.split_off(width);
        let (query, key_value) = weight.split_at(width * width);
        Ok(Self {
            query: Linear::new(loader, query, query_bias)?,
            key_value: Linear::new(loader, key_value, key_value_bias)?,
            out_proj: Linear::load(&loader.at("out_proj"))?,
        })
    }

    /// - `queries`: `[query rows, width]`, normed
    /// - `keys_values`: the rows that keys and values are made of, `[rows, width]`, normed
    /// - `residual`: the query rows as they were before the norm
    pub(crate) fn forward(
        &self,
        device: &D,
        queries: &D::Rows,
        keys_values: &D::Rows,
        plan: &D::AttentionPlan,
        options: AttentionOptions,
        residual: D::Rows,
    ) -> Result<D::Rows> {
        let queries = self.query.forward(device, queries, Activation::None)?; // [queries, width]
        let keys_values = self.key_value.forward(device, keys_values, Activation::None)?; // [keys, 2·width]
        let heads = device.attention(&queries, &keys_values, plan, options)?; // [queries, width]
        self.out_proj.forward_residual(device, &heads, residual)
    }
}
