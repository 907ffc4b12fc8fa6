//! The attention pool at the end of the ResNets (PROTOCOL 1.2, trap 9.14).

use super::{Items, Linear, Loader};
use crate::CheckpointError;
use clip_kernels::{Activation, AttentionOptions, Device, Result};

/// `maps [items · cells, channels] -> features [items, embed_dim]`.
///
/// The mean of a map, with its position, is the query; keys and values are all cells and itself. No
/// norm anywhere.
pub(crate) struct AttentionPool<D: Device> {
    positional_embedding: D::Rows, // [cells + 1, channels]
    q_proj: Linear<D>,             // [channels, channels]
    key_value: Linear<D>,          // [2·channels, channels], `k_proj` on top of `v_proj`
    c_proj: Linear<D>,             // [embed_dim, channels]
    tokens: usize,
    options: AttentionOptions,
}

impl<D: Device> AttentionPool<D> {
    /// `positional_embedding`, `q_proj`, `k_proj`, `v_proj` and `c_proj` of one branch.
    pub(crate) fn load(
        loader: &Loader<'_, D>,
        tokens: usize,
        heads: usize,
    ) -> Result<Self, CheckpointError> {
        let (key, value) = (loader.at("k_proj"), loader.at("v_proj"));
        let weight = [&*key.values("weight")?, &*value.values("weight")?].concat();
        let bias = [&*key.values("bias")?, &*value.values("bias")?].concat();
        Ok(Self {
            positional_embedding: loader.rows("positional_embedding")?,
            q_proj: Linear::load(&loader.at("q_proj"))?,
            key_value: Linear::new(loader, &weight, bias)?,
            c_proj: Linear::load(&loader.at("c_proj"))?,
            tokens,
            options: AttentionOptions {
                heads,
                causal: false,
                precision: loader.precision.at_least_16_bits(),
            },
        })
    }

    /// `items` maps `-> [items, channels]`, what `project` takes. With `pooled_rows_only` only the
    /// means are queries.
    pub(crate) fn forward(
        &self,
        device: &D,
        maps: &D::Rows,
        items: usize,
        pooled_rows_only: bool,
    ) -> Result<D::Rows> {
        let plan = Items::uniform(items, self.tokens).prepare(device)?;
        let tokens = device.pool_tokens(maps, &self.positional_embedding)?; // [items · tokens, channels]
        if pooled_rows_only {
            let queries = device.gather_rows(&tokens, &plan.pooled_rows)?; // [items, channels]
            self.attend(device, &queries, &tokens, &plan.pooled)
        } else {
            let all = self.attend(device, &tokens, &tokens, &plan.all)?;
            device.gather_rows(&all, &plan.pooled_rows)
        }
    }

    /// `[items, channels] -> features [items, embed_dim]`.
    pub(crate) fn project(&self, device: &D, pooled: &D::Rows) -> Result<D::Rows> {
        self.c_proj.forward(device, pooled, Activation::None)
    }

    /// `queries [rows, channels] -> [rows, channels]`
    fn attend(
        &self,
        device: &D,
        queries: &D::Rows,
        tokens: &D::Rows,
        plan: &D::AttentionPlan,
    ) -> Result<D::Rows> {
        let keys_values = self.key_value.forward(device, tokens, Activation::None)?;
        let queries = self.q_proj.forward(device, queries, Activation::None)?;
        device.attention(&queries, &keys_values, plan, self.options)
    }
}
