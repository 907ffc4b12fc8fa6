//! **Defines** convolution with zeros around each map (PROTOCOL 1.2).

use super::linear::{product, product_gradient};
use super::precision::{ReferenceWeight, rounded};
use super::rows::add_to;
use crate::{ConvolutionShape, Epilogue, Matrix, Precision, Reference, Result};

/// Each output cell is a product with the `kernel²` cells around it, laid side by side.
pub(super) fn convolution(
    maps: &Matrix,
    items: usize,
    shape: ConvolutionShape,
    weight: &ReferenceWeight,
    epilogue: Epilogue<'_, Reference>,
) -> Result<Matrix> {
    let rows = items * shape.output().cells();
    product(rows, weight, epilogue, |row| taps(maps, shape, row))
}

/// What the kernel covers at one output cell, `[kernel² · channels]`.
fn taps(maps: &Matrix, shape: ConvolutionShape, row: usize) -> Vec<f32> {
    let (input_cells, output_cells) = (shape.input.cells(), shape.output().cells());
    let (item, cell) = (row / output_cells, row % output_cells);
    let taps = (0..shape.taps()).flat_map(|tap| match shape.source_cell(cell, tap) {
        Some(source) => maps.row(item * input_cells + source).to_vec(),
        None => vec![0.0; maps.width()],
    });
    taps.collect()
}

/// Each input cell gets from every output cell whose kernel covers it.
pub(super) fn convolution_input_gradient(
    dy: &Matrix,
    items: usize,
    shape: ConvolutionShape,
    weight: &Matrix,
    precision: Precision,
) -> Result<Matrix> {
    let (input_cells, output_cells) = (shape.input.cells(), shape.output().cells());
    let channels = weight.width() / shape.taps();
    let mut sums = vec![0.0; items * input_cells * channels];
    let weights: Vec<_> =
        (0..weight.rows()).map(|row| rounded(precision, weight.row(row))).collect();
    for row in 0..dy.rows() {
        let (item, cell) = (row / output_cells, row % output_cells);
        let dy = rounded(precision, dy.row(row));
        for tap in 0..shape.taps() {
            let Some(source) = shape.source_cell(cell, tap) else { continue };
            let sums = &mut sums[(item * input_cells + source) * channels..][..channels];
            for (weights, &dy) in weights.iter().zip(&dy) {
                for (sum, &weight) in sums.iter_mut().zip(&weights[tap * channels..]) {
                    *sum += f64::from(dy) * f64::from(weight);
                }
            }
        }
    }
    let mut out = Matrix::zeros(items * input_cells, channels)?;
    add_to(out.values_mut(), &sums);
    Ok(out)
}

/// `gradient += dyᵀ · x` of the output cells, `x` what the kernel covers.
pub(super) fn convolution_weight_gradient(
    maps: &Matrix,
    shape: ConvolutionShape,
    dy: &Matrix,
    precision: Precision,
    gradient: &mut Matrix,
) {
    let covered = |row| taps(maps, shape, row);
    product_gradient(dy.rows(), |row| dy.row(row), covered, precision, gradient.values_mut());
}
