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
use crate::image_pass::{BatchNormMode, Kept};
use crate::layers::{
    AttentionPool, AttentionPoolActivations, BackwardPass, BatchNorms, Bottleneck,
    BottleneckActivations, Convolution, ConvolutionActivations, Loader, Maps, Pass, Places,
    TrainableAttentionPool, TrainableBottleneck, TrainableConvolution, in_parallel,
};
use clip_kernels::{Activation, Device, MapShape, Result, Train};

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

/// The same while it is trained, with its batch norms.
pub(crate) struct TrainableModifiedResNet {
    stem: [TrainableConvolution; 3],
    blocks: Vec<TrainableBottleneck>,
    attention_pool: TrainableAttentionPool,
    resolution: usize,
}

/// What its backward needs.
pub(crate) struct ResNetActivations<D: Device> {
    mode: BatchNormMode,
    items: usize,
    pixels: D::Rows, // [items · resolution², 3]
    stem: Vec<ConvolutionActivations<D>>,
    /// What goes into each block, and at the end what comes out of the last.
    maps: Vec<D::Rows>,
    /// Nothing where it is computed again.
    blocks: Vec<Option<BottleneckActivations<D>>>,
    attention_pool: AttentionPoolActivations<D>,
}

impl<D: Device> ResNetActivations<D> {
    /// What came out of the stem and of each of these blocks by its name.
    pub(crate) fn outputs(&self, blocks: &[BottleneckShape]) -> Vec<(String, &D::Rows)> {
        let blocks = blocks.iter().map(|shape| format!("visual.{}", shape.name));
        std::iter::once("visual.bn3".to_owned()).chain(blocks).zip(&self.maps).collect()
    }
}

impl TrainableModifiedResNet {
    /// The branch `visual`.
    pub(crate) fn find(
        places: &Places<'_>,
        resolution: usize,
        blocks: &[BottleneckShape],
        tokens: usize,
        heads: usize,
    ) -> Self {
        let convolution = |names, stride| TrainableConvolution::find(places, names, 3, stride);
        let block =
            |shape: &BottleneckShape| TrainableBottleneck::find(&places.at(&shape.name), shape);
        Self {
            stem: [
                convolution(("conv1", "bn1"), 2),
                convolution(("conv2", "bn2"), 1),
                convolution(("conv3", "bn3"), 1),
            ],
            blocks: blocks.iter().map(block).collect(),
            attention_pool: TrainableAttentionPool::find(&places.at("attnpool"), tokens, heads),
            resolution,
        }
    }

    /// `images [items, 3 · resolution²] -> features [items, embed_dim]`.
    pub(crate) fn forward<D: Train>(
        &self,
        pass: &Pass<'_, D>,
        images: &D::Rows,
        items: usize,
        norms: &mut BatchNorms,
        kept: Kept,
    ) -> Result<(D::Rows, ResNetActivations<D>)> {
        let pixels = pass.device.channels_last(images, 3)?; // [items · resolution², 3]
        let (maps, stem) = self.stem_forward(pass, &pixels, items, norms)?;
        let (mut shape, mut maps) = (MapShape::square(self.resolution / 4), vec![maps]);
        let mut blocks = Vec::with_capacity(self.blocks.len());
        for block in &self.blocks {
            let input = Maps { rows: &maps[maps.len() - 1], shape };
            let (output, activations) = block.forward(pass, input, items, norms)?;
            if kept == Kept::Nothing {
                maps.clear();
            }
            maps.push(output);
            blocks.push((kept == Kept::Activations).then_some(activations));
            shape = block.output(shape);
        }
        let last = &maps[maps.len() - 1]; // [items · (resolution / 32)², 32 · width]
        let (features, attention_pool) = self.attention_pool.forward(pass, last, items)?;
        let mode = norms.mode;
        let activations =
            ResNetActivations { mode, items, pixels, stem, maps, blocks, attention_pool };
        Ok((features, activations))
    }

