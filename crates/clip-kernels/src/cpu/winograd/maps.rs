//! `V = Bᵀ·d·B` of some tiles, in the words that the products read.

use super::tiles::{PLACES, Tiles, load_cells, transform_cells};
use crate::cpu::isa::Vectorize;
use crate::cpu::lanes::{LANES, Lanes};
use crate::{Matrix, Precision};
use std::ops::Range;

/// Words of tiles, `[tiles, width]` for each place, `stride` words apart.
#[derive(Clone, Copy)]
pub(super) struct Places {
    /// Whole vectors.
    width: usize,
    stride: usize,
}

impl Places {
    /// Neither rows nor places begin at the same line of the first-level cache.
    pub(super) fn new(tiles: usize, words: usize) -> Self {
        let lines = words.div_ceil(LANES);
        let width = LANES * if lines.is_multiple_of(32) { lines + 1 } else { lines };
        let lines = tiles * width / LANES;
        Self { width, stride: LANES * (lines + 1) }
    }

    /// Words from one tile to the next.
    pub(super) fn width(&self) -> usize {
        self.width
    }

    /// Words of all places.
    pub(super) fn words(&self) -> usize {
        PLACES * self.stride
    }

    /// Where a tile begins.
    #[inline(always)]
    pub(super) fn start(&self, place: usize, tile: usize) -> usize {
        place * self.stride + tile * self.width
    }
}

/// The transform, sixteen channels of a tile at a time.
pub(super) struct TransformMaps<'a> {
    pub(super) maps: &'a Matrix,
    pub(super) all_tiles: Tiles,
    pub(super) tiles: Range<usize>,
    /// f32 or bf16.
    pub(super) precision: Precision,
    pub(super) places: Places,
    /// Words behind the channels of a tile are lhs as they are.
    pub(super) out: &'a mut [u32],
}

impl Vectorize for TransformMaps<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(mut self) {
        let zeros = vec![0.0; self.maps.width()];
        for (index, tile) in self.tiles.clone().enumerate() {
            let cells = self.all_tiles.covered(self.maps, tile, &zeros);
            match self.precision {
                Precision::F32 => self.in_f32::<L>(index, &cells),
                _ => self.in_bf16::<L>(index, &cells),
            }
        }
    }
}

impl TransformMaps<'_> {
    #[inline(always)]
    fn in_f32<L: Lanes>(&mut self, index: usize, cells: &[&[f32]; PLACES]) {
        for first in (0..self.maps.width()).step_by(LANES) {
            let values = self.transformed::<L>(cells, first);
            for (place, value) in values.into_iter().enumerate() {
                let start = self.places.start(place, index) + first;
                let words = &mut self.out[start..].as_chunks_mut().0[0];
                value.store(bytemuck::cast_mut::<[u32; LANES], _>(words));
            }
        }
    }

    #[inline(always)]
    fn in_bf16<L: Lanes>(&mut self, index: usize, cells: &[&[f32]; PLACES]) {
        for first in (0..self.maps.width()).step_by(LANES) {
            let values = self.transformed::<L>(cells, first);
            for (place, value) in values.into_iter().enumerate() {
                let start = self.places.start(place, index) + first / 2;
                value.store_bf16(&mut self.out[start..].as_chunks_mut().0[0]);
            }
        }
    }

    /// Asks for the same channels of a tile further on as well, those cells that the tile before
    /// that does not cover.
    #[inline(always)]
    fn transformed<L: Lanes>(&self, cells: &[&[f32]; PLACES], first: usize) -> [L; PLACES] {
        /// Tiles between the two.
        const AHEAD: usize = 3;
        let ahead = first + 2 * AHEAD * self.maps.width();
        for row in cells.as_chunks::<4>().0 {
            prefetch(row[2].as_ptr().wrapping_add(ahead));
            prefetch(row[3].as_ptr().wrapping_add(ahead));
        }
        transform_cells(load_cells(cells, first))
    }
}

/// Asks for a cache line to be read soon.
#[inline(always)]
fn prefetch(value: *const f32) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: a prefetch may have any address.
    unsafe {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        _mm_prefetch::<_MM_HINT_T0>(value.cast());
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = value;
}
