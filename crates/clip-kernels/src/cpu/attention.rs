//! Attention over segments: one task for each item and head.
//!
//! ```text
//! keys of a head   ─ pack ─▶ panels [keys, head_width]   ┐
//! 96 queries       ──────────────────────────────────────┴▶ scores [96, keys]
//! softmax in place (largest off, exp, sum), unseen keys 0 ┐
//! values of a head ─ pack ─▶ panels [head_width, keys]    ┴▶ output [96, head_width], divided by the sums
//! ```
//!
//! Order of the sums: products as in `matrix_product::block`, over the item's own keys from the
//! first; the sum of exponentials in 16 lanes by key, then one tree. A causal query multiplies the
//! keys after it by 0, which changes no bit of a finite sum.

use super::exponential::exp;
use super::isa::{Isa, Vectorize};
use super::layer_norm::fold;
use super::matrix_product::{Block, Finish, Left, MAX_ROWS, PANEL_WIDTH, PanelRow, Panels, Target};
use crate::{AttentionShape, Matrix};
use rayon::prelude::*;
use std::cell::RefCell;
use std::ops::Range;

/// `softmax(q · kᵀ / √head_width) · v` for every item and head.
pub(super) fn attention(
    isa: Isa,
    queries: &Matrix,
    keys_values: &Matrix,
    shape: AttentionShape<'_>,
) -> Matrix {
    let width = queries.width();
    let mut out = Matrix::zeros(queries.rows(), width);
    let target = Target::new(out.values_mut(), width);
    (0..shape.keys.count() * shape.heads).into_par_iter().for_each(|task| {
        let item = task / shape.heads;
        let head = Head {
            queries,
            keys_values,
            query_rows: shape.queries.range(item),
            key_rows: shape.keys.of(item),
            keys: shape.keys.length(item),
            first_column: task % shape.heads * (width / shape.heads),
            head_width: width / shape.heads,
            causal: shape.causal,
        };
        if !head.query_rows.is_empty() && head.keys > 0 {
            // SAFETY: each task has its own pair of rows (its item's) and columns (its head's).
            SCRATCH.with_borrow_mut(|scratch| unsafe { head.compute(isa, scratch, target) });
        }
    });
    out
}

/// What one task needs to have at hand.
#[derive(Default)]
struct Scratch {
    key_panels: Vec<PanelRow>,
    value_panels: Vec<PanelRow>,
    scores: Vec<f32>,
}

thread_local! {
    static SCRATCH: RefCell<Scratch> = RefCell::default();
}

/// One head of one item.
struct Head<'a> {
    queries: &'a Matrix,
    keys_values: &'a Matrix,
    query_rows: Range<usize>,
    key_rows: &'a [Range<usize>],
    keys: usize,
    first_column: usize,
    head_width: usize,
    causal: bool,
}

