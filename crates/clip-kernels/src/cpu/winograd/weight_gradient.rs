//! The gradient of a kernel: tiles of maps and of `dy` are transformed a block at a time, then
//! multiplied place by place.
//!
//! Order of every sum: blocks of at most [`TILES`] tiles, all about the same length, each one chain
//! from zero; then the places as written below. It depends on the number of tiles alone.

use super::tiles::{
    PLACES, Tiles, load_cells, load_columns, sixteen, store_columns, transform_cells,
};
use crate::cpu::gemm::{Lhs, MC, MacroKernel, NR, PackedWeight, PanelRow, TileEpilogue, Use};
use crate::cpu::isa::{Isa, Vectorize};
use crate::cpu::lanes::{LANES, Lanes};
use crate::cpu::target::{Target, for_each_chunk};
use crate::cpu::thread_team;
use crate::{MapShape, Matrix, Precision, Result};
use std::ops::Range;

/// Tiles of a block: the places of 128 channels are 4 MB.
const TILES: usize = 512;
/// Tiles that a task transforms.
const TILES_AT_A_TIME: usize = 16;

/// Adds the gradient of a kernel of 3 × 3 cells, stride 1, one ring of zeros.
///
/// - `maps`: `[items · cells, channels]`, `dy`: `[items · cells, outputs]`
/// - `gradient`: `[outputs, 9 · channels]`
pub(in crate::cpu) fn weight_gradient(
    isa: Isa,
    maps: &Matrix,
    shape: MapShape,
    dy: &Matrix,
    gradient: &mut [f32],
) -> Result<()> {
    let tiles = Tiles { shape };
    let count = dy.rows().checked_div(shape.cells()).unwrap_or(0) * tiles.of_map();
    let (channels, outputs) = (maps.width(), dy.width());
    if count == 0 {
        return Ok(());
    }
    let mut sums = Matrix::unwritten(PLACES * outputs, channels)?;
    let blocks = count.div_ceil(TILES);
    for block in 0..blocks {
        let range = block * count / blocks..(block + 1) * count / blocks;
        let block = Block { isa, maps, dy, tiles, range };
        let (maps, dy) = block.transform()?;
        block.multiply(&maps, &dy, sums.values_mut());
    }
    for_each_chunk(gradient, 9 * channels, |output, gradient| {
        isa.vectorize(AddTaps { sums: &sums, output, outputs, gradient });
    });
    Ok(())
}

/// Some of the tiles of all maps.
struct Block<'a> {
    isa: Isa,
    maps: &'a Matrix,
    dy: &'a Matrix,
    tiles: Tiles,
    range: Range<usize>,
}

impl Block<'_> {
    /// `V` of the maps as panels, tiles being inputs, and `A·dy·Aᵀ`, `[places · tiles, outputs]`.
    fn transform(&self) -> Result<(PackedWeight, Matrix)> {
        let (channels, count) = (self.maps.width(), self.range.len());
        let panels = channels.div_ceil(NR);
        let mut transformed = Matrix::unwritten(PLACES * count, self.dy.width())?;
        let dy = Target::new(transformed.values_mut(), self.dy.width());
        let maps =
            PackedWeight::transformed(channels, 9 * count, Precision::F32, Use::Once, |rows| {
                let maps = Target::new(rows, count);
                thread_team::for_each(count.div_ceil(TILES_AT_A_TIME), |task| {
                    let first = task * TILES_AT_A_TIME;
                    let range = first..count.min(first + TILES_AT_A_TIME);
                    self.isa.vectorize(Transform { block: self, range, panels, maps, dy });
                });
            })?;
        Ok((maps, transformed))
    }

    /// Adds to the sums of all places, or begins them.
    ///
    /// - `sums`: `[places · outputs, channels]`
    fn multiply(&self, maps: &PackedWeight, dy: &Matrix, sums: &mut [f32]) {
        let (outputs, count) = (dy.width(), self.range.len());
        let target = Target::new(sums, self.maps.width());
        let blocks = outputs.div_ceil(MC).max(thread_team::size().div_ceil(PLACES));
        thread_team::for_each(PLACES * blocks, |task| {
            let (place, block) = (task / blocks, task % blocks);
            let rows = block * outputs / blocks..(block + 1) * outputs / blocks;
            let panels = maps.panels_of_place(place);
            let kernel = MacroKernel {
                lhs: Lhs::Columns {
                    values: &dy.values()[place * count * outputs..],
                    stride: outputs,
                },
                target_row: place * outputs + rows.start,
                rows,
                panels,
                panel_range: 0..panels.count(),
                target,
                target_column: 0,
                epilogue: TileEpilogue { accumulate: self.range.start > 0, ..TileEpilogue::NONE },
            };
            // SAFETY: each task has its own rows of its own place.
            unsafe { kernel.compute(self.isa) };
        });
    }
}

