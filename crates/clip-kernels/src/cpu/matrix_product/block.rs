//! One thread's rectangle of a product: rows by panels, depth block after depth block.
//!
//! Order of every sum: blocks of at most 1024 words of inputs, all about the same length, each one
//! chain from zero; the blocks are added in order to what is there (nothing, or the residual), then
//! the bias. It depends on the number of inputs alone. Sums of integers are exact in any order, and
//! int8 has one block.

use super::left::{Left, LeftWords};
use super::panels::{PANEL_WIDTH, PanelRow, PanelVector, Panels};
use super::tile::{MAX_HEIGHT, Operands, Sums, height, tile};
use super::words::RowScale;
use crate::cpu::activation::{Activate, Gelu, Identity, QuickGelu, Relu};
use crate::cpu::isa::{Isa, Vectorize};
use crate::cpu::lanes::{LANES, Lanes};
use crate::cpu::target::Target;
use crate::{Activation, Precision};
use std::cell::RefCell;
use std::ops::Range;

/// Rows of one rectangle: their words, 96 · 1040 · 4 bytes = 400 kB, share the second-level cache
/// with a block of a panel (128 kB) and the next one. Eight tiles read each panel before that comes.
pub(in crate::cpu) const MAX_ROWS: usize = 96;
/// Words of one block. 256 cost 5 % for the sums that are put away and taken up again.
const MAX_DEPTH: usize = 1024;

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
    static LEFT: RefCell<LeftWords> = RefCell::default();
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
            let words = self.panels.words();
            // A product over no inputs still has a bias.
            let blocks = match self.panels.precision {
                Precision::Int8 => 1,
                _ => words.div_ceil(MAX_DEPTH).max(1),
            };
            for block in 0..blocks {
                let depth = block * words / blocks..(block + 1) * words / blocks;
                left.fill(isa, &self.left, self.rows.clone(), &self.panels, depth.clone());
                // SAFETY: the caller's promise, passed on.
                unsafe { self.add_words(isa, left, depth) };
            }
        });
    }

    /// Adds the products of some words of inputs to the target.
    ///
    /// # Safety
    /// That of [`Block::compute`].
    unsafe fn add_words(&self, isa: Isa, left: &LeftWords, depth: Range<usize>) {
        let Panels { outputs, precision, .. } = self.panels;
        let tiles = self.rows.len().div_ceil(height(isa, precision)).max(1);
        let mut sums: Sums = [PanelRow::ZERO; MAX_HEIGHT];
        for panel in self.panel_range.clone() {
            let panel_rows = self.panels.slice(panel, depth.clone());
            let next = match panel + 1 < self.panel_range.end {
                true => self.panels.slice(panel + 1, depth.clone()),
                false => panel_rows,
            };
            for index in 0..tiles {
                // Tiles of about the same height: 50 rows are 5 tiles of 10, not 4 of 12 and one of 2.
                let rows = index * self.rows.len() / tiles..(index + 1) * self.rows.len() / tiles;
                if rows.is_empty() {
                    continue;
                }
                let ahead = match index {
                    0 => next,
                    1 => &next[next.len() / 2..],
                    _ => panel_rows,
                };
                let operands = Operands {
                    left: left.starting_at(rows.start),
                    stride: left.stride(),
                    rows: rows.len(),
                    panel: panel_rows,
                    ahead,
                };
                let target_rows = self.target_row + rows.start..self.target_row + rows.end;
                let outputs = panel * PANEL_WIDTH..outputs.min((panel + 1) * PANEL_WIDTH);
                for row in target_rows.clone() {
                    let columns =
                        self.target_column + outputs.start..self.target_column + outputs.end;
                    self.target.prefetch(row, columns);
                }
                tile(isa, precision, operands, &mut sums);
                isa.vectorize(FinishTile {
                    sums: &sums,
                    row_scales: left.scales(rows.clone()),
                    rows: target_rows,
                    panel,
                    outputs,
                    accumulates: self.finish.accumulate || depth.start > 0,
                    is_last: depth.end == self.panels.words(),
                    block: self,
                });
            }
        }
    }
}

