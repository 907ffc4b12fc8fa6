//! Maps as tiles of 2 × 2 output cells, each with the 4 × 4 cells that the kernel covers there.

use crate::cpu::lanes::{LANES, Lanes, load_part};
use crate::{MapShape, Matrix};

/// Places of a transformed tile.
pub(super) const PLACES: usize = 16;

/// The tiles of maps of one shape, item after item.
#[derive(Clone, Copy)]
pub(super) struct Tiles {
    pub(super) shape: MapShape,
}

impl Tiles {
    pub(super) fn of_map(&self) -> usize {
        self.shape.height.div_ceil(2) * self.shape.width.div_ceil(2)
    }

    /// The map a tile belongs to and its first cell there.
    pub(super) fn origin(&self, tile: usize) -> (usize, usize, usize) {
        let (item, tile) = (tile / self.of_map(), tile % self.of_map());
        let across = self.shape.width.div_ceil(2);
        (item, tile / across * 2, tile % across * 2)
    }

    /// Where the output cells of a tile stand, row by row; none where the map ends before.
    #[inline(always)]
    pub(super) fn rows(&self, tile: usize) -> [Option<usize>; 4] {
        let (item, y, x) = self.origin(tile);
        let first = item * self.shape.cells();
        std::array::from_fn(|place| {
            let (y, x) = (y + place / 2, x + place % 2);
            let is_inside = y < self.shape.height && x < self.shape.width;
            is_inside.then_some(first + y * self.shape.width + x)
        })
    }

    /// The cells that the kernel covers, row by row; they begin one cell above and left of the
    /// tile's first output. `zeros` stand for those outside of the map.
    #[inline(always)]
    pub(super) fn covered<'a>(
        &self,
        maps: &'a Matrix,
        tile: usize,
        zeros: &'a [f32],
    ) -> [&'a [f32]; PLACES] {
        let MapShape { height, width } = self.shape;
        let (item, top, left) = self.origin(tile);
        let mut cells = [zeros; PLACES];
        for (y, row) in cells.as_chunks_mut::<4>().0.iter_mut().enumerate() {
            if !(1..=height).contains(&(top + y)) {
                continue;
            }
            let first = (item * height + top + y - 1) * width;
            for (x, cell) in row.iter_mut().enumerate() {
                if (1..=width).contains(&(left + x)) {
                    *cell = maps.row(first + left + x - 1);
                }
            }
        }
        cells
    }
}

/// `V = Bᵀ·d·B`.
#[inline(always)]
pub(super) fn transform_cells<L: Lanes>(d: [L; PLACES]) -> [L; PLACES] {
    let mut columns = [[L::splat(0.0); 4]; 4];
    for (x, column) in columns.iter_mut().enumerate() {
        *column = times_b([d[x], d[4 + x], d[8 + x], d[12 + x]]);
    }
    let [a, b, c, d] = columns;
    let mut out = [L::splat(0.0); PLACES];
    for (y, out) in out.as_chunks_mut::<4>().0.iter_mut().enumerate() {
        *out = times_b([a[y], b[y], c[y], d[y]]);
    }
    out
}

/// `Bᵀ` times a column.
#[inline(always)]
fn times_b<L: Lanes>([a, b, c, d]: [L; 4]) -> [L; 4] {
    [a.sub(c), b.add(c), c.sub(b), b.sub(d)]
}

/// Some of the columns of a row: up to sixteen, zeros behind them.
#[inline(always)]
pub(super) fn load_columns<L: Lanes>(values: &[f32]) -> L {
    match values.as_array() {
        Some(values) => L::load(values),
        None => load_part(values, 0.0),
    }
}

/// As many of the lanes as there are values.
#[inline(always)]
pub(super) fn store_columns<L: Lanes>(lanes: L, values: &mut [f32]) {
    if let Ok(values) = values.try_into() {
        lanes.store(values);
        return;
    }
    let mut whole = [0.0; LANES];
    lanes.store(&mut whole);
    values.copy_from_slice(&whole[..values.len()]);
}

/// The columns from one on, at most sixteen.
#[inline(always)]
pub(super) fn sixteen(values: &[f32], first: usize) -> &[f32] {
    &values[first..values.len().min(first + LANES)]
}

/// Sixteen columns of the cells that a tile covers.
#[inline(always)]
pub(super) fn load_cells<L: Lanes>(cells: &[&[f32]; PLACES], first: usize) -> [L; PLACES] {
    let mut lanes = [L::splat(0.0); PLACES];
    if first + LANES > cells[0].len() {
        for (lanes, cell) in lanes.iter_mut().zip(cells) {
            *lanes = load_columns(sixteen(cell, first));
        }
        return lanes;
    }
    for (lanes, cell) in lanes.iter_mut().zip(cells) {
        *lanes = L::load(&cell[first..].as_chunks().0[0]);
    }
    lanes
}
