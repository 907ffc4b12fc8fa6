//! Image tower of the five ResNet models (PROTOCOL 1.2).
//!
//! ```text
//! input [items, 3 · resolution²]
//!    │ stem: three 3×3 convolutions, the first of stride 2; average pool 2×2
//!    ▼
//! maps [items · (resolution / 4)², width]                channels last, batch norms folded in
//!    │ four stages of bottleneck blocks, of stride 1, 2, 2, 2
//!    ▼
//! maps [items · (resolution / 32)², 32 · width]
//!    │ attention_pool
//!    ▼
//! features [items, embed_dim]                            NOT normalised
//! ```

use super::ImageRows;
use crate::CheckpointError;
use crate::architecture::BottleneckShape;
use crate::layers::{AttentionPool, Bottleneck, Convolution, Loader, in_parallel};
use clip_kernels::{Activation, Device, MapShape, Result};

pub(crate) struct ModifiedResNet<D: Device> {
    stem: [Convolution<D>; 3],
    blocks: Vec<Bottleneck<D>>, // of all stages, one after the other
    attention_pool: AttentionPool<D>,
    resolution: usize,
}

impl<D: Device> ModifiedResNet<D> {
    /// The branch `visual`.
    ///
    /// - `tokens`: rows of the attention pool's position table
    pub(crate) fn load(
        loader: &Loader<'_, D>,
        resolution: usize,
        blocks: &[BottleneckShape],
        tokens: usize,
        heads: usize,
    ) -> Result<Self, CheckpointError> {
        Ok(Self {
            stem: [
                Convolution::load(loader, ("conv1", "bn1"), 2)?,
                Convolution::load(loader, ("conv2", "bn2"), 1)?,
                Convolution::load(loader, ("conv3", "bn3"), 1)?,
            ],
            blocks: in_parallel(blocks.len(), |index| {
                let shape = &blocks[index];
                Bottleneck::load(&loader.at(&shape.name), shape)
            })?,
            attention_pool: AttentionPool::load(&loader.at("attnpool"), tokens, heads)?,
            resolution,
        })
    }

    /// `input [items, 3 · resolution²] -> penultimate [items, 32 · width], features [items,
    /// embed_dim]`.
    pub(crate) fn forward(
        &self,
        device: &D,
        input: &D::Rows,
        items: usize,
        pooled_rows_only: bool,
    ) -> Result<ImageRows<D>> {
        let mut maps = device.channels_last(input, 3)?; // [items · resolution², 3]
        let mut shape = MapShape::square(self.resolution);
        for convolution in &self.stem {
            maps = convolution.forward(device, &maps, shape, None, Activation::Relu)?;
            shape = convolution.shape(shape).output();
        }
        maps = device.average_pool(&maps, shape, 2)?; // [items · (resolution / 4)², width]
        shape = MapShape::square(self.resolution / 4);
        for block in &self.blocks {
            (maps, shape) = block.forward(device, maps, shape)?;
        }
        let penultimate = self.attention_pool.forward(device, &maps, items, pooled_rows_only)?;
        let features = self.attention_pool.project(device, &penultimate)?;
        Ok(ImageRows { penultimate, features })
    }
}
