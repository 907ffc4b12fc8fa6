//! **Defines** the operations that only move rows, or add and scale them.

use crate::{Matrix, Result};

/// Token row plus position row.
pub(super) fn embed_tokens(
    token_ids: &[u32],
    positions: &[usize],
    token_embedding: &Matrix,
    positional_embedding: &Matrix,
) -> Result<Matrix> {
    let mut out = Matrix::unwritten(token_ids.len(), token_embedding.width())?;
    for (row, (&token, &position)) in token_ids.iter().zip(positions).enumerate() {
        let (token, position) =
            (token_embedding.row(token as usize), positional_embedding.row(position));
        for (column, out) in out.row_mut(row).iter_mut().enumerate() {
            *out = token[column] + position[column];
        }
    }
    Ok(out)
}

/// The rows of these indices.
pub(super) fn gather_rows(x: &Matrix, indices: &[usize]) -> Result<Matrix> {
    let mut out = Matrix::unwritten(indices.len(), x.width())?;
    for (row, &index) in indices.iter().enumerate() {
        out.row_mut(row).copy_from_slice(x.row(index));
    }
    Ok(out)
}

/// `[items, channels · cells]` to `[items · cells, channels]`.
pub(super) fn channels_last(images: &Matrix, channels: usize) -> Result<Matrix> {
    let cells = images.width() / channels;
    let mut out = Matrix::unwritten(images.rows() * cells, channels)?;
    for row in 0..out.rows() {
        let (item, cell) = (row / cells, row % cells);
        for channel in 0..channels {
            out.row_mut(row)[channel] = images.row(item)[channel * cells + cell];
        }
    }
    Ok(out)
}

/// Row `i` of `x` at `indices[i]` of so many rows, zeros elsewhere.
pub(super) fn scatter_rows(x: &Matrix, indices: &[usize], rows: usize) -> Result<Matrix> {
    let mut out = Matrix::zeros(rows, x.width())?;
    for (row, &index) in indices.iter().enumerate() {
        out.row_mut(index).copy_from_slice(x.row(row));
    }
    Ok(out)
}

/// Each row of `dy` to the row of its token and to that of its position.
pub(super) fn embed_tokens_backward(
    token_ids: &[u32],
    positions: &[usize],
    dy: &Matrix,
    token_embedding: Option<&mut Matrix>,
    positional_embedding: Option<&mut Matrix>,
) {
    if let Some(table) = token_embedding {
        add_rows_to(table.values_mut(), token_ids.iter().map(|&id| id as usize), dy);
    }
    if let Some(table) = positional_embedding {
        add_rows_to(table.values_mut(), positions.iter().copied(), dy);
    }
}

/// Adds row `i` of `rows` to the row of a table `[…, width]` that the `i`-th place names.
pub(super) fn add_rows_to(table: &mut [f32], places: impl Iterator<Item = usize>, rows: &Matrix) {
    let mut sums = vec![0.0; table.len()];
    for (row, place) in places.enumerate() {
        for (sum, &value) in sums[place * rows.width()..].iter_mut().zip(rows.row(row)) {
            *sum += f64::from(value);
        }
    }
    add_to(table, &sums);
}

/// Adds a sum to each value and rounds once.
pub(super) fn add_to(values: &mut [f32], sums: &[f64]) {
    for (value, sum) in values.iter_mut().zip(sums) {
        *value = (f64::from(*value) + sum) as f32;
    }
}

/// `x + y`.
pub(super) fn add(mut x: Matrix, y: &Matrix) -> Matrix {
    x.values_mut().iter_mut().zip(y.values()).for_each(|(x, y)| *x += y);
    x
}

/// `x · factor`.
pub(super) fn scale(mut x: Matrix, factor: f32) -> Matrix {
    x.values_mut().iter_mut().for_each(|x| *x *= factor);
    x
}
