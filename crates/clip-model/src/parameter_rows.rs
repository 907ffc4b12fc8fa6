//! A parameter as a file has it, and as rows on a device.

use crate::Tensor;
use crate::parameters::{Parameter, ParameterKind};
use clip_kernels::{Device, Result, Train};

/// Values of a parameter or its gradient, in the file's order, as the rows that training computes
/// with: a vector is one row, a convolution has its channels last.
pub(crate) fn to_rows<D: Device>(
    device: &D,
    parameter: &Parameter,
    values: Vec<f32>,
) -> Result<D::Rows> {
    let values = match kernel_and_channels(parameter) {
        Some((taps, channels)) => transposed(&values, channels, taps),
        None => values,
    };
    device.to_device(values, width(parameter))
}

/// The way back.
pub(crate) fn to_tensor<D: Train>(
    device: &D,
    parameter: &Parameter,
    rows: &D::Rows,
) -> Result<Tensor> {
    let values = device.read(rows)?;
    let values = match kernel_and_channels(parameter) {
        Some((taps, channels)) => transposed(&values, taps, channels),
        None => values,
    };
    Ok(Tensor::from_f32(&parameter.shape, values))
}

/// Rows that a parameter is.
pub(crate) fn rows(parameter: &Parameter) -> usize {
    if parameter.shape.len() < 2 { 1 } else { parameter.shape[0] }
}

/// Values of such a row.
pub(crate) fn width(parameter: &Parameter) -> usize {
    parameter.shape.iter().product::<usize>() / rows(parameter)
}

/// Cells of the kernel and channels, where they change places.
fn kernel_and_channels(parameter: &Parameter) -> Option<(usize, usize)> {
    match (parameter.kind, parameter.shape.as_slice()) {
        (ParameterKind::Convolution, &[_, channels, height, width]) => {
            Some((height * width, channels))
        }
        _ => None,
    }
}

/// Every matrix `[rows, columns]` among the values as `[columns, rows]`.
fn transposed(values: &[f32], rows: usize, columns: usize) -> Vec<f32> {
    let matrices = values.chunks_exact(rows * columns);
    matrices
        .flat_map(|matrix| {
            (0..columns).flat_map(move |column| matrix.iter().skip(column).step_by(columns))
        })
        .copied()
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parameters::Tower;
    use clip_kernels::Reference;

    fn parameter(shape: &[usize], kind: ParameterKind) -> Parameter {
        Parameter { name: "x".to_owned(), shape: shape.to_vec(), kind, tower: Tower::Image }
    }

    #[test]
    fn convolutions_stand_channels_last_on_the_device_and_come_back() {
        let kernel = parameter(&[2, 2, 1, 3], ParameterKind::Convolution);
        let values: Vec<f32> = (0..12).map(|value| value as f32).collect();
        let rows = to_rows(&Reference, &kernel, values.clone()).unwrap();
        assert_eq!(rows.row(0), [0.0, 3.0, 1.0, 4.0, 2.0, 5.0]);
        let tensor = to_tensor(&Reference, &kernel, &rows).unwrap();
        assert_eq!((tensor.shape(), tensor.to_f32()), (&[2, 2, 1, 3][..], values));
    }

    #[test]
    fn vectors_and_scalars_are_one_row() {
        for (shape, expected) in [(&[][..], (1, 1)), (&[5], (1, 5)), (&[2, 3, 4, 4], (2, 48))] {
            let parameter = parameter(shape, ParameterKind::PatchConvolution);
            assert_eq!((rows(&parameter), width(&parameter)), expected);
        }
    }
}
