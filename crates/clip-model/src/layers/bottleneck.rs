//! The bottleneck block of the ResNets (PROTOCOL 1.2).

use super::batch_norm::BatchNorms;
use super::convolution::Maps;
use super::{
    BackwardPass, Convolution, ConvolutionActivations, Loader, Pass, Places, TrainableConvolution,
};
use crate::CheckpointError;
use crate::architecture::BottleneckShape;
use clip_kernels::{Activation, Device, MapShape, Result, Train};

/// ```text
/// x ─ conv1 1×1, relu ─ conv2 3×3, relu ─ average pool ─ conv3 1×1 ─ + ─ relu
///  └─ average pool ─ downsample 1×1 (or nothing) ──────────────────┘
/// ```
/// The pool stands after `conv2` and, on the shortcut, before its convolution (trap 9.11).
pub(crate) struct Bottleneck<D: Device> {
    conv1: Convolution<D>,
    conv2: Convolution<D>,
    conv3: Convolution<D>,
    downsample: Option<Convolution<D>>,
    stride: usize, // side of the pool
}

impl<D: Device> Bottleneck<D> {
    /// The branch of one block.
    pub(crate) fn load(
        loader: &Loader<'_, D>,
        shape: &BottleneckShape,
    ) -> Result<Self, CheckpointError> {
        let downsample = ("downsample.0", "downsample.1");
        let downsample = shape.has_downsample.then(|| Convolution::load(loader, downsample, 1));
        Ok(Self {
            conv1: Convolution::load(loader, ("conv1", "bn1"), 1)?,
            conv2: Convolution::load(loader, ("conv2", "bn2"), 1)?,
            conv3: Convolution::load(loader, ("conv3", "bn3"), 1)?,
            downsample: downsample.transpose()?,
            stride: shape.stride,
        })
    }

    /// `maps [items · cells, channels] -> [items · cells / stride², 4 · planes]`.
    pub(crate) fn forward(
        &self,
        device: &D,
        maps: D::Rows,
        shape: MapShape,
    ) -> Result<(D::Rows, MapShape)> {
        let relu = Activation::Relu;
        let hidden = self.conv1.forward(device, &maps, shape, None, relu)?; // [items · cells, planes]
        let hidden = self.conv2.forward(device, &hidden, shape, None, relu)?;
        let hidden = self.pool(device, hidden, shape)?; // [items · cells / stride², planes]
        let (height, width) = (shape.height / self.stride, shape.width / self.stride);
        let pooled = MapShape { height, width };
        let shortcut = match &self.downsample {
            Some(downsample) => {
                let maps = self.pool(device, maps, shape)?;
                downsample.forward(device, &maps, pooled, None, Activation::None)?
            }
            None => maps,
        };
        Ok((self.conv3.forward(device, &hidden, pooled, Some(shortcut), relu)?, pooled))
    }

    fn pool(&self, device: &D, maps: D::Rows, shape: MapShape) -> Result<D::Rows> {
        if self.stride == 1 { Ok(maps) } else { device.average_pool(&maps, shape, self.stride) }
    }
}

/// The same while it is trained.
pub(crate) struct TrainableBottleneck {
    conv1: TrainableConvolution,
    conv2: TrainableConvolution,
    conv3: TrainableConvolution,
    downsample: Option<TrainableConvolution>,
    stride: usize,
}

/// What its backward needs beside the maps that went in and came out.
pub(crate) struct BottleneckActivations<D: Device> {
    convolutions: [ConvolutionActivations<D>; 3],
    downsample: Option<ConvolutionActivations<D>>,
}

impl TrainableBottleneck {
    /// The branch of one block.
    pub(crate) fn find(places: &Places<'_>, shape: &BottleneckShape) -> Self {
        let convolution = |names, kernel| TrainableConvolution::find(places, names, kernel, 1);
        let downsample = ("downsample.0", "downsample.1");
        Self {
            conv1: convolution(("conv1", "bn1"), 1),
            conv2: convolution(("conv2", "bn2"), 3),
            conv3: convolution(("conv3", "bn3"), 1),
            downsample: shape.has_downsample.then(|| convolution(downsample, 1)),
            stride: shape.stride,
        }
    }

    pub(crate) fn parameters(&self) -> impl Iterator<Item = usize> {
        let convolutions = [&self.conv1, &self.conv2, &self.conv3].into_iter();
        convolutions.chain(&self.downsample).flat_map(TrainableConvolution::parameters)
    }

    /// The shape of the maps that come out.
    pub(crate) fn output(&self, input: MapShape) -> MapShape {
        MapShape { height: input.height / self.stride, width: input.width / self.stride }
    }

    /// `maps [items · cells, channels]`, as [`Bottleneck::forward`].
    pub(crate) fn forward<D: Train>(
        &self,
        pass: &Pass<'_, D>,
        maps: Maps<'_, D>,
        items: usize,
        norms: &mut BatchNorms,
    ) -> Result<(D::Rows, BottleneckActivations<D>)> {
        let activations = self.convolve(pass, maps, items, norms)?;
        let device = pass.device;
        let normed = self.conv3.normed(pass, &activations.convolutions[2], Activation::None)?;
        let sum = match (&self.downsample, &activations.downsample) {
            (Some(downsample), Some(convolved)) => {
                let shortcut = downsample.normed(pass, convolved, Activation::None)?;
                device.add(normed, &shortcut)?
            }
            _ => device.add(normed, maps.rows)?,
        };
        Ok((device.activate(&sum, Activation::Relu)?, activations))
    }

