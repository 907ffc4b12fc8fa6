//! `Aᵀ·M·A` of some tiles, finished and brought to their cells.

use super::tiles::{PLACES, load_columns, store_columns};
use crate::Activation;
use crate::cpu::activation::{Activate, Gelu, Identity, QuickGelu, Relu};
use crate::cpu::gemm::{NR, Sums, TileEpilogue};
use crate::cpu::isa::Vectorize;
use crate::cpu::lanes::{LANES, Lanes};
use crate::cpu::target::Target;
use std::ops::Range;

pub(super) struct FinishTiles<'a> {
    pub(super) sums: &'a [Sums; PLACES],
    /// Where the output cells of each tile stand; none where the map ends before.
    pub(super) cells: &'a [[Option<usize>; 4]],
    /// Of the panel, at most [`NR`].
    pub(super) outputs: Range<usize>,
    pub(super) epilogue: TileEpilogue<'a>,
    /// Of which nobody else uses these outputs of the cells.
    pub(super) target: Target<'a>,
}

impl Vectorize for FinishTiles<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self) {
        match self.epilogue.activation {
            Activation::None => self.activated::<L, Identity>(),
            Activation::QuickGelu => self.activated::<L, QuickGelu>(),
            Activation::Gelu => self.activated::<L, Gelu>(),
            Activation::Relu => self.activated::<L, Relu>(),
        }
    }
}

impl FinishTiles<'_> {
    #[inline(always)]
    fn activated<L: Lanes, A: Activate>(self) {
        let halves = self.outputs.clone().step_by(LANES);
        let halves = halves.map(|first| first..self.outputs.end.min(first + LANES));
        let mut bias = [L::splat(0.0); NR / LANES];
        if let Some(values) = self.epilogue.bias {
            for (bias, columns) in bias.iter_mut().zip(halves.clone()) {
                *bias = load_columns(&values[columns]);
            }
        }
        for (tile, rows) in self.cells.iter().enumerate() {
            for (half, columns) in halves.clone().enumerate() {
                let values = self.transformed::<L>(tile, half);
                for (&row, mut value) in rows.iter().zip(values) {
                    let Some(row) = row else { continue };
                    // SAFETY: a cell of a tile of the block, whose cells its maker has for itself.
                    let out = unsafe { self.target.part(row, columns.clone()) };
                    if self.epilogue.accumulate {
                        value = value.add(load_columns(out));
                    }
                    store_columns(A::of(value.add(bias[half])), out);
                }
            }
        }
    }

    #[inline(always)]
    fn transformed<L: Lanes>(&self, tile: usize, half: usize) -> [L; 4] {
        let mut columns = [[L::splat(0.0); 2]; 4];
        for (x, out) in columns.iter_mut().enumerate() {
            let mut column = [L::splat(0.0); 4];
            for (y, value) in column.iter_mut().enumerate() {
                let row = &self.sums[4 * y + x][tile].0;
                *value = L::load_bits(&row.as_chunks::<LANES>().0[half]);
            }
            *out = times_a(column);
        }
        let [a, b, c, d] = columns;
        let [top_left, top_right] = times_a([a[0], b[0], c[0], d[0]]);
        let [bottom_left, bottom_right] = times_a([a[1], b[1], c[1], d[1]]);
        [top_left, top_right, bottom_left, bottom_right]
    }
}

/// `Aᵀ` times a column.
#[inline(always)]
fn times_a<L: Lanes>([a, b, c, d]: [L; 4]) -> [L; 2] {
    [a.add(b).add(c), b.sub(c).sub(d)]
}