impl Head<'_> {
    /// # Safety
    /// Nobody else may use this head's columns of this item's rows of the target meanwhile.
    unsafe fn compute(&self, isa: Isa, scratch: &mut Scratch, target: Target<'_>) {
        let keys = self.keys;
        self.pack_keys(&mut scratch.key_panels);
        self.pack_values(&mut scratch.value_panels);
        let key_panels = Panels { rows: &scratch.key_panels, outputs: keys, inputs: self.head_width };
        let value_panels = Panels { rows: &scratch.value_panels, outputs: self.head_width, inputs: keys };
        scratch.scores.clear();
        scratch.scores.resize(MAX_ROWS * keys, 0.0);
        let mut sums = [0.0; MAX_ROWS];
        for first in self.query_rows.clone().step_by(MAX_ROWS) {
            let rows = first..self.query_rows.end.min(first + MAX_ROWS);
            let scores_block = Block {
                left: Left::Rows {
                    values: self.queries.values(),
                    stride: self.queries.width(),
                    column: self.first_column,
                },
                rows: rows.clone(),
                panels: key_panels,
                panel_range: 0..key_panels.count(),
                target: Target::new(&mut scratch.scores, keys),
                target_row: 0,
                target_column: 0,
                finish: Finish::NONE,
            };
            // SAFETY: the scores belong to this thread.
            unsafe { scores_block.compute(isa) };
            self.softmax(isa, rows.clone(), &mut scratch.scores, &mut sums);
            let output_block = Block {
                left: Left::Rows { values: &scratch.scores, stride: keys, column: 0 },
                rows: 0..rows.len(),
                panels: value_panels,
                panel_range: 0..value_panels.count(),
                target,
                target_row: rows.start,
                target_column: self.first_column,
                finish: Finish::NONE,
            };
            // SAFETY: the caller's promise, passed on.
            unsafe { output_block.compute(isa) };
            for (row, sum) in rows.zip(sums) {
                // SAFETY: as above.
                let out = unsafe { target.part(row, self.first_column..self.first_column + self.head_width) };
                out.iter_mut().for_each(|value| *value /= sum);
            }
        }
    }

    /// Turns scores into exponentials and their sums, row by row.
    fn softmax(&self, isa: Isa, rows: Range<usize>, scores: &mut [f32], sums: &mut [f32; MAX_ROWS]) {
        let scale = 1.0 / (self.head_width as f32).sqrt();
        let keys = self.keys;
        for ((row, scores), sum) in rows.zip(scores.chunks_exact_mut(keys)).zip(sums) {
            let hidden = if self.causal { self.query_rows.end - 1 - row } else { 0 };
            let (seen, unseen) = scores.split_at_mut(keys - hidden);
            unseen.fill(0.0);
            *sum = isa.vectorize(Exponentials { scores: seen, scale });
        }
    }

    /// The keys as right side of `q · kᵀ`: a panel has 32 keys, a row of it one feature.
    fn pack_keys(&self, panels: &mut Vec<PanelRow>) {
        panels.clear();
        panels.resize(self.keys.div_ceil(PANEL_WIDTH) * self.head_width, PanelRow::ZERO);
        for (place, key_row) in self.key_rows.iter().cloned().flatten().enumerate() {
            let key = &self.keys_values.row(key_row)[self.first_column..self.first_column + self.head_width];
            let panel = place / PANEL_WIDTH * self.head_width;
            for (row, &value) in panels[panel..panel + self.head_width].iter_mut().zip(key) {
                row.0[place % PANEL_WIDTH] = value;
            }
        }
    }

    /// The values as right side of `p · v`: a panel has 32 features, a row of it one key.
    fn pack_values(&self, panels: &mut Vec<PanelRow>) {
        let keys = self.keys;
        panels.clear();
        panels.resize(self.head_width.div_ceil(PANEL_WIDTH) * keys, PanelRow::ZERO);
        let first = self.keys_values.width() / 2 + self.first_column;
        for (place, key_row) in self.key_rows.iter().cloned().flatten().enumerate() {
            let value = &self.keys_values.row(key_row)[first..first + self.head_width];
            for (panel, part) in value.chunks(PANEL_WIDTH).enumerate() {
                panels[panel * keys + place].0[..part.len()].copy_from_slice(part);
            }
        }
    }
}

/// `exp(scale · (s − largest))` in place; gives their sum.
struct Exponentials<'a> {
    scores: &'a mut [f32],
    scale: f32,
}

impl Vectorize for Exponentials<'_> {
    type Output = f32;

    #[inline(always)]
    fn run(self) -> f32 {
        // The largest of a set is the same in any order.
        let (chunks, tail) = self.scores.as_chunks_mut::<16>();
        let mut lanes = [f32::NEG_INFINITY; 16];
        for chunk in chunks.iter() {
            for (lane, &score) in lanes.iter_mut().zip(chunk) {
                *lane = if score > *lane { score } else { *lane };
            }
        }
        let largest =
            lanes.iter().chain(tail.iter()).fold(f32::NEG_INFINITY, |a, &b| if b > a { b } else { a });
        let mut sums = [0.0; 16];
        for chunk in chunks {
            for (sum, score) in sums.iter_mut().zip(chunk) {
                *score = exp(self.scale * (*score - largest));
                *sum += *score;
            }
        }
        for (sum, score) in sums.iter_mut().zip(tail) {
            *score = exp(self.scale * (*score - largest));
            *sum += *score;
        }
        fold(sums)
    }
}
