//! The attention pool at the end of the ResNets (PROTOCOL 1.2, trap 9.14).

use super::{Linear, Loader};
use crate::CheckpointError;
use clip_kernels::{Activation, AttentionShape, Device, KvRanges, Precision, Segments};

/// `maps [items · cells, channels] -> features [items, embed_dim]`.
///
/// The mean of a map, with its position, is the query; keys and values are all cells and itself. No norm anywhere.
pub(crate) struct AttentionPool<D: Device> {
    positional_embedding: D::Rows, // [cells + 1, channels]
    q_proj: Linear<D>,             // [channels, channels]
    key_value: Linear<D>,          // [2·channels, channels], `k_proj` on top of `v_proj`
    c_proj: Linear<D>,             // [embed_dim, channels]
    heads: usize,
    tokens: usize,
    precision: Precision, // of the attention itself
}

impl<D: Device> AttentionPool<D> {
    /// `positional_embedding`, `q_proj`, `k_proj`, `v_proj` and `c_proj` of one branch.
    pub(crate) fn load(
        loader: &Loader<'_, D>,
        cells: usize,
        channels: usize,
        heads: usize,
        embed_dim: usize,
    ) -> Result<Self, CheckpointError> {
        let (key, value) = (loader.at("k_proj"), loader.at("v_proj"));
        let square = [channels, channels];
        let weight =
            [&*key.values("weight", &square)?, &*value.values("weight", &square)?].concat();
        let bias =
            [&*key.values("bias", &[channels])?, &*value.values("bias", &[channels])?].concat();
        let tokens = cells + 1;
        Ok(Self {
            positional_embedding: loader.rows("positional_embedding", tokens, channels)?,
            q_proj: Linear::load(&loader.at("q_proj"), channels, channels)?,
            key_value: Linear::new(loader, &weight, bias, channels),
            c_proj: Linear::load(&loader.at("c_proj"), embed_dim, channels)?,
            heads,
            tokens,
            precision: loader.precision.at_least_16_bits(),
        })
    }

    /// `items` maps `-> [items, channels]`, what `project` takes. With `pooled_rows_only` only the means are queries.
    pub(crate) fn forward(
        &self,
        device: &D,
        maps: &D::Rows,
        items: usize,
        pooled_rows_only: bool,
    ) -> D::Rows {
        let tokens = device.pool_tokens(maps, &self.positional_embedding); // [items · (cells + 1), channels]
        let segments = Segments::uniform(items, self.tokens);
        let means: Vec<usize> = segments.ranges().map(|rows| rows.start).collect();
        if pooled_rows_only {
            let queries = device.gather_rows(&tokens, &means); // [items, channels]
            self.attend(device, &queries, &tokens, &Segments::uniform(items, 1), &segments)
        } else {
            device.gather_rows(&self.attend(device, &tokens, &tokens, &segments, &segments), &means)
        }
    }

    /// `[items, channels] -> features [items, embed_dim]`.
    pub(crate) fn project(&self, device: &D, pooled: &D::Rows) -> D::Rows {
        self.c_proj.forward(device, pooled, Activation::None)
    }

    /// `queries [rows, channels] -> [rows, channels]`
    fn attend(
        &self,
        device: &D,
        queries: &D::Rows,
        tokens: &D::Rows,
        query_segments: &Segments,
        segments: &Segments,
    ) -> D::Rows {
        let keys_values = self.key_value.forward(device, tokens, Activation::None);
        let shape = AttentionShape {
            queries: query_segments,
            keys: &KvRanges::from(segments),
            heads: self.heads,
            causal: false,
            precision: self.precision,
        };
        let queries = self.q_proj.forward(device, queries, Activation::None);
        device.attention(&queries, &keys_values, shape)
    }
}
