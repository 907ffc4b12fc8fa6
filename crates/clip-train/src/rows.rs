//! Parameters as rows.

use clip_kernels::{Result, Train};
use clip_model::parameters::Parameter;

/// Rows and width of a parameter, its gradient or a moment on the device: a vector is one row.
pub(crate) fn dimensions(parameter: &Parameter) -> (usize, usize) {
    match parameter.shape.as_slice() {
        [] => (1, 1),
        [width] => (1, *width),
        [rows, rest @ ..] => (*rows, rest.iter().product()),
    }
}

/// The same values once more.
pub(crate) fn copy<D: Train>(device: &D, rows: &D::Rows, width: usize) -> Result<D::Rows> {
    device.to_device(device.read(rows)?, width)
}
