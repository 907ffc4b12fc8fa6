//! Convolutions of 3 × 3 cells, stride 1, one ring of zeros, in f32, by Winograd's algorithm
//! F(2 × 2, 3 × 3): 16 products for 4 outputs instead of 36.
//!
//! ```text
//! weight  g [3 × 3]  ──▶ U = G·g·Gᵀ   [4 × 4]   once, when it is packed, in f64
//! map     d [4 × 4]  ──▶ V = Bᵀ·d·B   [4 × 4]   of every second cell of every second row
//!                        M[p] = V[p] · U[p]ᵀ    for each of the 16 places p: [tiles, channels] times
//!                                               [channels, outputs], by the engine of all products
//! out     y [2 × 2]  ◀── Aᵀ·M·A, plus bias and residual, activation
//! ```
//!
//! `B` and `A` hold nothing but 0, 1 and −1, so what this costs in digits is two additions before a
//! product and two behind it (Lavin and Gray, Fast Algorithms for Convolutional Neural Networks,
//! 2015).
//!
//! Order of every sum: for each place the channels as in any product, then the places as written
//! below. It depends on the number of channels alone.

use super::activation::{Activate, Gelu, Identity, QuickGelu, Relu};
use super::gemm::{Lhs, MC, MacroKernel, PackedWeight, TileEpilogue};
use super::isa::{Isa, Vectorize};
use super::lanes::{LANES, Lanes, load_part};
use super::target::Target;
use super::thread_team;
use crate::{Activation, DeviceError, MapShape, Matrix, MatrixView, Precision, Result};
use bytemuck::allocation::try_zeroed_vec;
use std::cell::RefCell;
use std::ops::Range;

/// Places of a transformed tile.
pub(super) const PLACES: usize = 16;
/// Below this the transforms cost more than the products they save.
const MIN_CHANNELS: usize = 16;

/// Whether a convolution of this form is computed this way.
pub(super) fn pays(kernel: usize, stride: usize, channels: usize, precision: Precision) -> bool {
    (kernel, stride, precision) == (3, 1, Precision::F32) && channels >= MIN_CHANNELS
}

/// `G·g·Gᵀ` of every output and channel, packed place by place.
///
/// - `weight`: `[outputs, 9 · channels]`
pub(super) fn pack(isa: Isa, weight: MatrixView<'_>) -> Result<PackedWeight> {
    let (outputs, channels) = (weight.outputs(), weight.inputs() / 9);
    let stride = PackedWeight::whole_panels(outputs);
    let no_memory = |()| DeviceError::out_of_memory::<f32>("weights", PLACES * stride, channels);
    let mut transformed = try_zeroed_vec(PLACES * stride * channels).map_err(no_memory)?;
    for output in 0..outputs {
        for channel in 0..channels {
            let tap =
                |y: usize, x: usize| f64::from(weight.at(output, (3 * y + x) * channels + channel));
            let columns: [[f64; 4]; 3] =
                std::array::from_fn(|x| transform_taps([tap(0, x), tap(1, x), tap(2, x)]));
            for y in 0..4 {
                let row = transform_taps([columns[0][y], columns[1][y], columns[2][y]]);
                for (x, value) in row.into_iter().enumerate() {
                    transformed[((4 * y + x) * stride + output) * channels + channel] =
                        value as f32;
                }
            }
        }
    }
    let places = MatrixView::output_major(&transformed, PLACES * stride, channels);
    Ok(PackedWeight::pack(isa, places, Precision::F32)?.transformed(outputs, 9 * channels))
}

/// `G` times a column.
fn transform_taps([a, b, c]: [f64; 3]) -> [f64; 4] {
    [a, (a + b + c) / 2.0, (a - b + c) / 2.0, c]
}

/// What happens to the sums: the residual, where there is one, stands in `out` already.
#[derive(Clone, Copy)]
pub(super) struct Convolution<'a> {
    pub(super) maps: &'a Matrix,
    pub(super) shape: MapShape,
    pub(super) weight: &'a PackedWeight,
    pub(super) epilogue: TileEpilogue<'a>,
}

thread_local! {
    /// `V` and `M` of the tiles this thread is working on.
    static SCRATCH: RefCell<(Vec<f32>, Vec<f32>)> = RefCell::default();
}

