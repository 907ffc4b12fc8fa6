//! A stack of residual blocks of which one row per item is read (PROTOCOL 1.1, 1.3).

use super::residual_block::ResidualBlock;
use super::{Loader, in_parallel};
use crate::{Activation, CheckpointError};
use clip_kernels::{Device, KvRanges, Segments};

/// Sizes of a transformer.
pub(crate) struct TransformerShape {
    pub(crate) width: usize,
    pub(crate) layers: usize,
    pub(crate) heads: usize,
    pub(crate) mlp_width: usize,
    pub(crate) activation: Activation,
    pub(crate) causal: bool,
}

/// Items as rows of one matrix: which rows each is, what they see, and which rows are read in the end.
pub(crate) struct Items {
    pub(crate) segments: Segments,
    /// What the rows of each item see: at the end themselves.
    pub(crate) keys: KvRanges,
    /// The row of each item that is read; in a causal transformer it is the last it sees.
    pub(crate) pooled: Vec<usize>,
    /// What each of these rows sees.
    pub(crate) pooled_keys: KvRanges,
}

/// `rows [rows, width] -> blocks -> the pooled row of each item [items, width]`.
pub(crate) struct Transformer<D: Device> {
    blocks: Vec<ResidualBlock<D>>,
}

impl<D: Device> Transformer<D> {
    /// `resblocks.0`, `resblocks.1`, … of one branch.
    pub(crate) fn load(
        loader: &Loader<'_, D>,
        shape: &TransformerShape,
    ) -> Result<Self, CheckpointError> {
        let blocks = loader.at("resblocks");
        let blocks =
            in_parallel(shape.layers, |layer| ResidualBlock::load(&blocks.at(layer), shape))?;
        Ok(Self { blocks })
    }

    /// With `pooled_rows_only` the last block computes only what is read.
    pub(crate) fn forward_pooled(
        &self,
        device: &D,
        mut x: D::Rows,
        items: &Items,
        pooled_rows_only: bool,
    ) -> D::Rows {
        let at_the_end = usize::from(pooled_rows_only).min(self.blocks.len());
        let (whole, last) = self.blocks.split_at(self.blocks.len() - at_the_end);
        for block in whole {
            x = block.forward(device, x, &items.segments, &items.keys);
        }
        match last {
            [block] => block.forward_pooled(device, &x, &items.pooled_keys, &items.pooled),
            _ => device.gather_rows(&x, &items.pooled),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{StateDict, Tensor};
    use clip_kernels::{Cpu, Matrix, Precision};
    use std::collections::BTreeMap;

    const WIDTH: usize = 48;

    fn values(count: usize, seed: usize) -> Vec<f32> {
        (0..count).map(|i| ((i * 7919 + seed * 31) % 2003) as f32 / 1001.5 - 1.0).collect()
    }

    fn transformer(causal: bool) -> Transformer<Cpu> {
        let shape = TransformerShape {
            width: WIDTH,
            layers: 2,
            heads: 3,
            mlp_width: 4 * WIDTH,
            activation: Activation::QuickGelu,
            causal,
        };
        let mut tensors = BTreeMap::new();
        for layer in 0..shape.layers {
            for (name, shape) in [
                ("ln_1.weight", vec![WIDTH]),
                ("ln_1.bias", vec![WIDTH]),
                ("attn.in_proj_weight", vec![3 * WIDTH, WIDTH]),
                ("attn.in_proj_bias", vec![3 * WIDTH]),
                ("attn.out_proj.weight", vec![WIDTH, WIDTH]),
                ("attn.out_proj.bias", vec![WIDTH]),
                ("ln_2.weight", vec![WIDTH]),
                ("ln_2.bias", vec![WIDTH]),
                ("mlp.c_fc.weight", vec![4 * WIDTH, WIDTH]),
                ("mlp.c_fc.bias", vec![4 * WIDTH]),
                ("mlp.c_proj.weight", vec![WIDTH, 4 * WIDTH]),
                ("mlp.c_proj.bias", vec![WIDTH]),
            ] {
                let count = shape.iter().product();
                let tensor = Tensor::from_f32(&shape, values(count, layer + name.len()));
                tensors.insert(format!("resblocks.{layer}.{name}"), tensor);
            }
        }
        let weights = StateDict::from_tensors("test", tensors);
        Transformer::load(&Loader::new(&Cpu::new(), &weights, Precision::F32), &shape).unwrap()
    }

    #[test]
    fn computing_only_the_pooled_row_changes_no_bit() {
        let device = Cpu::new();
        let segments = Segments::from_lengths([5, 1, 17]);
        for causal in [false, true] {
            let transformer = transformer(causal);
            let x = Matrix::new(values(segments.rows() * WIDTH, 5), WIDTH);
            let pooled: Vec<usize> = segments
                .ranges()
                .map(|rows| if causal { rows.end - 1 } else { rows.start })
                .collect();
            let keys = KvRanges::from(&segments);
            let items =
                Items { segments: segments.clone(), pooled_keys: keys.clone(), keys, pooled };
            let forward = |pooled_rows_only| {
                transformer.forward_pooled(&device, x.clone(), &items, pooled_rows_only)
            };
            assert_eq!(forward(true), forward(false), "causal: {causal}");
        }
    }
}
