//! The two pools of the ResNets. Both are bound by memory, not by arithmetic.
//!
//! Order of the sums: the cells of a square, or of the map, row by row, for each channel alone.

use super::target::for_each_chunk;
use crate::{MapShape, Matrix};

/// The mean of every `side × side` square of each map.
pub(super) fn average_pool(maps: &Matrix, items: usize, shape: MapShape, side: usize) -> Matrix {
    let pooled = MapShape { height: shape.height / side, width: shape.width / side };
    let channels = maps.width();
    let mut out = Matrix::unwritten(items * pooled.cells(), channels);
    let factor = 1.0 / (side * side) as f32;
    // One task fills one row of cells of one map.
    for_each_chunk(out.values_mut(), pooled.width * channels, |task, out| {
        out.fill(0.0);
        let (item, y) = (task / pooled.height, task % pooled.height);
        for (x, out) in out.chunks_exact_mut(channels).enumerate() {
            for (row, column) in (0..side * side).map(|cell| (y * side + cell / side, x * side + cell % side))
            {
                add(out, maps.row(item * shape.cells() + row * shape.width + column));
            }
            out.iter_mut().for_each(|value| *value *= factor);
        }
    });
    out
}

/// The mean of the map's cells in front of the cells; positions added to all.
pub(super) fn pool_tokens(maps: &Matrix, positional_embedding: &Matrix) -> Matrix {
    let (tokens, channels) = (positional_embedding.rows(), maps.width());
    let cells = tokens - 1;
    let mut out = Matrix::unwritten(maps.rows() / cells * tokens, channels);
    for_each_chunk(out.values_mut(), tokens * channels, |item, out| {
        let (mean, rest) = out.split_at_mut(channels);
        mean.fill(0.0);
        for (cell, out) in rest.chunks_exact_mut(channels).enumerate() {
            let source = maps.row(item * cells + cell);
            add(mean, source);
            out.copy_from_slice(source);
        }
        mean.iter_mut().for_each(|value| *value /= cells as f32);
        add(out, positional_embedding.values());
    });
    out
}

fn add(out: &mut [f32], values: &[f32]) {
    for (out, value) in out.iter_mut().zip(values) {
        *out += value;
    }
}