impl Convolution<'_> {
    /// - `out`: `[items · cells, outputs]`
    pub(super) fn compute(&self, isa: Isa, items: usize, out: &mut [f32]) {
        let (outputs, tiles) = (self.weight.outputs(), items * self.tiles_of_map());
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

    fn tiles_of_map(&self) -> usize {
        self.shape.height.div_ceil(2) * self.shape.width.div_ceil(2)
    }

    /// The map a tile belongs to and its first cell there.
    fn origin(&self, tile: usize) -> (usize, usize, usize) {
        let (item, tile) = (tile / self.tiles_of_map(), tile % self.tiles_of_map());
        let across = self.shape.width.div_ceil(2);
        (item, tile / across * 2, tile % across * 2)
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
        let Self { convolution: &Convolution { maps, shape, .. }, tiles, places, out } = self;
        let zeros = vec![0.0; maps.width()];
        let whole = maps.width() / LANES;
        let mut cells: [&[f32]; PLACES] = [&zeros; PLACES];
        for (index, tile) in tiles.enumerate() {
            let (item, y, x) = self.convolution.origin(tile);
            for (place, cell) in cells.iter_mut().enumerate() {
                // The tile begins one cell above and left of its first output.
                let (y, x) = (y + place / 4, x + place % 4);
                let is_inside = y > 0 && x > 0 && y <= shape.height && x <= shape.width;
                *cell = match is_inside {
                    true => maps.row(item * shape.cells() + (y - 1) * shape.width + x - 1),
                    false => &zeros,
                };
            }
            let start = places.at(0, index).start;
            for chunk in 0..whole {
                let mut d = [L::splat(0.0); PLACES];
                for (d, cell) in d.iter_mut().zip(&cells) {
                    *d = L::load(&cell.as_chunks().0[chunk]);
                }
                store_transformed(d, out, start + chunk * LANES, places.stride);
            }
            if maps.width() > whole * LANES {
                let mut d = [L::splat(0.0); PLACES];
                for (d, cell) in d.iter_mut().zip(&cells) {
                    *d = load_part(&cell[whole * LANES..], 0.0);
                }
                store_transformed(d, out, start + whole * LANES, places.stride);
            }
        }
    }
}

#[inline(always)]
fn store_transformed<L: Lanes>(d: [L; PLACES], out: &mut [f32], start: usize, stride: usize) {
    let mut columns = [[L::splat(0.0); 4]; 4];
    for (x, column) in columns.iter_mut().enumerate() {
        *column = transform_cells([d[x], d[4 + x], d[8 + x], d[12 + x]]);
    }
    let [a, b, c, d] = columns;
    for (y, ((a, b), (c, d))) in a.into_iter().zip(b).zip(c.into_iter().zip(d)).enumerate() {
        for (x, value) in transform_cells([a, b, c, d]).into_iter().enumerate() {
            let start = start + (4 * y + x) * stride;
            value.store(&mut out[start..start + LANES].as_chunks_mut().0[0]);
        }
    }
}

/// `Bᵀ` times a column.
#[inline(always)]
fn transform_cells<L: Lanes>([a, b, c, d]: [L; 4]) -> [L; 4] {
    [a.sub(c), b.add(c), c.sub(b), b.sub(d)]
}

/// `Aᵀ` times a column.
#[inline(always)]
fn transform_sums<L: Lanes>([a, b, c, d]: [L; 4]) -> [L; 2] {
    [a.add(b).add(c), b.sub(c).sub(d)]
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
            convolution: &Convolution { shape, weight, epilogue, .. },
            tiles,
            places,
            sums,
            target,
        } = self;
        let outputs = weight.outputs();
        for (index, tile) in tiles.enumerate() {
            let (item, y, x) = self.convolution.origin(tile);
            let start = places.at(0, index).start;
            for column in (0..outputs).step_by(LANES) {
                let columns = column..outputs.min(column + LANES);
                let values = transformed_sums::<L>(sums, start + column, places.stride);
                let bias = match epilogue.bias {
                    Some(bias) => load_columns::<L>(&bias[columns.clone()]),
                    None => L::splat(0.0),
                };
                for (place, mut value) in values.into_iter().enumerate() {
                    let (y, x) = (y + place / 2, x + place % 2);
                    if y >= shape.height || x >= shape.width {
                        continue;
                    }
                    let row = item * shape.cells() + y * shape.width + x;
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
        *out = transform_sums(column);
    }
    let [a, b, c, d] = columns;
    let [top_left, top_right] = transform_sums([a[0], b[0], c[0], d[0]]);
    let [bottom_left, bottom_right] = transform_sums([a[1], b[1], c[1], d[1]]);
    [top_left, top_right, bottom_left, bottom_right]
}

/// Up to sixteen values.
#[inline(always)]
fn load_columns<L: Lanes>(values: &[f32]) -> L {
    match values.as_array() {
        Some(values) => L::load(values),
        None => load_part(values, 0.0),
    }
}

/// As many of the lanes as there are values.
#[inline(always)]
fn store_columns<L: Lanes>(lanes: L, values: &mut [f32]) {
    if let Ok(values) = values.try_into() {
        lanes.store(values);
        return;
    }
    let mut whole = [0.0; LANES];
    lanes.store(&mut whole);
    values.copy_from_slice(&whole[..values.len()]);
}
