//! The two pools of the ResNets and their backward. All are bound by memory, not by arithmetic.
//!
//! Order of the sums: the cells of a square, or of the map, row by row, for each channel alone.

use super::isa::{Isa, Vectorize, multiply_add};
use super::lanes::Lanes;
use super::target::for_each_chunk;
use crate::{MapShape, Matrix, Result};

/// The mean of every `side × side` square of each map.
pub(super) fn average_pool(
    isa: Isa,
    maps: &Matrix,
    items: usize,
    shape: MapShape,
    side: usize,
) -> Result<Matrix> {
    let pooled = MapShape { height: shape.height / side, width: shape.width / side };
    let channels = maps.width();
    let mut out = Matrix::unwritten(items * pooled.cells(), channels)?;
    // One task fills one row of cells of one map.
    for_each_chunk(out.values_mut(), pooled.width * channels, |task, out| {
        let (item, y) = (task / pooled.height, task % pooled.height);
        let first = (item * shape.cells() + y * side * shape.width) * channels;
        let rows = &maps.values()[first..first + side * shape.width * channels];
        isa.vectorize(PoolRow { rows, channels, side, out });
    });
    Ok(out)
}

/// One row of squares.
struct PoolRow<'a> {
    /// `[side, width, channels]`
    rows: &'a [f32],
    channels: usize,
    side: usize,
    /// `[width / side, channels]`
    out: &'a mut [f32],
}

impl Vectorize for PoolRow<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self) {
        let Self { rows, channels, side, out } = self;
        let factor = 1.0 / (side * side) as f32;
        let run = side * channels; // of one square in one row
        let row = out.len() * side;
        for (x, out) in out.chunks_exact_mut(channels).enumerate() {
            if side == 2 {
                let (above, below) = (&rows[x * run..][..run], &rows[row + x * run..][..run]);
                let ((a, b), (c, d)) = (above.split_at(channels), below.split_at(channels));
                let (a, b, c, d) =
                    (&a[..out.len()], &b[..out.len()], &c[..out.len()], &d[..out.len()]);
                for channel in 0..out.len() {
                    out[channel] = (a[channel] + b[channel] + c[channel] + d[channel]) * factor;
                }
                continue;
            }
            out.fill(0.0);
            for y in 0..side {
                for cell in rows[y * row + x * run..][..run].chunks_exact(channels) {
                    add(out, cell);
                }
            }
            for value in out {
                *value *= factor;
            }
        }
    }
}

/// Every cell gets its share of what its square got; `shape` is that of the larger maps.
pub(super) fn average_pool_backward(
    isa: Isa,
    dy: &Matrix,
    items: usize,
    shape: MapShape,
    side: usize,
) -> Result<Matrix> {
    let channels = dy.width();
    let pooled = shape.width / side * channels;
    let mut dx = Matrix::unwritten(items * shape.cells(), channels)?;
    // One task fills one row of cells of one map. Squares of a map stand over each other as its
    // rows do, so that row `r` of all maps belongs to row `r / side` of the pooled ones.
    for_each_chunk(dx.values_mut(), shape.width * channels, |row, out| {
        let squares = &dy.values()[row / side * pooled..][..pooled];
        isa.vectorize(SpreadRow { squares, channels, side, out });
    });
    Ok(dx)
}

/// One row of cells.
struct SpreadRow<'a> {
    /// `[width / side, channels]`
    squares: &'a [f32],
    channels: usize,
    side: usize,
    /// `[width, channels]`
    out: &'a mut [f32],
}

impl Vectorize for SpreadRow<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self) {
        let factor = 1.0 / (self.side * self.side) as f32;
        let cells = self.out.chunks_exact_mut(self.side * self.channels);
        for (cells, square) in cells.zip(self.squares.chunks_exact(self.channels)) {
            for cell in cells.chunks_exact_mut(self.channels) {
                cell.iter_mut().zip(square).for_each(|(cell, value)| *cell = value * factor);
            }
        }
    }
}

/// The mean of the map's cells in front of the cells; positions added to all.
pub(super) fn pool_tokens(
    isa: Isa,
    maps: &Matrix,
    positional_embedding: &Matrix,
) -> Result<Matrix> {
    let (tokens, channels) = (positional_embedding.rows(), maps.width());
    let map = (tokens - 1) * channels;
    let mut out = Matrix::unwritten(maps.rows() / (tokens - 1) * tokens, channels)?;
    for_each_chunk(out.values_mut(), tokens * channels, |item, out| {
        let cells = &maps.values()[item * map..(item + 1) * map];
        isa.vectorize(Tokens { cells, positions: positional_embedding.values(), channels, out });
    });
    Ok(out)
}

/// Every cell gets its token's and its share of the mean's.
pub(super) fn pool_tokens_backward(isa: Isa, dy: &Matrix, cells: usize) -> Result<Matrix> {
    let channels = dy.width();
    let mut dx = Matrix::unwritten(dy.rows() / (cells + 1) * cells, channels)?;
    for_each_chunk(dx.values_mut(), cells * channels, |item, out| {
        let tokens = &dy.values()[item * (cells + 1) * channels..][..(cells + 1) * channels];
        isa.vectorize(CellsOfTokens { tokens, channels, out });
    });
    Ok(dx)
}

/// The cells of one map.
struct CellsOfTokens<'a> {
    /// `[cells + 1, channels]`
    tokens: &'a [f32],
    channels: usize,
    /// `[cells, channels]`
    out: &'a mut [f32],
}

impl Vectorize for CellsOfTokens<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self) {
        let (mean, tokens) = self.tokens.split_at(self.channels);
        let factor = 1.0 / (tokens.len() / self.channels) as f32;
        let cells = self.out.chunks_exact_mut(self.channels);
        for (cell, token) in cells.zip(tokens.chunks_exact(self.channels)) {
            for ((cell, &token), &mean) in cell.iter_mut().zip(token).zip(mean) {
                *cell = multiply_add(L::FUSED, mean, factor, token);
            }
        }
    }
}

/// The tokens of one map.
struct Tokens<'a> {
    /// `[cells, channels]`
    cells: &'a [f32],
    /// `[cells + 1, channels]`
    positions: &'a [f32],
    channels: usize,
    /// `[cells + 1, channels]`
    out: &'a mut [f32],
}

impl Vectorize for Tokens<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self) {
        let Self { cells, positions, channels, out } = self;
        let (mean, rest) = out.split_at_mut(channels);
        mean.fill(0.0);
        for cell in cells.chunks_exact(channels) {
            add(mean, cell);
        }
        let count = (cells.len() / channels) as f32;
        for value in mean {
            *value /= count;
        }
        rest.copy_from_slice(cells);
        add(out, positions);
    }
}

#[inline(always)]
fn add(out: &mut [f32], values: &[f32]) {
    for (out, value) in out.iter_mut().zip(values) {
        *out += value;
    }
}
