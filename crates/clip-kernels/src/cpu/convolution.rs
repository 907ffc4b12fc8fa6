//! Which way a convolution is computed, forward and backward.

use super::gemm::{Im2col, Lhs, PackedWeight, Use};
use super::isa::Isa;
use super::target::for_each_chunk;
use super::transpose::Transpose;
use super::winograd::{self, Kernel, Side};
use super::{rows_of, weight_gradient};
use crate::reference::is_transformed;
use crate::{ConvolutionShape, Matrix, MatrixView, Precision, Result};
use std::borrow::Cow;

/// Packs a kernel `[outputs, kernel² · channels]`.
pub(super) fn pack(
    isa: Isa,
    weight: MatrixView<'_>,
    kernel: usize,
    stride: usize,
    precision: Precision,
) -> Result<PackedWeight> {
    let channels = weight.inputs() / (kernel * kernel).max(1);
    let is_transformed = is_transformed(kernel, stride, channels, precision)
        || winograd::pays(kernel, stride, channels, precision);
    pack_for(isa, weight, is_transformed.then_some(channels), precision, Use::Kept)
}

/// The same for one step of training, where bf16 rounds the kernel as it is: as on the way back.
pub(super) fn pack_parameter(
    isa: Isa,
    weight: MatrixView<'_>,
    kernel: usize,
    stride: usize,
    precision: Precision,
) -> Result<PackedWeight> {
    let channels = weight.inputs() / (kernel * kernel).max(1);
    let is_transformed = winograd::pays(kernel, stride, channels, precision);
    pack_for(isa, weight, is_transformed.then_some(channels), precision, Use::Once)
}

/// - `channels`: of a kernel that is transformed
fn pack_for(
    isa: Isa,
    weight: MatrixView<'_>,
    channels: Option<usize>,
    precision: Precision,
    memory: Use,
) -> Result<PackedWeight> {
    match channels {
        Some(channels) => {
            let (outputs, inputs) = (weight.outputs(), weight.inputs());
            let values = match weight.is_output_major() {
                true => Cow::Borrowed(weight.values()),
                false => (0..outputs * inputs).map(|i| weight.at(i / inputs, i % inputs)).collect(),
            };
            let kernel = Kernel { values: &values, outputs, channels };
            kernel.pack(isa, Side::Forward, precision, memory)
        }
        None => PackedWeight::pack(isa, weight, precision, memory),
    }
}

/// Packs a kernel for the way back: a convolution from outputs to channels with the kernel turned
/// by half a turn.
///
/// - `weight`: `[outputs, kernel² · channels]`
/// - `turned`: see [`turned`]
pub(super) fn pack_turned(
    isa: Isa,
    weight: &Matrix,
    turned: ConvolutionShape,
    precision: Precision,
) -> Result<PackedWeight> {
    let taps = turned.taps();
    let (outputs, channels) = (weight.rows(), weight.width() / taps);
    if turned.padding == 1 && winograd::pays(turned.kernel, 1, outputs, precision) {
        let kernel = Kernel { values: weight.values(), outputs, channels };
        return kernel.pack(isa, Side::Backward, precision, Use::Once);
    }
    if taps == 1 {
        let view = MatrixView::input_major(weight.values(), outputs, channels);
        return PackedWeight::pack(isa, view, precision, Use::Once);
    }
    let mut turned = Matrix::unwritten(channels, taps * outputs)?;
    /// Channels of a task.
    const CHANNELS: usize = 16;
    for_each_chunk(turned.values_mut(), CHANNELS * taps * outputs, |task, out| {
        let first = task * CHANNELS;
        for tap in 0..taps {
            Transpose {
                source: bytemuck::cast_slice(&weight.values()[tap * channels + first..]),
                source_stride: taps * channels,
                rows: outputs,
                columns: CHANNELS.min(channels - first),
                out: bytemuck::cast_slice_mut(&mut out[(taps - 1 - tap) * outputs..]),
                stride: taps * outputs,
            }
            .run(isa);
        }
    });
    let view = MatrixView::output_major(turned.values(), channels, taps * outputs);
    PackedWeight::pack(isa, view, precision, Use::Once)
}

/// The convolution that [`pack_turned`] packs for, if there is one.
pub(super) fn turned(shape: ConvolutionShape) -> Option<ConvolutionShape> {
    let padding = (shape.kernel - 1).checked_sub(shape.padding)?;
    (shape.stride == 1).then(|| ConvolutionShape { input: shape.output(), padding, ..shape })
}

/// Adds the gradient of a kernel.
///
/// - `gradient`: `[outputs, kernel² · channels]`
pub(super) fn weight_gradient(
    isa: Isa,
    maps: &Matrix,
    shape: ConvolutionShape,
    dy: &Matrix,
    precision: Precision,
    gradient: &mut Matrix,
) -> Result<()> {
    let ConvolutionShape { input, kernel, stride, padding } = shape;
    let (channels, inputs) = (maps.width(), gradient.width());
    if padding == 1 && winograd::pays(kernel, stride, channels, precision) {
        return winograd::weight_gradient(isa, maps, input, dy, gradient.values_mut());
    }
    let x = match (kernel, stride, padding) {
        (1, 1, 0) => rows_of(maps),
        _ => Lhs::Im2col(Im2col { maps: maps.values(), words_of_cell: channels, shape }),
    };
    weight_gradient::weight_gradient(isa, dy, x, inputs, precision, gradient.values_mut())
}
