//! The bottleneck block of the ResNets (PROTOCOL 1.2).

use super::{Convolution, Loader};
use crate::CheckpointError;
use crate::architecture::BottleneckShape;
use clip_kernels::{Activation, Device, MapShape, Result};

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
