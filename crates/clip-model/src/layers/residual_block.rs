//! The residual block that both transformers are made of (PROTOCOL 1.1).

use super::attention::Attention;
use super::mlp::Mlp;
use super::{LayerNorm, Loader, TransformerShape};
use crate::CheckpointError;
use clip_kernels::{AttentionShape, Device, KvRanges, Precision, Segments};

/// `x + attention(ln_1(x))`, then `x + mlp(ln_2(x))`, rows `[rows, width]` in and out.
pub(crate) struct ResidualBlock<D: Device> {
    ln_1: LayerNorm<D>,
    attn: Attention<D>,
    ln_2: LayerNorm<D>,
    mlp: Mlp<D>,
    heads: usize,
    causal: bool,
    precision: Precision, // of the attention itself
}

impl<D: Device> ResidualBlock<D> {
    /// `ln_1`, `attn`, `ln_2` and `mlp` of one branch.
    pub(crate) fn load(
        loader: &Loader<'_, D>,
        shape: &TransformerShape,
    ) -> Result<Self, CheckpointError> {
        let width = shape.width;
        Ok(Self {
            ln_1: LayerNorm::load(&loader.at("ln_1"), width)?,
            attn: Attention::load(&loader.at("attn"), width)?,
            ln_2: LayerNorm::load(&loader.at("ln_2"), width)?,
            mlp: Mlp::load(&loader.at("mlp"), width, shape.mlp_width, shape.activation)?,
            heads: shape.heads,
            causal: shape.causal,
            precision: loader.precision.at_least_16_bits(),
        })
    }

    /// All rows of all items.
    ///
    /// - `keys`: the rows each item sees, its own at the end
    pub(crate) fn forward(
        &self,
        device: &D,
        x: D::Rows,
        segments: &Segments,
        keys: &KvRanges,
    ) -> D::Rows {
        let normed = self.ln_1.forward(device, &x);
        let shape = self.attention_shape(segments, keys);
        let x = self.attn.forward(device, &normed, &normed, shape, x);
        let normed = self.ln_2.forward(device, &x);
        self.mlp.forward(device, &normed, x)
    }

    /// Only the row of each item that is read afterwards, `[items, width]`: it alone gets query,
    /// attention output and MLP; the others give keys and values.
    ///
    /// - `keys`: the rows each pooled row sees
    /// - `pooled`: `[items]`; in a causal block a pooled row is the last of its keys
    pub(crate) fn forward_pooled(
        &self,
        device: &D,
        x: &D::Rows,
        keys: &KvRanges,
        pooled: &[usize],
    ) -> D::Rows {
        let normed = self.ln_1.forward(device, x);
        let queries = device.gather_rows(&normed, pooled); // [items, width]
        let segments = Segments::uniform(pooled.len(), 1);
        let shape = self.attention_shape(&segments, keys);
        let x = self.attn.forward(device, &queries, &normed, shape, device.gather_rows(x, pooled));
        let normed = self.ln_2.forward(device, &x);
        self.mlp.forward(device, &normed, x)
    }

    fn attention_shape<'a>(&self, queries: &'a Segments, keys: &'a KvRanges) -> AttentionShape<'a> {
        let &Self { heads, causal, precision, .. } = self;
        AttentionShape { queries, keys, heads, causal, precision }
    }
}
