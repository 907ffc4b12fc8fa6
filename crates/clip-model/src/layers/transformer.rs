//! A stack of residual blocks of which one row per item is read (PROTOCOL 1.1, 1.3).

use super::items::Plan;
use super::residual_block::{BlockShape, ResidualBlock};
use super::{Loader, in_parallel};
use crate::CheckpointError;
use clip_kernels::{Device, DeviceError};

/// `rows [rows, width] -> blocks -> the pooled row of each item [items, width]`.
pub(crate) struct Transformer<D: Device> {
    blocks: Vec<ResidualBlock<D>>,
}

impl<D: Device> Transformer<D> {
    /// `resblocks.0`, `resblocks.1`, … of one branch.
    pub(crate) fn load(
        loader: &Loader<'_, D>,
        layers: usize,
        shape: &BlockShape,
    ) -> Result<Self, CheckpointError> {
        let blocks = loader.at("resblocks");
        let blocks = in_parallel(layers, |layer| ResidualBlock::load(&blocks.at(layer), shape))?;
        Ok(Self { blocks })
    }

    /// With `pooled_rows_only` the last block computes only what is read.
    pub(crate) fn forward_pooled(
        &self,
        device: &D,
        mut x: D::Rows,
        plan: &Plan<D>,
        pooled_rows_only: bool,
    ) -> Result<D::Rows, DeviceError> {
        let at_the_end = usize::from(pooled_rows_only).min(self.blocks.len());
        let (whole, last) = self.blocks.split_at(self.blocks.len() - at_the_end);
        for block in whole {
            x = block.forward(device, x, plan)?;
        }
        match last {
            [block] => block.forward_pooled(device, &x, plan),
            _ => device.gather_rows(&x, &plan.pooled_rows),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layers::Items;
    use crate::{Activation, StateDict, Tensor};
    use clip_kernels::{Cpu, KvRanges, Matrix, Precision, Segments};
    use std::collections::BTreeMap;

    const WIDTH: usize = 48;

    fn values(count: usize, seed: usize) -> Vec<f32> {
        (0..count).map(|i| ((i * 7919 + seed * 31) % 2003) as f32 / 1001.5 - 1.0).collect()
    }

    fn transformer(causal: bool) -> Transformer<Cpu> {
        let layers = 2;
        let shape = BlockShape {
            width: WIDTH,
            heads: 3,
            mlp_width: 4 * WIDTH,
            activation: Activation::QuickGelu,
            causal,
        };
        let mut tensors = BTreeMap::new();
        for layer in 0..layers {
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
        Transformer::load(&Loader::new(&Cpu::new(), &weights, Precision::F32), layers, &shape)
            .unwrap()
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
            let plan = items.prepare(&device).unwrap();
            let forward = |pooled_rows_only| {
                transformer.forward_pooled(&device, x.clone(), &plan, pooled_rows_only)
            };
            assert_eq!(forward(true), forward(false), "causal: {causal}");
        }
    }
}
