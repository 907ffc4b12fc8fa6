//! Features of images as they lie in memory or in a mapped file.

use rayon::prelude::*;

/// Rows summed up by one task: the order of a sum does not depend on the number of threads.
const PART: usize = 1024;

/// Features `[rows, width]`, row by row. A view: the values may belong to a mapped file.
#[derive(Debug, Clone, Copy)]
pub struct Features<'a> {
    data: &'a [f32],
    width: usize,
}

impl<'a> Features<'a> {
    /// Takes `data` as `[data.len() / width, width]`.
    ///
    /// # Panics
    /// When the width is zero or does not divide the number of values.
    pub fn new(data: &'a [f32], width: usize) -> Self {
        assert!(width > 0, "features need at least one column");
        assert!(data.len().is_multiple_of(width), "{} values are no rows of {width}", data.len());
        Self { data, width }
    }

    /// Number of images.
    pub fn rows(&self) -> usize {
        self.data.len() / self.width
    }

    /// Values of one image.
    pub fn width(&self) -> usize {
        self.width
    }

    /// One image's features, `[width]`.
    pub fn row(&self, row: usize) -> &'a [f32] {
        &self.data[row * self.width..(row + 1) * self.width]
    }

    /// Mean of the rows of these indices, `[width]`, and the mean square of their distances from it;
    /// zeros where there are none.
    pub(super) fn centre_and_spread(&self, indices: &[usize]) -> (Vec<f32>, f64) {
        let parts: Vec<_> = indices.par_chunks(PART).map(|rows| self.sums(rows)).collect();
        let count = indices.len().max(1) as f64;
        let mean = |of: fn(&(f64, f64)) -> f64, column: usize| {
            parts.iter().map(|sums| of(&sums[column])).sum::<f64>() / count
        };
        let centre = (0..self.width).map(|column| mean(|sums| sums.0, column));
        let squares = (0..self.width).map(|column| mean(|sums| sums.1, column));
        let spread = squares.zip(centre.clone()).map(|(squares, centre)| squares - centre * centre);
        (centre.map(|value| value as f32).collect(), spread.sum::<f64>().max(0.0))
    }

    /// Of the values of these rows and of their squares, `[width]`.
    fn sums(&self, indices: &[usize]) -> Vec<(f64, f64)> {
        let mut sums = vec![(0.0, 0.0); self.width];
        for &row in indices {
            for ((sum, squares), &value) in sums.iter_mut().zip(self.row(row)) {
                let value = f64::from(value);
                *sum += value;
                *squares += value * value;
            }
        }
        sums
    }

    /// The rows of these indices, in this order, `[indices, width]`.
    pub(super) fn gather(&self, indices: &[usize]) -> Vec<f32> {
        let mut rows = Vec::with_capacity(indices.len() * self.width);
        indices.iter().for_each(|&index| rows.extend_from_slice(self.row(index)));
        rows
    }
}
