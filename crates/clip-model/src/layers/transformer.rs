//! A stack of residual blocks of which one row per item is read (PROTOCOL 1.1, 1.3).

use super::items::{Plan, Queries};
use super::residual_block::{BlockActivations, BlockOptions, ResidualBlock, TrainableBlock};
use super::{BackwardPass, Loader, Pass, Places, in_parallel};
use crate::CheckpointError;
use crate::image_pass::Kept;
use clip_kernels::{Device, Result, Train};

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
        let blocks = in_parallel(layers, |layer| {
            let queries = if layer + 1 == layers { Queries::Pooled } else { Queries::All };
            ResidualBlock::load(&blocks.at(layer), options, queries)
        })?;
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

/// The same while it is trained: at least one block, the last one for the pooled rows alone.
pub(crate) struct TrainableTransformer {
    blocks: Vec<TrainableBlock>,
}

/// What its backward needs.
pub(crate) struct TransformerActivations<D: Device> {
    blocks: Vec<BlockActivations<D>>,
}

impl<D: Device> TransformerActivations<D> {
    /// What came out of each part by its name, from `below` the blocks to `pooled` behind them.
    pub(crate) fn outputs<'a>(
        &'a self,
        prefix: &str,
        below: &str,
        pooled: &'a D::Rows,
    ) -> Vec<(String, &'a D::Rows)> {
        let blocks = (0..self.blocks.len()).map(|block| format!("{prefix}.resblocks.{block}"));
        let names = std::iter::once(below.to_owned()).chain(blocks);
        let rows = self.blocks.iter().map(BlockActivations::input).chain([pooled]);
        names.zip(rows).collect()
    }
}

impl TrainableTransformer {
    /// `resblocks.0`, `resblocks.1`, … of one branch.
    pub(crate) fn find(places: &Places<'_>, layers: usize, options: &BlockOptions) -> Self {
        let blocks = places.at("resblocks");
        let block = |layer| TrainableBlock::find(&blocks.at(layer), options);
        Self { blocks: (0..layers).map(block).collect() }
    }

    fn queries(&self, block: usize) -> Queries {
        if block + 1 == self.blocks.len() { Queries::Pooled } else { Queries::All }
    }

    /// `x [rows, width] -> the pooled row of each item [items, width]`.
    pub(crate) fn forward<D: Train>(
        &self,
        pass: &Pass<'_, D>,
        mut x: D::Rows,
        plan: &Plan<D>,
        kept: Kept,
    ) -> Result<(D::Rows, TransformerActivations<D>)> {
        let mut blocks = Vec::with_capacity(self.blocks.len());
        for (place, block) in self.blocks.iter().enumerate() {
            let (output, activations) = block.forward(pass, x, plan, self.queries(place), kept)?;
            blocks.extend(activations);
            x = output;
        }
        Ok((x, TransformerActivations { blocks }))
    }

    /// From the gradient of the pooled rows to that of `x`; nothing where nobody needs it.
    pub(crate) fn backward<D: Train>(
        &self,
        back: &mut BackwardPass<'_, D>,
        activations: TransformerActivations<D>,
        d_pooled: D::Rows,
        plan: &Plan<D>,
        needs_input: bool,
    ) -> Result<Option<D::Rows>> {
        let trains = |block: &TrainableBlock| back.trains(&block.parameters().collect::<Vec<_>>());
        let lowest = match needs_input {
            true => Some(0),
            false => self.blocks.iter().position(trains),
        };
        let Some(lowest) = lowest else { return Ok(None) };
        let mut dy = d_pooled;
        for (place, activations) in activations.blocks.into_iter().enumerate().rev() {
            let needs_dx = place > lowest || needs_input;
            let queries = self.queries(place);
            let block = &self.blocks[place];
            match block.backward(back, activations, dy, plan, queries, needs_dx)? {
                Some(dx) => dy = dx,
                None => return Ok(None),
            }
        }
        Ok(Some(dy))
    }
}
