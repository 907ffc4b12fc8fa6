//! A convolution with its batch norm folded in (PROTOCOL 1.2).

use super::batch_norm::{BatchNorms, EPS, Statistics, TrainableBatchNorm};
use super::loader::Values;
use super::{BackwardPass, Loader, Pass, Places};
use crate::CheckpointError;
use clip_kernels::{
    Activation, ConvolutionShape, Device, Epilogue, MapShape, MatrixView, Result, Train,
    WeightOrder,
};

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

/// The same while it is trained: the convolution, and the batch norm after it.
pub(crate) struct TrainableConvolution {
    weight: usize, // [outputs, kernel² · channels]
    outputs: usize,
    norm: TrainableBatchNorm,
    kernel: usize,
    stride: usize,
}

/// What its backward needs beside the maps that went in.
pub(crate) struct ConvolutionActivations<D: Device> {
    convolved: D::Rows, // [items · cells', outputs], before the norm
    statistics: Statistics<D>,
}

impl TrainableConvolution {
    /// Tensor `{name}.weight` `[outputs, channels, kernel, kernel]` and batch norm `{norm}`.
    pub(crate) fn find(
        places: &Places<'_>,
        (name, norm): (&str, &str),
        kernel: usize,
        stride: usize,
    ) -> Self {
        let weight = places.at(name).index("weight");
        let norm = TrainableBatchNorm::find(&places.at(norm));
        Self { weight, outputs: places.size(weight).0, norm, kernel, stride }
    }

    pub(crate) fn parameters(&self) -> impl Iterator<Item = usize> {
        std::iter::once(self.weight).chain(self.norm.parameters())
    }

    /// As [`Convolution::shape`].
    pub(crate) fn shape(&self, input: MapShape) -> ConvolutionShape {
        let (kernel, stride) = (self.kernel, self.stride);
        ConvolutionShape { input, kernel, stride, padding: kernel / 2 }
    }

    /// `maps [items · cells, channels]` convolved, not normed yet.
    pub(crate) fn convolve<D: Train>(
        &self,
        pass: &Pass<'_, D>,
        maps: &D::Rows,
        input: MapShape,
        items: usize,
        norms: &mut BatchNorms,
    ) -> Result<ConvolutionActivations<D>> {
        let shape = self.shape(input);
        let convolved = if self.is_product() {
            let weight = pass.pack(self.weight, 0..self.outputs, WeightOrder::OutputMajor)?;
            pass.device.linear(maps, &weight, Epilogue::none())?
        } else {
            let weight = pass.device.pack_convolution_parameter(
                &pass.values[self.weight],
                self.kernel,
                self.stride,
                pass.precision,
            )?;
            pass.device.convolution(maps, shape, &weight, Epilogue::none())?
        };
        let rows = items * shape.output().cells();
        let statistics = self.norm.statistics(pass, &convolved, rows, norms)?;
        Ok(ConvolutionActivations { convolved, statistics })
    }

    /// A kernel of one cell that goes to every cell.
    fn is_product(&self) -> bool {
        (self.kernel, self.stride) == (1, 1)
    }

    /// `activation(norm(convolved))`, the same bits whenever it is computed.
    pub(crate) fn normed<D: Train>(
        &self,
        pass: &Pass<'_, D>,
        activations: &ConvolutionActivations<D>,
        activation: Activation,
    ) -> Result<D::Rows> {
        let ConvolutionActivations { convolved, statistics } = activations;
        self.norm.forward(pass, convolved, statistics, activation)
    }

    /// From the maps that went in and the gradient of the norm, before an activation, to that of
    /// what was convolved.
    pub(crate) fn backward<D: Train>(
        &self,
        back: &mut BackwardPass<'_, D>,
        activations: ConvolutionActivations<D>,
        maps: Maps<'_, D>,
        d_normed: &D::Rows,
    ) -> Result<D::Rows> {
        let Pass { device, precision, .. } = back.pass;
        let ConvolutionActivations { convolved, statistics } = activations;
        let dy = self.norm.backward(back, &convolved, &statistics, d_normed)?;
        drop(convolved);
        if let Some(gradient) = back.gradients.get_mut(self.weight) {
            if self.is_product() {
                device.weight_gradient(&dy, maps.rows, precision, gradient, 0)?;
            } else {
                let shape = self.shape(maps.shape);
                device.convolution_weight_gradient(maps.rows, shape, &dy, precision, gradient)?;
            }
        }
        Ok(dy)
    }

    /// From what [`TrainableConvolution::backward`] gave to the gradient of the maps of this shape.
    pub(crate) fn input_gradient<D: Train>(
        &self,
        pass: &Pass<'_, D>,
        dy: &D::Rows,
        input: MapShape,
    ) -> Result<D::Rows> {
        if self.is_product() {
            let weight = pass.pack(self.weight, 0..self.outputs, WeightOrder::InputMajor)?;
            return pass.device.linear(dy, &weight, Epilogue::none());
        }
        let weight = &pass.values[self.weight];
        pass.device.convolution_input_gradient(dy, self.shape(input), weight, pass.precision)
    }
}

/// Maps and their shape.
pub(crate) struct Maps<'a, D: Device> {
    pub(crate) rows: &'a D::Rows, // [items · cells, channels]
    pub(crate) shape: MapShape,
}

impl<D: Device> Clone for Maps<'_, D> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<D: Device> Copy for Maps<'_, D> {}

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
