//! Both passes over one channel of 16 bits or more, in f64.

use super::axis::{Axes, Axis};
use super::filter::{Filter, Interpolation};
use super::window::Window;

/// `[rows, columns]` of the window; values are stored, and so rounded, after each pass.
pub(super) fn run<T: Copy>(
    values: Vec<T>,
    source: (u64, u64),
    window: &Window,
    interpolation: Interpolation,
    load: fn(T) -> f64,
    store: fn(f64) -> T,
) -> Vec<T> {
    let filter = Filter::of(interpolation);
    let Axes { x, y, vertical_first } = Axes::new(source, window);
    let passes = Passes { load, store, filter };
    if vertical_first {
        return passes.horizontal(&passes.vertical(&values, x.input as usize, 0, &y), &x);
    }
    let rows = y.needed(&passes.filter);
    let width = x.input as usize;
    let narrow = passes.horizontal(&values[rows.start * width..rows.end * width], &x);
    if y.changes() { passes.vertical(&narrow, x.len(), rows.start, &y) } else { narrow }
}

struct Passes<T> {
    load: fn(T) -> f64,
    store: fn(f64) -> T,
    filter: Filter,
}

impl<T: Copy> Passes<T> {
    fn horizontal(&self, values: &[T], x: &Axis) -> Vec<T> {
        let rows = values.chunks_exact(x.input as usize);
        if !x.changes() {
            return rows.flat_map(|row| &row[x.kept()]).copied().collect();
        }
        let mut out = vec![(self.store)(0.0); rows.len() * x.len()];
        for (first_column, weights) in x.parts(&self.filter) {
            for (row, out) in rows.clone().zip(out.chunks_exact_mut(x.len())) {
                for (out, (first, weights)) in out[first_column..].iter_mut().zip(weights.iter()) {
                    *out = self.sum(weights, row[first..].iter());
                }
            }
        }
        out
    }

    fn vertical(&self, values: &[T], width: usize, first_row: usize, y: &Axis) -> Vec<T> {
        let mut out = Vec::with_capacity(y.len() * width);
        for (_, weights) in y.parts(&self.filter) {
            for (first, weights) in weights.iter() {
                let rows = &values[(first - first_row) * width..];
                out.extend(
                    (0..width)
                        .map(|column| self.sum(weights, rows[column..].iter().step_by(width))),
                );
            }
        }
        out
    }

    /// From the first weight to the last: another order gives other last bits.
    fn sum<'a>(&self, weights: &[f64], values: impl Iterator<Item = &'a T>) -> T
    where
        T: 'a,
    {
        let products =
            weights.iter().zip(values).map(|(weight, value)| (self.load)(*value) * weight);
        (self.store)(products.fold(0.0, |sum, product| sum + product))
    }
}
