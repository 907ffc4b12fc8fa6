//! A convolution with its batch norm folded in (PROTOCOL 1.2).

use super::Loader;
use super::loader::Values;
use crate::CheckpointError;
use clip_kernels::{Activation, ConvolutionShape, Device, Epilogue, MapShape, MatrixView, Result};

/// Batch norm's eps.
const EPS: f64 = 1e-5;

/// Weights of a convolution and the batch norm after it, as one convolution with bias.
struct Folded {
    weight: Vec<f32>, // [outputs, kernel² · channels], inputs in (kernel row, kernel column, channel) order
    bias: Vec<f32>,   // [outputs]
}

/// The statistics and parameters of a batch norm, each `[outputs]`.
struct BatchNorm {
    weight: Vec<f32>,
    bias: Vec<f32>,
    running_mean: Vec<f32>,
    running_var: Vec<f32>,
}

impl BatchNorm {
    /// `weight`, `bias`, `running_mean` and `running_var` of one branch.
    fn load<D: Device>(loader: &Loader<'_, D>) -> Result<Self, CheckpointError> {
        let vector = |name| loader.values(name).map(Values::into_vec);
        Ok(Self {
            weight: vector("weight")?,
            bias: vector("bias")?,
            running_mean: vector("running_mean")?,
            running_var: vector("running_var")?,
        })
    }
}

/// `scale = γ / √(variance + eps)`, `weight · scale`, `β − mean · scale`, in f64 from the unfolded
/// f32 statistics, rounded once; channels moved last on the way.
fn fold_batch_norm(weight: &[f32], channels: usize, norm: &BatchNorm) -> Folded {
    let outputs = norm.weight.len();
    let taps = weight.len() / (outputs * channels);
    let mut folded = Vec::with_capacity(weight.len());
    let mut bias = Vec::with_capacity(outputs);
    for (output, weight) in weight.chunks_exact(channels * taps).enumerate() {
        let scale =
            f64::from(norm.weight[output]) / (f64::from(norm.running_var[output]) + EPS).sqrt();
        for tap in 0..taps {
            let of_tap = weight.iter().skip(tap).step_by(taps); // [channels]
            folded.extend(of_tap.map(|&value| (f64::from(value) * scale) as f32));
        }
        bias.push(
            (f64::from(norm.bias[output]) - f64::from(norm.running_mean[output]) * scale) as f32,
        );
    }
    Folded { weight: folded, bias }
}

/// `maps [items · cells, channels] -> [items · cells', outputs]`.
pub(crate) struct Convolution<D: Device> {
    weight: D::Weight, // [outputs, kernel² · channels]
    bias: D::Vector,   // [outputs]
    kernel: usize,
    stride: usize,
}

impl<D: Device> Convolution<D> {
    /// Tensor `{name}.weight` `[outputs, channels, kernel, kernel]` and batch norm `{norm}`.
    ///
    /// Half a kernel of zeros around the map, so that at stride 1 the map keeps its size.
    pub(crate) fn load(
        loader: &Loader<'_, D>,
        (name, norm): (&str, &str),
        stride: usize,
    ) -> Result<Self, CheckpointError> {
        let weight = loader.at(name).values("weight")?;
        let norm = BatchNorm::load(&loader.at(norm))?;
        let (kernel, outputs) = (weight.width(), norm.weight.len());
        let inputs = weight.len() / outputs;
        let Folded { weight, bias } = fold_batch_norm(&weight, inputs / (kernel * kernel), &norm);
        let weight = MatrixView::output_major(&weight, outputs, inputs);
        let weight = match kernel {
            1 => loader.pack(weight)?,
            _ => loader.device.pack_convolution(weight, kernel, stride, loader.precision)?,
        };
        Ok(Self { weight, bias: loader.device.vector(bias)?, kernel, stride })
    }

    /// `activation(convolution + bias + residual)`.
    ///
    /// A kernel of one cell that goes to every cell is a product with the rows as they are.
    pub(crate) fn forward(
        &self,
        device: &D,
        maps: &D::Rows,
        input: MapShape,
        residual: Option<D::Rows>,
        activation: Activation,
    ) -> Result<D::Rows> {
        let epilogue = Epilogue { bias: Some(&self.bias), residual, activation };
        match (self.kernel, self.stride) {
            (1, 1) => device.linear(maps, &self.weight, epilogue),
            _ => device.convolution(maps, self.shape(input), &self.weight, epilogue),
        }
    }

    /// The form of the convolution over maps of this shape.
    pub(crate) fn shape(&self, input: MapShape) -> ConvolutionShape {
        let (kernel, stride) = (self.kernel, self.stride);
        ConvolutionShape { input, kernel, stride, padding: kernel / 2 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folding_moves_channels_last_and_scales_by_output() {
        let norm = BatchNorm {
            weight: vec![2.0, 1.0],
            bias: vec![0.5, 0.0],
            running_mean: vec![3.0, 1.0],
            running_var: vec![4.0 - 1e-5, 1.0 - 1e-5],
        };
        // [2 outputs, 2 channels, 2 taps]
        let folded = fold_batch_norm(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0], 2, &norm);
        for (found, expected) in folded.weight.iter().zip([1.0, 3.0, 2.0, 4.0, 5.0, 7.0, 6.0, 8.0])
        {
            assert!((found - expected).abs() < 1e-6, "{:?}", folded.weight);
        }
        assert!((folded.bias[0] + 2.5).abs() < 1e-6 && (folded.bias[1] + 1.0).abs() < 1e-6);
    }
}