    /// `pixels [items · resolution², 3] -> maps [items · (resolution / 4)², width]`
    fn stem_forward<D: Train>(
        &self,
        pass: &Pass<'_, D>,
        pixels: &D::Rows,
        items: usize,
        norms: &mut BatchNorms,
    ) -> Result<(D::Rows, Vec<ConvolutionActivations<D>>)> {
        let mut shape = MapShape::square(self.resolution);
        let mut maps: Option<D::Rows> = None;
        let mut kept = Vec::with_capacity(self.stem.len());
        for convolution in &self.stem {
            let input = maps.as_ref().unwrap_or(pixels);
            let convolved = convolution.convolve(pass, input, shape, items, norms)?;
            maps = Some(convolution.normed(pass, &convolved, Activation::Relu)?);
            shape = convolution.shape(shape).output();
            kept.push(convolved);
        }
        let maps = pass.device.average_pool(maps.as_ref().unwrap_or(pixels), shape, 2)?;
        Ok((maps, kept))
    }

    /// From the gradient of the features to those of the parameters.
    pub(crate) fn backward<D: Train>(
        &self,
        back: &mut BackwardPass<'_, D>,
        activations: ResNetActivations<D>,
        d_features: &D::Rows,
    ) -> Result<()> {
        let ResNetActivations { mode, items, pixels, stem, mut maps, blocks, attention_pool } =
            activations;
        let of_stem: Vec<usize> =
            self.stem.iter().flat_map(TrainableConvolution::parameters).collect();
        let trains_stem = back.trains(&of_stem);
        let lowest = if trains_stem { Some(0) } else { self.lowest_trained(back) };
        let Some(mut output) = maps.pop() else { return Ok(()) };
        let needs_maps = lowest.is_some();
        let dy =
            self.attention_pool.backward(back, attention_pool, &output, d_features, needs_maps)?;
        let (Some(mut dy), Some(lowest)) = (dy, lowest) else { return Ok(()) };
        let shapes = self.shapes();
        let above = blocks.into_iter().zip(maps).enumerate().skip(lowest);
        for (place, (kept, input)) in above.collect::<Vec<_>>().into_iter().rev() {
            let block = &self.blocks[place];
            let maps = Maps { rows: &input, shape: shapes[place] };
            let again = &mut BatchNorms::new(mode); // what it sees was seen already
            let activations = match kept {
                Some(activations) => activations,
                None => block.convolve(&back.pass, maps, items, again)?,
            };
            let needs_dx = place > lowest || trains_stem;
            let dx = block.backward(back, activations, maps, &output, dy, needs_dx)?;
            let Some(dx) = dx else { return Ok(()) };
            (dy, output) = (dx, input);
        }
        drop(output);
        self.stem_backward(back, stem, &pixels, &dy)?;
        back.ready(&of_stem);
        Ok(())
    }

    /// The lowest block that is trained.
    fn lowest_trained<D: Train>(&self, back: &BackwardPass<'_, D>) -> Option<usize> {
        let trains =
            |block: &TrainableBottleneck| back.trains(&block.parameters().collect::<Vec<_>>());
        self.blocks.iter().position(trains)
    }

    /// The shape of the maps that go into each block.
    fn shapes(&self) -> Vec<MapShape> {
        let mut shape = MapShape::square(self.resolution / 4);
        let of_block = |block: &TrainableBottleneck| {
            let input = shape;
            shape = block.output(shape);
            input
        };
        self.blocks.iter().map(of_block).collect()
    }

    fn stem_backward<D: Train>(
        &self,
        back: &mut BackwardPass<'_, D>,
        activations: Vec<ConvolutionActivations<D>>,
        pixels: &D::Rows,
        dy: &D::Rows,
    ) -> Result<()> {
        let (pass, device, relu) = (back.pass, back.pass.device, Activation::Relu);
        let half = MapShape::square(self.resolution / 2);
        let mut d_normed = device.average_pool_backward(dy, half, 2)?;
        let mut convolved = activations;
        for place in (0..self.stem.len()).rev() {
            let (Some(own), convolution) = (convolved.pop(), &self.stem[place]) else { break };
            let normed = convolution.normed(&pass, &own, relu)?;
            d_normed = device.activation_backward(&normed, d_normed, relu)?;
            drop(normed);
            let Some(below) = convolved.last() else {
                let maps = Maps { rows: pixels, shape: MapShape::square(self.resolution) };
                convolution.backward(back, own, maps, &d_normed)?;
                break;
            };
            let below = self.stem[place - 1].normed(&pass, below, relu)?;
            let maps = Maps { rows: &below, shape: half };
            let d_convolved = convolution.backward(back, own, maps, &d_normed)?;
            d_normed = convolution.input_gradient(&pass, &d_convolved, half)?;
        }
        Ok(())
    }
}
