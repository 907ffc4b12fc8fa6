//! Forward, a block of tiles at a time: their places stay in the second-level cache.

use super::tiles::{PLACES, Tiles, load_cells, load_columns, store_columns, transform_cells};
use crate::cpu::activation::{Activate, Gelu, Identity, QuickGelu, Relu};
use crate::cpu::gemm::{Lhs, MC, MacroKernel, PackedWeight, TileEpilogue};
use crate::cpu::isa::{Isa, Vectorize};
use crate::cpu::lanes::{LANES, Lanes};
use crate::cpu::target::Target;
use crate::cpu::thread_team;
use crate::{Activation, MapShape, Matrix};
use std::cell::RefCell;
use std::ops::Range;

/// What happens to the sums: the residual, where there is one, stands in `out` already.
#[derive(Clone, Copy)]
pub(in crate::cpu) struct Convolution<'a> {
    pub(in crate::cpu) maps: &'a Matrix,
    pub(in crate::cpu) shape: MapShape,
    pub(in crate::cpu) weight: &'a PackedWeight,
    pub(in crate::cpu) epilogue: TileEpilogue<'a>,
}

thread_local! {
    /// `V` and `M` of the tiles this thread is working on.
    static SCRATCH: RefCell<(Vec<f32>, Vec<f32>)> = RefCell::default();
}

impl Convolution<'_> {
    /// - `out`: `[items · cells, outputs]`
    pub(in crate::cpu) fn compute(&self, isa: Isa, items: usize, out: &mut [f32]) {
        let (outputs, tiles) = (self.weight.outputs(), items * self.all_tiles().of_map());
        if tiles == 0 || outputs == 0 {
            return;
        }
        assert_eq!(out.len(), items * self.shape.cells() * outputs, "values of a convolution");
        let target = Target::new(out, outputs);
        let tasks = tiles.div_ceil(MC).next_multiple_of(thread_team::size()).min(tiles);
        thread_team::for_each(tasks, |task| {
            let tiles = task * tiles / tasks..(task + 1) * tiles / tasks;
            // SAFETY: a tile's cells are its own, and each tile is one task's.
            unsafe { self.compute_tiles(isa, tiles, target) };
        });
    }

    /// # Safety
    /// Nobody else may use the cells of these tiles in the target meanwhile.
    unsafe fn compute_tiles(&self, isa: Isa, tiles: Range<usize>, target: Target<'_>) {
        let (inputs, sums) =
            (Places::new(tiles.len(), self.maps.width()), self.places_of_sums(tiles.len()));
        SCRATCH.with_borrow_mut(|(input_values, sum_values)| {
            grow(input_values, inputs.values());
            grow(sum_values, sums.values());
            isa.vectorize(TransformMaps {
                convolution: self,
                tiles: tiles.clone(),
                places: inputs,
                out: input_values,
            });
            for place in 0..PLACES {
                let panels = self.weight.panels_of_place(place);
                let block = MacroKernel {
                    lhs: Lhs::Rows {
                        values: &input_values[place * inputs.stride..],
                        stride: inputs.width,
                        column: 0,
                    },
                    rows: 0..tiles.len(),
                    panels,
                    panel_range: 0..panels.count(),
                    target: Target::new(&mut sum_values[place * sums.stride..], sums.width),
                    target_row: 0,
                    target_column: 0,
                    epilogue: TileEpilogue::NONE,
                };
                // SAFETY: the sums are this thread's.
                unsafe { block.compute(isa) };
            }
            isa.vectorize(TransformSums {
                convolution: self,
                tiles,
                places: sums,
                sums: sum_values,
                target,
            });
        });
    }

    fn places_of_sums(&self, tiles: usize) -> Places {
        Places::new(tiles, self.weight.outputs())
    }

    fn all_tiles(&self) -> Tiles {
        Tiles { shape: self.shape }
    }
}

/// A matrix `[tiles, width]` for each place, `stride` values apart.
#[derive(Clone, Copy)]
struct Places {
    tiles: usize,
    /// Whole vectors.
    width: usize,
    stride: usize,
}

impl Places {
    /// Neither rows nor places begin at the same line of the first-level cache.
    fn new(tiles: usize, width: usize) -> Self {
        let lines = width.div_ceil(LANES);
        let width = LANES * if lines.is_multiple_of(32) { lines + 1 } else { lines };
        let lines = tiles * width / LANES;
        Self { tiles, width, stride: LANES * (lines + 1) }
    }

