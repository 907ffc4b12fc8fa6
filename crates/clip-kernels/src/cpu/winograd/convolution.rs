//! Forward, a block of tiles at a time: their places stay in the second-level cache while all
//! panels pass, sums in the first-level cache until they are finished.
//!
//! ```text
//! block           V of its tiles in words, [16, tiles, channels]
//!   └ panel       32 outputs
//!       └ groups  of up to 12 tiles: 16 products each, then Aᵀ·M·A, bias, residual, activation
//! ```

use super::maps::{Places, TransformMaps};
use super::outputs::FinishTiles;
use super::tiles::{PLACES, Tiles};
use crate::cpu::gemm::{
    MAX_MR, NR, Operands, PackedWeight, PanelRow, Sums, TileEpilogue, micro_kernel, mr,
};
use crate::cpu::isa::Isa;
use crate::cpu::target::Target;
use crate::cpu::thread_team;
use crate::{MapShape, Matrix};
use std::cell::RefCell;
use std::ops::Range;

/// Words of the places of a block: 400 kB of the second-level cache.
const WORDS: usize = 100 << 10;
/// Tiles of a block at least, two groups, and at most: more gain nothing.
const TILES: std::ops::RangeInclusive<usize> = 2 * MAX_MR..=96;

/// What happens to the sums: the residual, where there is one, stands in `out` already.
#[derive(Clone, Copy)]
pub(in crate::cpu) struct Convolution<'a> {
    pub(in crate::cpu) maps: &'a Matrix,
    pub(in crate::cpu) shape: MapShape,
    pub(in crate::cpu) weight: &'a PackedWeight,
    pub(in crate::cpu) epilogue: TileEpilogue<'a>,
}

thread_local! {
    /// `V` of the tiles this thread is working on.
    static PLACES_OF_BLOCK: RefCell<Vec<u32>> = RefCell::default();
}

impl Convolution<'_> {
    /// - `out`: `[items · cells, outputs]`
    pub(in crate::cpu) fn compute(&self, isa: Isa, items: usize, out: &mut [f32]) {
        let all_tiles = Tiles { shape: self.shape };
        let (outputs, tiles) = (self.weight.outputs(), items * all_tiles.of_map());
        if tiles == 0 || outputs == 0 {
            return;
        }
        assert_eq!(out.len(), items * self.shape.cells() * outputs, "values of a convolution");
        let target = Target::new(out, outputs);
        let words = self.weight.panels_of_place(0).words();
        let of_block = (WORDS / (PLACES * words)).clamp(*TILES.start(), *TILES.end());
        let tasks = tiles.div_ceil(of_block).next_multiple_of(thread_team::size()).min(tiles);
        thread_team::for_each(tasks, |task| {
            let tiles = task * tiles / tasks..(task + 1) * tiles / tasks;
            PLACES_OF_BLOCK.with_borrow_mut(|values| {
                let places = Places::new(tiles.len(), words);
                if values.len() < places.words() {
                    values.resize(places.words(), 0);
                }
                isa.vectorize_in_bf16(TransformMaps {
                    maps: self.maps,
                    all_tiles,
                    tiles: tiles.clone(),
                    precision: self.weight.precision(),
                    places,
                    out: values,
                });
                let cells = tiles.map(|tile| all_tiles.rows(tile)).collect();
                let block = Block { convolution: self, isa, places, values, cells, target };
                // SAFETY: a tile's cells are its own, and each tile is one task's.
                unsafe { block.compute() };
            });
        });
    }
}

/// Some tiles whose places are there.
struct Block<'a> {
    convolution: &'a Convolution<'a>,
    isa: Isa,
    places: Places,
    values: &'a [u32],
    /// Where the output cells of each tile stand; none where the map ends before.
    cells: Vec<[Option<usize>; 4]>,
    target: Target<'a>,
}

impl Block<'_> {
    /// # Safety
    /// Nobody else may use the cells of these tiles in the target meanwhile.
    unsafe fn compute(&self) {
        let weight = self.convolution.weight;
        let (panels, words) = (weight.panels_of_place(0).count(), self.places.width());
        let groups = self.cells.len().div_ceil(mr(self.isa, weight.precision()));
        // A place of a panel that is read from the second-level cache serves two groups at once.
        let together = if words > 128 { 2 } else { 1 };
        let mut sums = vec![[[PanelRow::ZERO; MAX_MR]; PLACES]; together];
        for panel in 0..panels {
            let outputs = panel * NR..weight.outputs().min((panel + 1) * NR);
            for first in (0..groups).step_by(together) {
                let tiles_of = |group: usize| {
                    let part = |group: usize| group * self.cells.len() / groups;
                    part(group)..part(group + 1)
                };
                for place in 0..PLACES {
                    for (group, sums) in (first..groups).zip(&mut sums) {
                        let tiles = tiles_of(group);
                        self.ask_for_cells(tiles.clone(), place, outputs.clone());
                        self.multiply(place, panel, group, tiles, &mut sums[place]);
                    }
                }
                for (group, sums) in (first..groups).zip(&sums) {
                    self.isa.vectorize(FinishTiles {
                        sums,
                        cells: &self.cells[tiles_of(group)],
                        outputs: outputs.clone(),
                        epilogue: self.convolution.epilogue,
                        target: self.target,
                    });
                }
            }
        }
    }

    /// The products of one place of a group with one panel.
    fn multiply(
        &self,
        place: usize,
        panel: usize,
        group: usize,
        tiles: Range<usize>,
        sums: &mut Sums,
    ) {
        let panels = self.convolution.weight.panels_of_place(place);
        let rows_of = |panel| panels.slice(panel, 0..panels.words());
        let next = rows_of((panel + 1) % panels.count());
        let operands = Operands {
            lhs: &self.values[self.places.start(place, tiles.start)..],
            stride: self.places.width(),
            rows: tiles.len(),
            panel: rows_of(panel),
            ahead: match group {
                0 => &next[..next.len() / 2],
                1 => &next[next.len() / 2..],
                _ => &[],
            },
        };
        micro_kernel(self.isa, panels.precision, operands, sums);
    }

    /// Asks for a sixteenth of the cells that some tiles will be brought to.
    fn ask_for_cells(&self, tiles: Range<usize>, place: usize, outputs: Range<usize>) {
        let cells = self.cells[tiles].as_flattened();
        for &cell in cells.iter().skip(place).step_by(PLACES).flatten() {
            self.target.prefetch(cell, outputs.clone());
        }
    }
}
