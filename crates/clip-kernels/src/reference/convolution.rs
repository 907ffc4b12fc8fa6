//! **Defines** convolution with zeros around each map (PROTOCOL 1.2).

use super::linear::product;
use super::precision::ReferenceWeight;
use crate::{ConvolutionShape, Epilogue, Matrix, Reference, Result};

/// Each output cell is a product with the `kernel²` cells around it, laid side by side.
pub(super) fn convolution(
    maps: &Matrix,
    items: usize,
    shape: ConvolutionShape,
    weight: &ReferenceWeight,
    epilogue: Epilogue<'_, Reference>,
) -> Result<Matrix> {
    let (input_cells, output_cells) = (shape.input.cells(), shape.output().cells());
    product(items * output_cells, weight, epilogue, |row| {
        let (item, cell) = (row / output_cells, row % output_cells);
        let taps = (0..shape.taps()).flat_map(|tap| match shape.source_cell(cell, tap) {
            Some(source) => maps.row(item * input_cells + source).to_vec(),
            None => vec![0.0; maps.width()],
        });
        taps.collect()
    })
}
