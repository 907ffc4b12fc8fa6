//! One thread's rectangle of a product: rows by panels, input block after input block.
//!
//! Order of every sum: blocks of 256 inputs, each one chain from zero; the blocks are added in
//! order to what is there (nothing, or the residual), then the bias. It depends on the number of
//! inputs alone.

use super::left::Left;
use super::panels::{PANEL_WIDTH, PanelRow, Panels};
use super::target::Target;
use super::tile::{LEFT_STRIDE, MAX_DEPTH, MAX_HEIGHT, Sums, height, tile};
use crate::Activation;
use crate::cpu::activation::activate;
use crate::cpu::isa::{Isa, Vectorize};
use std::cell::RefCell;
use std::ops::Range;

/// Rows of one rectangle: their buffer, 96 · 272 · 4 bytes = 104 kB, shares the second-level cache
/// with a block of a panel. Eight tiles read each panel before the next one comes.
pub(in crate::cpu) const MAX_ROWS: usize = 96;

/// What happens to the sums when the last input is in: `activation(sum + bias)`.
#[derive(Clone, Copy)]
pub(in crate::cpu) struct Finish<'a> {
    /// For all outputs of the panels.
    pub(in crate::cpu) bias: Option<&'a [f32]>,
    pub(in crate::cpu) activation: Activation,
    /// Whether the sums start from what the target holds instead of zero.
    pub(in crate::cpu) accumulate: bool,
}

impl Finish<'_> {
    /// The bare product.
    pub(in crate::cpu) const NONE: Self =
        Finish { bias: None, activation: Activation::None, accumulate: false };
}

/// A rectangle of a product and where it goes.
#[derive(Clone)]
pub(in crate::cpu) struct Block<'a> {
    pub(in crate::cpu) left: Left<'a>,
    /// At most [`MAX_ROWS`] rows of the left side.
    pub(in crate::cpu) rows: Range<usize>,
    pub(in crate::cpu) panels: Panels<'a>,
    pub(in crate::cpu) panel_range: Range<usize>,
    pub(in crate::cpu) target: Target<'a>,
    /// Row of the target that the first of `rows` goes to.
    pub(in crate::cpu) target_row: usize,
    /// Column of the target that output 0 goes to.
    pub(in crate::cpu) target_column: usize,
    pub(in crate::cpu) finish: Finish<'a>,
}

thread_local! {
    /// The left rows of the block this thread is working on.
    static LEFT: RefCell<Vec<f32>> = const { RefCell::new(Vec::new()) };
}

impl Block<'_> {
    /// Computes the rectangle.
    ///
    /// # Safety
    /// Nobody else may use the target's columns `target_column + 32 · panel_range` (as far as
    /// there are outputs) of the rows from `target_row` meanwhile.
    pub(in crate::cpu) unsafe fn compute(&self, isa: Isa) {
        assert!(self.rows.len() <= MAX_ROWS, "{} rows in a block", self.rows.len());
        LEFT.with_borrow_mut(|left| {
            left.resize(MAX_ROWS * LEFT_STRIDE, 0.0);
            let inputs = self.panels.inputs;
            // A product over no inputs still has a bias.
            for block in 0..inputs.div_ceil(MAX_DEPTH).max(1) {
                let depth = block * MAX_DEPTH..inputs.min((block + 1) * MAX_DEPTH);
                for (row, out) in self.rows.clone().zip(left.chunks_exact_mut(LEFT_STRIDE)) {
                    self.left.copy(row, depth.clone(), &mut out[..depth.len()]);
                }
                // SAFETY: the caller's promise, passed on.
                unsafe { self.add_inputs(isa, left, depth) };
            }
        });
    }

    /// Adds the products of some inputs to the target.
    ///
    /// # Safety
    /// That of [`Block::compute`].
    unsafe fn add_inputs(&self, isa: Isa, left: &[f32], inputs: Range<usize>) {
        let tiles = self.rows.len().div_ceil(height(isa)).max(1);
        let mut sums: Sums = [PanelRow::ZERO; MAX_HEIGHT];
        for panel in self.panel_range.clone() {
            let panel_rows = self.panels.slice(panel, inputs.clone());
            let outputs = panel * PANEL_WIDTH..self.panels.outputs.min((panel + 1) * PANEL_WIDTH);
            for index in 0..tiles {
                // Tiles of about the same height: 50 rows are 5 tiles of 10, not 4 of 12 and one of 2.
                let rows = index * self.rows.len() / tiles..(index + 1) * self.rows.len() / tiles;
                if rows.is_empty() {
                    continue;
                }
                tile(isa, &left[rows.start * LEFT_STRIDE..], rows.len(), panel_rows, &mut sums);
                isa.vectorize(FinishTile {
                    sums: &mut sums,
                    rows: self.target_row + rows.start..self.target_row + rows.end,
                    outputs: outputs.clone(),
                    is_first: inputs.start == 0,
                    is_last: inputs.end == self.panels.inputs,
                    block: self,
                });
            }
        }
    }
}

/// Brings the sums of a tile home.
struct FinishTile<'a, 'b> {
    sums: &'a mut Sums,
    rows: Range<usize>,
    outputs: Range<usize>,
    is_first: bool,
    is_last: bool,
    block: &'a Block<'b>,
}

impl Vectorize for FinishTile<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Block { target, target_column, finish, .. } = self.block;
        let columns = target_column + self.outputs.start..target_column + self.outputs.end;
        for (PanelRow(sums), row) in self.sums.iter_mut().zip(self.rows) {
            // SAFETY: within the rectangle that the caller of `Block::compute` has for itself.
            let out = unsafe { target.part(row, columns.clone()) };
            if finish.accumulate || !self.is_first {
                add(sums, out);
            }
            if self.is_last {
                if let Some(bias) = finish.bias {
                    add(sums, &bias[self.outputs.clone()]);
                }
                activate(sums, finish.activation);
            }
            match <&mut [f32; PANEL_WIDTH]>::try_from(&mut *out) {
                Ok(whole) => *whole = *sums,
                Err(_) => out.copy_from_slice(&sums[..out.len()]),
            }
        }
    }
}

#[inline(always)]
fn add(sums: &mut [f32; PANEL_WIDTH], values: &[f32]) {
    match <&[f32; PANEL_WIDTH]>::try_from(values) {
        Ok(whole) => (0..PANEL_WIDTH).for_each(|column| sums[column] += whole[column]),
        Err(_) => sums.iter_mut().zip(values).for_each(|(sum, value)| *sum += value),
    }
}
