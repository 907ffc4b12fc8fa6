//! A stack of residual blocks of which one row per item is read (PROTOCOL 1.1, 1.3).

use super::items::Plan;
use super::residual_block::{BlockOptions, ResidualBlock};
use super::{Loader, in_parallel};
use crate::CheckpointError;
use clip_kernels::{Device, Result};

/// `rows [rows, width] -> blocks -> the pooled row of each item [items, width]`.
pub(crate) struct Transformer<D: Device> {
    blocks: Vec<ResidualBlock<D>>,
}

impl<D: Device> Transformer<D> {
    /// `resblocks.0`, `resblocks.1`, … of one branch.
    pub(crate) fn load(
        loader: &Loader<'_, D>,
        layers: usize,
        options: &BlockOptions,
    ) -> Result<Self, CheckpointError> {
        let blocks = loader.at("resblocks");
        let blocks = in_parallel(layers, |layer| ResidualBlock::load(&blocks.at(layer), options))?;
        Ok(Self { blocks })
    }

    /// With `pooled_rows_only` the last block computes only what is read.
    pub(crate) fn forward_pooled(
        &self,
        device: &D,
        mut x: D::Rows,
        plan: &Plan<D>,
        pooled_rows_only: bool,
    ) -> Result<D::Rows> {
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