/// Both transforms of some tiles of a block.
struct Transform<'a> {
    block: &'a Block<'a>,
    range: Range<usize>,
    panels: usize,
    /// `[places · panels, tiles]`, of which nobody else uses these tiles.
    maps: Target<'a, PanelRow>,
    /// `[places · tiles, outputs]`, likewise.
    dy: Target<'a>,
}

impl Vectorize for Transform<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self) {
        let zeros = vec![0.0; self.block.maps.width().max(self.block.dy.width())];
        for index in self.range.clone() {
            self.maps_of_tile::<L>(index, &zeros[..self.block.maps.width()]);
            self.dy_of_tile::<L>(index, &zeros[..self.block.dy.width()]);
        }
    }
}

impl Transform<'_> {
    #[inline(always)]
    fn maps_of_tile<L: Lanes>(&self, index: usize, zeros: &[f32]) {
        let Block { tiles, maps, range, .. } = self.block;
        let cells = tiles.covered(maps, range.start + index, zeros);
        for first in (0..self.panels * NR).step_by(LANES) {
            let values = match first < maps.width() {
                true => load_cells::<L>(&cells, first),
                false => [L::splat(0.0); PLACES],
            };
            for (place, value) in transform_cells(values).into_iter().enumerate() {
                let panel = place * self.panels + first / NR;
                // SAFETY: this task's tile.
                let row = &mut unsafe { self.maps.part(panel, index..index + 1) }[0].0;
                let half = &mut row.as_chunks_mut::<LANES>().0[first % NR / LANES];
                value.store(bytemuck::cast_mut(half));
            }
        }
    }

    #[inline(always)]
    fn dy_of_tile<L: Lanes>(&self, index: usize, zeros: &[f32]) {
        let Block { tiles, dy, range, .. } = self.block;
        let rows = tiles.rows(range.start + index);
        let cells = rows.map(|row| row.map_or(zeros, |row| dy.row(row)));
        for first in (0..dy.width()).step_by(LANES) {
            let [a, b, c, d] = cells.map(|cell| sixteen(cell, first));
            let [a, b, c, d]: [L; 4] =
                [load_columns(a), load_columns(b), load_columns(c), load_columns(d)];
            let (left, right) = (times_a(a, c), times_a(b, d));
            for (y, (left, right)) in left.into_iter().zip(right).enumerate() {
                for (x, value) in times_a(left, right).into_iter().enumerate() {
                    let row = (4 * y + x) * range.len() + index;
                    let columns = first..dy.width().min(first + LANES);
                    // SAFETY: this task's tile.
                    store_columns(value, unsafe { self.dy.part(row, columns) });
                }
            }
        }
    }
}

/// `A` times a column.
#[inline(always)]
fn times_a<L: Lanes>(a: L, b: L) -> [L; 4] {
    [a, a.add(b), a.sub(b), L::splat(0.0).sub(b)]
}

/// `Gᵀ·sums·G` of one output, added to its taps.
struct AddTaps<'a> {
    /// `[places · outputs, channels]`
    sums: &'a Matrix,
    output: usize,
    outputs: usize,
    /// `[9, channels]`
    gradient: &'a mut [f32],
}

impl Vectorize for AddTaps<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self) {
        let channels = self.sums.width();
        for first in (0..channels).step_by(LANES) {
            let mut rows = [[L::splat(0.0); 3]; 4];
            for (y, row) in rows.iter_mut().enumerate() {
                let mut places = [L::splat(0.0); 4];
                for (x, place) in places.iter_mut().enumerate() {
                    let row = self.sums.row((4 * y + x) * self.outputs + self.output);
                    *place = load_columns(sixteen(row, first));
                }
                *row = times_g(places);
            }
            let [a, b, c, d] = rows;
            for x in 0..3 {
                for (y, value) in times_g([a[x], b[x], c[x], d[x]]).into_iter().enumerate() {
                    let tap = &mut self.gradient[(3 * y + x) * channels..][..channels];
                    let end = channels.min(first + LANES);
                    let tap = &mut tap[first..end];
                    store_columns(load_columns::<L>(tap).add(value), tap);
                }
            }
        }
    }
}

/// `Gᵀ` times a column.
#[inline(always)]
fn times_g<L: Lanes>([a, b, c, d]: [L; 4]) -> [L; 3] {
    let half = L::splat(0.5);
    let (sum, difference) = (b.add(c).mul(half), b.sub(c).mul(half));
    [a.add(sum), difference, sum.add(d)]
}