    /// The four convolutions, computed again where they were not kept.
    pub(crate) fn convolve<D: Train>(
        &self,
        pass: &Pass<'_, D>,
        maps: Maps<'_, D>,
        items: usize,
        norms: &mut BatchNorms,
    ) -> Result<BottleneckActivations<D>> {
        let (relu, shape) = (Activation::Relu, maps.shape);
        let pooled = self.output(shape);
        let conv1 = self.conv1.convolve(pass, maps.rows, shape, items, norms)?;
        let hidden = self.conv1.normed(pass, &conv1, relu)?; // [items · cells, planes]
        let conv2 = self.conv2.convolve(pass, &hidden, shape, items, norms)?;
        let hidden = self.conv2.normed(pass, &conv2, relu)?;
        let hidden = self.pool(pass.device, &hidden, shape)?.unwrap_or(hidden);
        let conv3 = self.conv3.convolve(pass, &hidden, pooled, items, norms)?;
        drop(hidden);
        let downsample = match &self.downsample {
            Some(downsample) => {
                let own = self.pool(pass.device, maps.rows, shape)?;
                let maps = own.as_ref().unwrap_or(maps.rows);
                Some(downsample.convolve(pass, maps, pooled, items, norms)?)
            }
            None => None,
        };
        Ok(BottleneckActivations { convolutions: [conv1, conv2, conv3], downsample })
    }

    /// Nothing where the pool changes nothing.
    fn pool<D: Train>(
        &self,
        device: &D,
        maps: &D::Rows,
        shape: MapShape,
    ) -> Result<Option<D::Rows>> {
        if self.stride == 1 {
            return Ok(None);
        }
        device.average_pool(maps, shape, self.stride).map(Some)
    }

    fn pool_backward<D: Train>(&self, device: &D, dy: D::Rows, shape: MapShape) -> Result<D::Rows> {
        if self.stride == 1 {
            return Ok(dy);
        }
        device.average_pool_backward(&dy, shape, self.stride)
    }

    /// From the maps that went in and came out, and the gradient of the latter, to that of the
    /// former; nothing where nobody needs it.
    pub(crate) fn backward<D: Train>(
        &self,
        back: &mut BackwardPass<'_, D>,
        activations: BottleneckActivations<D>,
        maps: Maps<'_, D>,
        output: &D::Rows,
        dy: D::Rows,
        needs_input: bool,
    ) -> Result<Option<D::Rows>> {
        let pass = back.pass;
        let device = pass.device;
        let BottleneckActivations { convolutions, downsample } = activations;
        let dy = device.activation_backward(output, dy, Activation::Relu)?;
        let d_first = self.main_backward(back, convolutions, maps, &dy)?;
        let d_shortcut = match (&self.downsample, downsample) {
            (Some(layer), Some(convolved)) => {
                let own = self.pool(device, maps.rows, maps.shape)?;
                let rows = own.as_ref().unwrap_or(maps.rows);
                let pooled = Maps { rows, shape: self.output(maps.shape) };
                layer.backward(back, convolved, pooled, &dy)?
            }
            _ => dy,
        };
        back.ready(&self.parameters().collect::<Vec<_>>());
        if !needs_input {
            return Ok(None);
        }
        let d_main = self.conv1.input_gradient(&pass, &d_first, maps.shape)?;
        let d_shortcut = match &self.downsample {
            Some(layer) => {
                let d_pooled = layer.input_gradient(&pass, &d_shortcut, self.output(maps.shape))?;
                self.pool_backward(device, d_pooled, maps.shape)?
            }
            None => d_shortcut,
        };
        device.add(d_main, &d_shortcut).map(Some)
    }

    /// The way over the three convolutions, to the gradient of what the first convolved.
    fn main_backward<D: Train>(
        &self,
        back: &mut BackwardPass<'_, D>,
        [conv1, conv2, conv3]: [ConvolutionActivations<D>; 3],
        maps: Maps<'_, D>,
        dy: &D::Rows,
    ) -> Result<D::Rows> {
        let (pass, device, shape) = (back.pass, back.pass.device, maps.shape);
        let relu = Activation::Relu;
        let second = self.conv2.normed(&pass, &conv2, relu)?;
        let own = self.pool(device, &second, shape)?;
        let pooled = Maps { rows: own.as_ref().unwrap_or(&second), shape: self.output(shape) };
        let d_third = self.conv3.backward(back, conv3, pooled, dy)?;
        drop(own);
        let d_pooled = self.conv3.input_gradient(&pass, &d_third, self.output(shape))?;
        drop(d_third);
        let d_normed = self.pool_backward(device, d_pooled, shape)?;
        let d_normed = device.activation_backward(&second, d_normed, relu)?;
        drop(second);
        let first = self.conv1.normed(&pass, &conv1, relu)?;
        let d_second = self.conv2.backward(back, conv2, Maps { rows: &first, shape }, &d_normed)?;
        drop(d_normed);
        let d_normed = self.conv2.input_gradient(&pass, &d_second, shape)?;
        drop(d_second);
        let d_normed = device.activation_backward(&first, d_normed, relu)?;
        drop(first);
        self.conv1.backward(back, conv1, maps, &d_normed)
    }
}
