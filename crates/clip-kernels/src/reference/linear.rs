//! **Defines** the product with a weight and its epilogue.

use super::activation::activate;
use super::precision::{ReferenceWeight, rounded};
use super::rows::{add_rows_to, add_to};
use crate::{Device, Epilogue, Matrix, Precision, Reference, Result};

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
    let products = |row| weight.products(&row_values(row));
    finished(rows, weight.shape().outputs, epilogue, products)
}

/// `activation(products + bias + residual)`.
///
/// - `products`: of a row, `[outputs]`
pub(super) fn finished(
    rows: usize,
    outputs: usize,
    epilogue: Epilogue<'_, impl Device<Rows = Matrix, Vector = Vec<f32>>>,
    products: impl Fn(usize) -> Vec<f64>,
) -> Result<Matrix> {
    let mut out = Matrix::unwritten(rows, outputs)?;
    for row in 0..rows {
        for (output, product) in products(row).into_iter().enumerate() {
            let bias = epilogue.bias.map_or(0.0, |bias| f64::from(bias[output]));
            let residual =
                epilogue.residual.as_ref().map_or(0.0, |rows| f64::from(rows.row(row)[output]));
            let sum = product + bias + residual;
            out.row_mut(row)[output] = activate(sum, epilogue.activation) as f32;
        }
    }
    Ok(out)
}

/// `dyᵀ · x` added to the rows from `first_row` on.
pub(super) fn weight_gradient(
    dy: &Matrix,
    x: &Matrix,
    precision: Precision,
    gradient: &mut Matrix,
    first_row: usize,
) {
    let places = first_row * x.width()..(first_row + dy.width()) * x.width();
    let gradient = &mut gradient.values_mut()[places];
    product_gradient(dy.rows(), |row| dy.row(row), |row| x.row(row).to_vec(), precision, gradient);
}

/// The same for rows given by functions.
///
/// - `gradient`: `[outputs, inputs]`
pub(super) fn product_gradient<'a>(
    rows: usize,
    dy: impl Fn(usize) -> &'a [f32],
    x: impl Fn(usize) -> Vec<f32>,
    precision: Precision,
    gradient: &mut [f32],
) {
    let mut sums = vec![0.0; gradient.len()];
    for row in 0..rows {
        let (dy, x) = (rounded(precision, dy(row)), rounded(precision, &x(row)));
        for (sums, &dy) in sums.chunks_exact_mut(x.len()).zip(&dy) {
            for (sum, &x) in sums.iter_mut().zip(&x) {
                *sum += f64::from(dy) * f64::from(x);
            }
        }
    }
    add_to(gradient, &sums);
}

/// The sum of the rows added to the columns from `first_column` on.
pub(super) fn bias_gradient(dy: &Matrix, gradient: &mut Matrix, first_column: usize) {
    let gradient = &mut gradient.values_mut()[first_column..first_column + dy.width()];
    add_rows_to(gradient, std::iter::repeat_n(0, dy.rows()), dy);
}