/// Brings the sums of a tile home.
struct FinishTile<'a, 'b> {
    sums: &'a Sums,
    /// In int8 one for each row.
    row_scales: &'a [RowScale],
    rows: Range<usize>,
    panel: usize,
    outputs: Range<usize>,
    /// Whether the target already holds a part of the sum.
    accumulates: bool,
    is_last: bool,
    block: &'a Block<'b>,
}

impl Vectorize for FinishTile<'_, '_> {
    type Output = ();

    /// Everything that is the same for all values is decided out here, so that a row is one loop
    /// without a branch: at the speed of int8 anything else shows.
    #[inline(always)]
    fn run<L: Lanes>(self) {
        let activation = if self.is_last { self.block.finish.activation } else { Activation::None };
        match activation {
            Activation::None => self.activated::<L, Identity>(),
            Activation::QuickGelu => self.activated::<L, QuickGelu>(),
            Activation::Gelu => self.activated::<L, Gelu>(),
            Activation::Relu => self.activated::<L, Relu>(),
        }
    }
}

impl FinishTile<'_, '_> {
    #[inline(always)]
    fn activated<L: Lanes, A: Activate>(self) {
        match (self.block.panels.precision, self.accumulates) {
            (Precision::Int8, false) => self.rows::<L, A, true, false>(),
            (Precision::Int8, true) => self.rows::<L, A, true, true>(),
            (_, false) => self.rows::<L, A, false, false>(),
            (_, true) => self.rows::<L, A, false, true>(),
        }
    }

    #[inline(always)]
    fn rows<L: Lanes, A: Activate, const INTEGERS: bool, const ACCUMULATES: bool>(self) {
        let Block { target, target_column, panels, finish, .. } = self.block;
        let columns = target_column + self.outputs.start..target_column + self.outputs.end;
        let mut bias = PanelVector::ZERO;
        if let (Some(values), true) = (finish.bias, self.is_last) {
            bias.0.as_flattened_mut()[..columns.len()]
                .copy_from_slice(&values[self.outputs.clone()]);
        }
        for (index, row) in self.rows.clone().enumerate() {
            // SAFETY: within the rectangle that the caller of `Block::compute` has for itself.
            let out = unsafe { target.part(row, columns.clone()) };
            let mut whole = PanelVector::ZERO; // of the row, where the panel is not full
            let is_whole = out.len() == PANEL_WIDTH;
            if !is_whole {
                whole.0.as_flattened_mut()[..out.len()].copy_from_slice(out);
            }
            let halves = if is_whole { out.as_chunks_mut::<LANES>().0 } else { &mut whole.0 };
            let sums = self.sums[index].0.as_chunks::<LANES>().0;
            let [low, high] = halves else { unreachable!("a panel has two halves") };
            let mut values = [L::load_bits(&sums[0]), L::load_bits(&sums[1])];
            if INTEGERS {
                // Σ (x − zero) · w in numbers.
                let RowScale { step, zero } = self.row_scales[index];
                let scale = &panels.scales[self.panel];
                let (step, offset) = (L::splat(step), L::splat(-step * zero as f32));
                for ((value, steps), sums) in
                    values.iter_mut().zip(&scale.steps.0).zip(&scale.sums.0)
                {
                    let factor = step.mul(L::load(steps));
                    *value = value.integers_to_numbers().mul_add(factor, offset.mul(L::load(sums)));
                }
            }
            if ACCUMULATES {
                values = [values[0].add(L::load(low)), values[1].add(L::load(high))];
            }
            let values = [values[0].add(L::load(&bias.0[0])), values[1].add(L::load(&bias.0[1]))];
            // Both before either is stored, so that they are computed side by side.
            let values = [A::of(values[0]), A::of(values[1])];
            values[0].store(low);
            values[1].store(high);
            if !is_whole {
                out.copy_from_slice(&whole.0.as_flattened()[..out.len()]);
            }
        }
    }
}
