//! One thread's rectangle of a product: rows by panels, depth block after depth block.
//!
//! Order of every sum: blocks of at most 1024 words of inputs, all about the same length, each one
//! chain from zero; the blocks are added in order to what is there (nothing, or the residual), then
//! the bias. It depends on the number of inputs alone. Sums of integers are exact in any order, and
//! int8 has one block.

use super::epilogue::{StoreTile, TileEpilogue};
use super::lhs::{Lhs, PackedLhs};
use super::micro_kernel::{MAX_MR, Operands, Sums, micro_kernel, mr};
use super::panels::{NR, PanelRow, Panels};
use super::part;
use crate::Precision;
use crate::cpu::isa::Isa;
use crate::cpu::target::Target;
use std::cell::RefCell;
use std::ops::Range;

/// Rows of one rectangle: their words, 96 · 1040 · 4 bytes = 400 kB, share the second-level cache
/// with a block of a panel (128 kB) and the next one.
pub(in crate::cpu) const MC: usize = 96;
/// Words of one block. 256 cost 5 % for the sums that are put away and taken up again.
pub(in crate::cpu) const KC: usize = 1024;

/// The macro-kernel: a rectangle of a product and where it goes.
#[derive(Clone)]
pub(in crate::cpu) struct MacroKernel<'a> {
    pub(in crate::cpu) lhs: Lhs<'a>,
    /// At most [`MC`] rows of the left side.
    pub(in crate::cpu) rows: Range<usize>,
    pub(in crate::cpu) panels: Panels<'a>,
    pub(in crate::cpu) panel_range: Range<usize>,
    pub(in crate::cpu) target: Target<'a>,
    /// Row of the target that the first of `rows` goes to.
    pub(in crate::cpu) target_row: usize,
    /// Column of the target that output 0 goes to.
    pub(in crate::cpu) target_column: usize,
    pub(in crate::cpu) epilogue: TileEpilogue<'a>,
}

thread_local! {
    /// The left rows of the block this thread is working on.
    static LHS: RefCell<PackedLhs> = RefCell::default();
}

impl MacroKernel<'_> {
    /// Computes the rectangle.
    ///
    /// # Safety
    /// Nobody else may use the target's columns `target_column + 32 · panel_range` (as far as
    /// there are outputs) of the rows from `target_row` meanwhile.
    pub(in crate::cpu) unsafe fn compute(&self, isa: Isa) {
        assert!(self.rows.len() <= MC, "{} rows in a block", self.rows.len());
        LHS.with_borrow_mut(|lhs| {
            let words = self.panels.words();
            // A product over no inputs still has a bias.
            let blocks = match self.panels.precision {
                Precision::Int8 => 1,
                _ => words.div_ceil(KC).max(1),
            };
            for block in 0..blocks {
                let depth = part(words, blocks, block);
                let next_depth = part(words, blocks, (block + 1) % blocks);
                lhs.fill(isa, &self.lhs, self.rows.clone(), &self.panels, depth.clone());
                // SAFETY: the caller's promise, passed on.
                unsafe { self.add_words(isa, lhs, depth, next_depth) };
            }
        });
    }

    /// Adds the products of some words of inputs to the target, and fetches the first of those that
    /// come next.
    ///
    /// # Safety
    /// That of [`MacroKernel::compute`].
    unsafe fn add_words(
        &self,
        isa: Isa,
        lhs: &PackedLhs,
        depth: Range<usize>,
        next_depth: Range<usize>,
    ) {
        let precision = self.panels.precision;
        let is_last = depth.end == self.panels.words();
        let epilogue = TileEpilogue {
            accumulate: self.epilogue.accumulate || depth.start > 0,
            ..if is_last { self.epilogue } else { TileEpilogue::NONE }
        };
        let tiles = self.rows.len().div_ceil(mr(isa, precision)).max(1);
        let mut sums: Sums = [PanelRow::ZERO; MAX_MR];
        for panel in self.panel_range.clone() {
            let panel_rows = self.panels.slice(panel, depth.clone());
            let next = match panel + 1 < self.panel_range.end {
                true => self.panels.slice(panel + 1, depth.clone()),
                false => self.panels.slice(self.panel_range.start, next_depth.clone()),
            };
            let outputs = panel * NR..self.panels.outputs.min((panel + 1) * NR);
            let target_columns =
                self.target_column + outputs.start..self.target_column + outputs.end;
            for index in 0..tiles {
                // Tiles of about the same height: 50 rows are 5 tiles of 10, not 4 of 12 and one of
                // 2.
                let rows = part(self.rows.len(), tiles, index);
                if rows.is_empty() {
                    continue;
                }
                let operands = Operands {
                    lhs: lhs.starting_at(rows.start),
                    stride: lhs.stride(),
                    rows: rows.len(),
                    panel: panel_rows,
                    ahead: &next[part(next.len(), tiles, index)],
                };
                let target_rows = self.target_row + rows.start..self.target_row + rows.end;
                micro_kernel(isa, precision, operands, &mut sums);
                isa.vectorize(StoreTile {
                    sums: &sums,
                    row_scales: lhs.scales(rows.clone()),
                    panel_scale: self.panels.scales.get(panel),
                    outputs: outputs.clone(),
                    epilogue,
                    target: self.target,
                    target_rows,
                    target_columns: target_columns.clone(),
                });
            }
        }
    }
}
