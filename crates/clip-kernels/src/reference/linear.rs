//! **Defines** the product with a weight and its epilogue.

use super::activation::activate;
use super::precision::ReferenceWeight;
use crate::{Device, Epilogue, Matrix, Reference, Result};

/// `activation(x · weightᵀ + bias + residual)`.
pub(super) fn linear(
    x: &Matrix,
    weight: &ReferenceWeight,
    epilogue: Epilogue<'_, Reference>,
) -> Result<Matrix> {
    product(x.rows(), weight, epilogue, |row| x.row(row).to_vec())
}

/// The same for rows given by a function.
pub(super) fn product(
    rows: usize,
    weight: &ReferenceWeight,
    epilogue: Epilogue<'_, impl Device<Rows = Matrix, Vector = Vec<f32>>>,
    row_values: impl Fn(usize) -> Vec<f32>,
) -> Result<Matrix> {
    let mut out = Matrix::unwritten(rows, weight.shape().outputs)?;
    for row in 0..rows {
        for (output, product) in weight.products(&row_values(row)).into_iter().enumerate() {
            let bias = epilogue.bias.map_or(0.0, |bias| f64::from(bias[output]));
            let residual =
                epilogue.residual.as_ref().map_or(0.0, |rows| f64::from(rows.row(row)[output]));
            let sum = product + bias + residual;
            out.row_mut(row)[output] = activate(sum, epilogue.activation) as f32;
        }
    }
    Ok(out)
}
