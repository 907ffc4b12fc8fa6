//! **Defines** the two pools of the ResNets (PROTOCOL 1.2).

use super::rows::add_rows_to;
use crate::{MapShape, Matrix, Result};

/// The mean of every `side × side` square.
pub(super) fn average_pool(
    maps: &Matrix,
    items: usize,
    shape: MapShape,
    side: usize,
) -> Result<Matrix> {
    let (height, width) = (shape.height / side, shape.width / side);
    let mut out = Matrix::unwritten(items * height * width, maps.width())?;
    for row in 0..out.rows() {
        let (item, y, x) = (row / (height * width), row / width % height, row % width);
        let cells = (0..side * side)
            .map(|cell| (y * side + cell / side) * shape.width + x * side + cell % side);
        let sources: Vec<usize> = cells.map(|cell| item * shape.cells() + cell).collect();
        for channel in 0..maps.width() {
            out.row_mut(row)[channel] = mean(maps, &sources, channel) as f32;
        }
    }
    Ok(out)
}

/// Every cell gets its share of its square's.
pub(super) fn average_pool_backward(
    dy: &Matrix,
    items: usize,
    shape: MapShape,
    side: usize,
) -> Result<Matrix> {
    let (height, width) = (shape.height / side, shape.width / side);
    let mut dx = Matrix::unwritten(items * shape.cells(), dy.width())?;
    for row in 0..dx.rows() {
        let (item, cell) = (row / shape.cells(), row % shape.cells());
        let (y, x) = (cell / shape.width / side, cell % shape.width / side);
        let square = dy.row((item * height + y) * width + x);
        for (dx, &dy) in dx.row_mut(row).iter_mut().zip(square) {
            *dx = (f64::from(dy) / (side * side) as f64) as f32;
        }
    }
    Ok(dx)
}

/// The mean of the map's cells in front of the cells; positions added to all.
pub(super) fn pool_tokens(
    maps: &Matrix,
    items: usize,
    positional_embedding: &Matrix,
) -> Result<Matrix> {
    let tokens = positional_embedding.rows();
    let cells = tokens - 1;
    let mut out = Matrix::unwritten(items * tokens, maps.width())?;
    for row in 0..out.rows() {
        let (item, token) = (row / tokens, row % tokens);
        let sources: Vec<usize> = match token.checked_sub(1) {
            None => (item * cells..(item + 1) * cells).collect(),
            Some(cell) => vec![item * cells + cell],
        };
        for channel in 0..maps.width() {
            let position = f64::from(positional_embedding.row(token)[channel]);
            out.row_mut(row)[channel] = (mean(maps, &sources, channel) + position) as f32;
        }
    }
    Ok(out)
}

/// Every cell gets its token's and its share of the mean's; every position its tokens'.
pub(super) fn pool_tokens_backward(
    dy: &Matrix,
    cells: usize,
    positional_embedding: Option<&mut Matrix>,
) -> Result<Matrix> {
    let tokens = cells + 1;
    let mut dx = Matrix::unwritten(dy.rows() / tokens * cells, dy.width())?;
    for row in 0..dx.rows() {
        let (item, cell) = (row / cells, row % cells);
        let (mean, token) = (dy.row(item * tokens), dy.row(item * tokens + 1 + cell));
        for (channel, dx) in dx.row_mut(row).iter_mut().enumerate() {
            *dx = (f64::from(token[channel]) + f64::from(mean[channel]) / cells as f64) as f32;
        }
    }
    if let Some(gradient) = positional_embedding {
        add_rows_to(gradient.values_mut(), (0..dy.rows()).map(|row| row % tokens), dy);
    }
    Ok(dx)
}

fn mean(maps: &Matrix, rows: &[usize], channel: usize) -> f64 {
    rows.iter().map(|&row| f64::from(maps.row(row)[channel])).sum::<f64>() / rows.len() as f64
}
