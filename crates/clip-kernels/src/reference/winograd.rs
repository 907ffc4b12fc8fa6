//! **Defines** what bf16 rounds in a convolution of 3 × 3 cells, stride 1, one ring of zeros, whose
//! weight is packed for this form: both sides as Winograd's F(2 × 2, 3 × 3) transforms them.
//!
//! ```text
//! U = G·g·Gᵀ    in f64, rounded to f32, then to bf16
//! V = Bᵀ·d·B    in f32, columns before rows, every sum rounded; then to bf16
//! y = Aᵀ·M·A    M[place] = Σ U·V over the channels
//! ```

use super::linear::finished;
use super::precision::{ReferenceWeight, dot, round, rounded};
use crate::{Epilogue, MapShape, Matrix, MatrixView, Precision, Reference, Result};

/// Places of a transformed tile of 4 × 4 cells.
const PLACES: usize = 16;

/// Whether a weight in bf16 packed for a convolution of this form is transformed first.
pub(crate) fn is_transformed(
    kernel: usize,
    stride: usize,
    channels: usize,
    precision: Precision,
) -> bool {
    (kernel, stride, precision) == (3, 1, Precision::Bf16) && channels >= 16
}

/// `U` of every output, rounded: `[outputs, 16 · channels]`.
pub(super) fn pack(weight: MatrixView<'_>) -> Result<ReferenceWeight> {
    const G: [[f64; 3]; 4] = [[1.0, 0.0, 0.0], [0.5, 0.5, 0.5], [0.5, -0.5, 0.5], [0.0, 0.0, 1.0]];
    let channels = weight.inputs() / 9;
    let mut out = Matrix::unwritten(weight.outputs(), PLACES * channels)?;
    for output in 0..weight.outputs() {
        for (input, value) in out.row_mut(output).iter_mut().enumerate() {
            let (place, channel) = (input / channels, input % channels);
            let terms = (0..9).map(|tap| {
                let factor = G[place / 4][tap / 3] * G[place % 4][tap % 3];
                factor * f64::from(weight.at(output, tap * channels + channel))
            });
            *value = round(Precision::Bf16, terms.sum()) as f32;
        }
    }
    Ok(ReferenceWeight::transformed(out))
}

/// `activation(convolution + bias + residual)`.
///
/// - `weight`: as [`pack`] gives it
pub(super) fn convolution(
    maps: &Matrix,
    items: usize,
    shape: MapShape,
    weight: &ReferenceWeight,
    epilogue: Epilogue<'_, Reference>,
) -> Result<Matrix> {
    /// `Aᵀ`.
    const A: [[f64; 4]; 2] = [[1.0, 1.0, 1.0, 0.0], [0.0, 1.0, -1.0, -1.0]];
    let channels = maps.width();
    finished(items * shape.cells(), weight.shape().outputs, epilogue, |row| {
        let (item, cell) = (row / shape.cells(), row % shape.cells());
        let (y, x) = (cell / shape.width, cell % shape.width);
        let transformed = transformed_tile(maps, shape, item, (y & !1, x & !1));
        let product = |weight: &[f32]| -> f64 {
            let places = weight.chunks(channels).zip(transformed.chunks(channels)).enumerate();
            places
                .map(|(place, (u, v))| A[y % 2][place / 4] * A[x % 2][place % 4] * dot(u, v))
                .sum()
        };
        (0..weight.shape().outputs).map(|output| product(weight.row(output))).collect()
    })
}

/// `V`, rounded, of the tile whose first output is this cell: `[16 · channels]`.
fn transformed_tile(
    maps: &Matrix,
    shape: MapShape,
    item: usize,
    (top, left): (usize, usize),
) -> Vec<f32> {
    let cell = |y: usize, x: usize, channel: usize| {
        let (y, x) = ((top + y).checked_sub(1), (left + x).checked_sub(1));
        match (y, x) {
            (Some(y), Some(x)) if y < shape.height && x < shape.width => {
                maps.row(item * shape.cells() + y * shape.width + x)[channel]
            }
            _ => 0.0,
        }
    };
    let mut out = vec![0.0; PLACES * maps.width()];
    for channel in 0..maps.width() {
        let columns: [[f32; 4]; 4] =
            std::array::from_fn(|x| times_b(std::array::from_fn(|y| cell(y, x, channel))));
        for y in 0..4 {
            let row = times_b(std::array::from_fn(|x| columns[x][y]));
            for (x, value) in row.into_iter().enumerate() {
                out[(4 * y + x) * maps.width() + channel] = value;
            }
        }
    }
    rounded(Precision::Bf16, &out)
}

/// `Bᵀ` times a column.
fn times_b([a, b, c, d]: [f32; 4]) -> [f32; 4] {
    [a - c, b + c, c - b, b - d]
}