    fn values(&self) -> usize {
        PLACES * self.stride
    }

    fn at(&self, place: usize, tile: usize) -> Range<usize> {
        debug_assert!(tile < self.tiles);
        let start = place * self.stride + tile * self.width;
        start..start + self.width
    }
}

fn grow(values: &mut Vec<f32>, length: usize) {
    if values.len() < length {
        values.resize(length, 0.0);
    }
}

/// `V = Bᵀ·d·B` of some tiles.
struct TransformMaps<'a> {
    convolution: &'a Convolution<'a>,
    tiles: Range<usize>,
    places: Places,
    out: &'a mut [f32],
}

impl Vectorize for TransformMaps<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self) {
        let Self { convolution, tiles, places, out } = self;
        let maps = convolution.maps;
        let zeros = vec![0.0; maps.width()];
        for (index, tile) in tiles.enumerate() {
            let cells = convolution.all_tiles().covered(maps, tile, &zeros);
            for first in (0..maps.width()).step_by(LANES) {
                let start = places.at(0, index).start + first;
                let values = transform_cells(load_cells::<L, PLACES>(cells, first));
                for (place, value) in values.into_iter().enumerate() {
                    let start = start + place * places.stride;
                    value.store(&mut out[start..start + LANES].as_chunks_mut().0[0]);
                }
            }
        }
    }
}

/// `Aᵀ·M·A` of some tiles, finished and brought to their cells.
struct TransformSums<'a> {
    convolution: &'a Convolution<'a>,
    tiles: Range<usize>,
    places: Places,
    sums: &'a [f32],
    target: Target<'a>,
}

impl Vectorize for TransformSums<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self) {
        match self.convolution.epilogue.activation {
            Activation::None => self.activated::<L, Identity>(),
            Activation::QuickGelu => self.activated::<L, QuickGelu>(),
            Activation::Gelu => self.activated::<L, Gelu>(),
            Activation::Relu => self.activated::<L, Relu>(),
        }
    }
}

impl TransformSums<'_> {
    #[inline(always)]
    fn activated<L: Lanes, A: Activate>(self) {
        let Self {
            convolution: &Convolution { weight, epilogue, .. },
            tiles,
            places,
            sums,
            target,
        } = self;
        let outputs = weight.outputs();
        for (index, tile) in tiles.enumerate() {
            let rows = self.convolution.all_tiles().rows(tile);
            let start = places.at(0, index).start;
            for column in (0..outputs).step_by(LANES) {
                let columns = column..outputs.min(column + LANES);
                let values = transformed_sums::<L>(sums, start + column, places.stride);
                let bias = match epilogue.bias {
                    Some(bias) => load_columns::<L>(&bias[columns.clone()]),
                    None => L::splat(0.0),
                };
                for (row, mut value) in rows.into_iter().zip(values) {
                    let Some(row) = row else { continue };
                    // SAFETY: a cell of one of the tiles that the caller of `compute_tiles` has.
                    let out = unsafe { target.part(row, columns.clone()) };
                    if epilogue.accumulate {
                        value = value.add(load_columns(out));
                    }
                    store_columns(A::of(value.add(bias)), out);
                }
            }
        }
    }
}

#[inline(always)]
fn transformed_sums<L: Lanes>(sums: &[f32], start: usize, stride: usize) -> [L; 4] {
    let mut columns = [[L::splat(0.0); 2]; 4];
    for (x, out) in columns.iter_mut().enumerate() {
        let mut column = [L::splat(0.0); 4];
        for (y, value) in column.iter_mut().enumerate() {
            let start = start + (4 * y + x) * stride;
            *value = L::load(&sums[start..start + LANES].as_chunks().0[0]);
        }
        *out = times_a(column);
    }
    let [a, b, c, d] = columns;
    let [top_left, top_right] = times_a([a[0], b[0], c[0], d[0]]);
    let [bottom_left, bottom_right] = times_a([a[1], b[1], c[1], d[1]]);
    [top_left, top_right, bottom_left, bottom_right]
}

/// `Aᵀ` times a column.
#[inline(always)]
fn times_a<L: Lanes>([a, b, c, d]: [L; 4]) -> [L; 2] {
    [a.add(b).add(c), b.sub(c).sub(d)]
}
