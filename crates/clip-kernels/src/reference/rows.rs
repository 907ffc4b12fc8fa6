//! **Defines** the operations that only move rows, or add two tables.

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
