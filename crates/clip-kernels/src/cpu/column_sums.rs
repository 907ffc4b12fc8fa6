//! Sums over rows, column by column: gradients of biases, gains and tables.
//!
//! Order of every sum: blocks of 64 rows, each in f32 from its first row to its last, then the
//! blocks in f64. It depends on the number of rows alone.

use super::isa::{Isa, Vectorize};
use super::lanes::Lanes;
use super::target::for_each_chunk;
use crate::{Matrix, Result};

/// Rows of a block.
pub(super) const ROWS: usize = 64;

/// Memory for the sums of every block of so many rows.
pub(super) fn block_sums(rows: usize, width: usize) -> Result<Matrix> {
    Matrix::unwritten(rows.div_ceil(ROWS), width)
}

/// The sums of all blocks in f64.
pub(super) fn join(blocks: &Matrix) -> Vec<f64> {
    let mut sums = vec![0.0; blocks.width()];
    for block in 0..blocks.rows() {
        for (sum, &value) in sums.iter_mut().zip(blocks.row(block)) {
            *sum += f64::from(value);
        }
    }
    sums
}

/// Adds sums to a gradient and rounds once.
pub(super) fn add_to(gradient: &mut [f32], sums: &[f64]) {
    assert_eq!(gradient.len(), sums.len(), "columns of a gradient");
    for (value, sum) in gradient.iter_mut().zip(sums) {
        *value = (f64::from(*value) + sum) as f32;
    }
}

/// Adds the sum of the rows of `x` to a gradient `[width]`.
pub(super) fn add_column_sums(isa: Isa, x: &Matrix, gradient: &mut [f32]) -> Result<()> {
    let width = x.width();
    let mut blocks = block_sums(x.rows(), width)?;
    for_each_chunk(blocks.values_mut(), width, |block, sums| {
        let rows =
            &x.values()[block * ROWS * width..x.values().len().min((block + 1) * ROWS * width)];
        sums.fill(0.0);
        isa.vectorize(AddRows { rows, sums });
    });
    add_to(gradient, &join(&blocks));
    Ok(())
}

/// Adds rows to their sums.
struct AddRows<'a> {
    rows: &'a [f32],
    sums: &'a mut [f32],
}

impl Vectorize for AddRows<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self) {
        for row in self.rows.chunks_exact(self.sums.len()) {
            for (sum, value) in self.sums.iter_mut().zip(row) {
                *sum += value;
            }
        }
    }
}
