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
use crate::layers::{AttentionPool, Bottleneck, Convolution, Loader, in_parallel};
use clip_kernels::{Activation, Device, MapShape, Result};

/// Sizes of the tower.
pub(crate) struct ResNetShape {
    pub(crate) resolution: usize,
    pub(crate) width: usize,
    pub(crate) blocks: [usize; 4],
    pub(crate) heads: usize,
    pub(crate) embed_dim: usize,
}

pub(crate) struct ModifiedResNet<D: Device> {
    stem: [Convolution<D>; 3],
    blocks: Vec<Bottleneck<D>>, // of all stages, one after the other
    attention_pool: AttentionPool<D>,
    resolution: usize,
}

/// Where a block stands and what it turns into what.
struct BlockPlace {
    name: String,
    channels: usize,
    planes: usize,
    stride: usize,
}

impl<D: Device> ModifiedResNet<D> {
    /// The branch `visual`.
    pub(crate) fn load(
        loader: &Loader<'_, D>,
        shape: &ResNetShape,
    ) -> Result<Self, CheckpointError> {
        let (width, half) = (shape.width, shape.width / 2);
        let stem = |names, channels, outputs, stride| {
            Convolution::load(loader, names, channels, outputs, 3, stride)
        };
        let places = places(width, shape.blocks);
        let grid = shape.resolution / 32;
        Ok(Self {
            stem: [
                stem(("conv1", "bn1"), 3, half, 2)?,
                stem(("conv2", "bn2"), half, half, 1)?,
                stem(("conv3", "bn3"), half, width, 1)?,
            ],
            blocks: in_parallel(places.len(), |index| {
                let place = &places[index];
                Bottleneck::load(
                    &loader.at(&place.name),
                    place.channels,
                    place.planes,
                    place.stride,
                )
            })?,
            attention_pool: AttentionPool::load(
                &loader.at("attnpool"),
                grid * grid,
                32 * width,
                shape.heads,
                shape.embed_dim,
            )?,
            resolution: shape.resolution,
        })
    }

    /// `input [items, 3 · resolution²] -> penultimate [items, 32 · width], features [items, embed_dim]`.
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

/// Only the first block of a stage has the stage's stride and other channels before than after.
fn places(width: usize, blocks: [usize; 4]) -> Vec<BlockPlace> {
    let mut channels = width;
    let mut places = Vec::new();
    for (stage, &count) in blocks.iter().enumerate() {
        let planes = width << stage;
        for block in 0..count {
            let stride = if stage > 0 && block == 0 { 2 } else { 1 };
            let name = format!("layer{}.{block}", stage + 1);
            places.push(BlockPlace { name, channels, planes, stride });
            channels = 4 * planes;
        }
    }
    places
}
