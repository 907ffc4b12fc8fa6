//! Attention over segments: one task for some heads of some items.
//!
//! ```text
//! keys of a head   ─ pack ─▶ panels [keys, head_width]   ┐
//! 96 queries       ──────────────────────────────────────┴▶ scores [96, keys]
//! softmax in place (largest off, exp, sum), unseen keys 0 ┐
//! values of a head ─ pack ─▶ panels [head_width, keys]    ┴▶ output [96, head_width], divided by the sums
//! ```
//!
//! The scores of 96 queries stay in the second-level cache.
//!
//! Order of the sums: products as in `gemm::block`, over the item's own keys from the
//! first; the sum of exponentials in 16 lanes by key, then one tree. A causal query multiplies the
//! keys after it by 0, which changes no bit of a finite sum.

mod backward;
mod operand;
mod softmax;

pub(super) use backward::attention_backward;

use super::elementwise::Scale;
use super::gemm::{Lhs, MC, MacroKernel, Panels, TileEpilogue};
use super::isa::Isa;
use super::target::Target;
use super::thread_team;
use crate::{AttentionOptions, AttentionPlan, Matrix, Precision, Projections, Result};
use operand::{Operand, Packed};
use softmax::Softmax;
use std::cell::RefCell;
use std::ops::Range;

/// Tasks for each thread: enough that none waits long for the last one, few enough that claiming
/// them costs nothing beside a head of ten keys (a microsecond).
const TASKS_PER_THREAD: usize = 16;

/// `softmax(q · kᵀ / √head_width) · v` for every item and head.
pub(super) fn attention(
    isa: Isa,
    projections: Projections<'_>,
    plan: &AttentionPlan,
    options: AttentionOptions,
) -> Result<Matrix> {
    let mut out = Matrix::unwritten(projections.queries.rows(), projections.width)?;
    let target = Target::new(out.values_mut(), projections.width);
    for_each_head(isa, projections, plan, options, |head| {
        SCRATCH.with_borrow_mut(|scratch| {
            // SAFETY: each head has its own pair of rows (its item's) and columns.
            unsafe { head.compute(scratch, target) };
        });
    });
    Ok(out)
}

/// Calls `task` with every head of every item, on the threads of the team.
fn for_each_head(
    isa: Isa,
    projections: Projections<'_>,
    plan: &AttentionPlan,
    options: AttentionOptions,
    compute: impl Fn(Head<'_>) + Sync,
) {
    let head_width = projections.width / options.heads;
    let heads = plan.keys.count() * options.heads;
    let tasks = heads.min(TASKS_PER_THREAD * thread_team::size());
    thread_team::for_each(tasks, |task| {
        for head in task * heads / tasks..(task + 1) * heads / tasks {
            let item = head / options.heads;
            compute(Head {
                isa,
                projections,
                query_rows: plan.queries.range(item),
                key_rows: plan.keys.of(item),
                keys: plan.keys.length(item),
                first_column: head % options.heads * head_width,
                head_width,
                causal: options.causal,
                precision: options.precision,
            });
        }
    });
}

/// What one task needs to have at hand.
#[derive(Default)]
struct Scratch {
    keys: Packed,
    values: Packed,
    scores: Vec<f32>,
}

thread_local! {
    static SCRATCH: RefCell<Scratch> = RefCell::default();
}

/// One head of one item.
struct Head<'a> {
    isa: Isa,
    projections: Projections<'a>,
    query_rows: Range<usize>,
    key_rows: &'a [Range<usize>],
    keys: usize,
    first_column: usize,
    head_width: usize,
    causal: bool,
    precision: Precision,
}

impl Head<'_> {
    /// # Safety
    /// Nobody else may use this head's columns of this item's rows of the target meanwhile.
    unsafe fn compute(&self, scratch: &mut Scratch, target: Target<'_>) {
        let columns = self.first_column..self.first_column + self.head_width;
        if self.keys == 0 {
            for row in self.query_rows.clone() {
                // SAFETY: the caller's promise, passed on.
                unsafe { target.part(row, columns.clone()) }.fill(0.0);
            }
            return;
        }
        let Scratch { keys, values, scores } = scratch;
        keys.pack_as_outputs(self.isa, self.precision, self.keys());
        values.pack_as_inputs(self.isa, self.precision, self.values());
        let (keys, values) = (keys.panels(), values.panels());
        if scores.len() < MC * keys.outputs {
            scores.resize(MC * keys.outputs, 0.0);
        }
        for first in self.query_rows.clone().step_by(MC) {
            let rows = first..self.query_rows.end.min(first + MC);
            // SAFETY: the caller's promise, passed on.
            unsafe { self.attend(rows, keys, values, scores, target) };
        }
    }

    fn keys(&self) -> Operand<'_> {
        let first_column = self.projections.first_key() + self.first_column;
        self.operand(self.projections.keys_values, self.key_rows, first_column)
    }

    fn values(&self) -> Operand<'_> {
        let first_column = self.projections.first_value() + self.first_column;
        self.operand(self.projections.keys_values, self.key_rows, first_column)
    }

    fn operand<'a>(
        &self,
        matrix: &'a Matrix,
        rows: &'a [Range<usize>],
        first_column: usize,
    ) -> Operand<'a> {
        Operand { matrix, rows, first_column, head_width: self.head_width }
    }

    /// At most [`MC`] of the queries.
    ///
    /// - `scores`: memory for `[MC, outputs of key_panels]`
    ///
    /// # Safety
    /// As of [`Head::compute`], for these rows of the target.
    unsafe fn attend(
        &self,
        rows: Range<usize>,
        key_panels: Panels<'_>,
        value_panels: Panels<'_>,
        scores: &mut [f32],
        target: Target<'_>,
    ) {
        let (queries, stride) = (self.projections.queries, key_panels.outputs);
        let scores_kernel = MacroKernel {
            lhs: Lhs::Rows {
                values: queries.values(),
                stride: queries.width(),
                column: self.first_column,
            },
            rows: rows.clone(),
            panels: key_panels,
            panel_range: 0..key_panels.count(),
            target: Target::new(scores, stride),
            target_row: 0,
            target_column: 0,
            epilogue: TileEpilogue::NONE,
        };
        // SAFETY: the scores belong to this thread.
        unsafe { scores_kernel.compute(self.isa) };
        let sums = self.softmax(rows.clone(), scores, stride);
        let output_kernel = MacroKernel {
            lhs: Lhs::Rows { values: scores, stride, column: 0 },
            rows: 0..rows.len(),
            panels: value_panels,
            panel_range: 0..value_panels.count(),
            target,
            target_row: rows.start,
            target_column: self.first_column,
            epilogue: TileEpilogue::NONE,
        };
        // SAFETY: the caller's promise, passed on.
        unsafe { output_kernel.compute(self.isa) };
        for (row, sum) in rows.zip(sums) {
            let columns = self.first_column..self.first_column + self.head_width;
            // SAFETY: as above.
            let out = unsafe { target.part(row, columns) };
            self.isa.vectorize(Scale { values: out, factor: 1.0 / sum });
        }
    }
    /// Scores of at most [`MC`] queries to exponentials, and the sum of each query's.
    ///
    /// - `scores`: `[queries, stride]`
    fn softmax(&self, rows: Range<usize>, scores: &mut [f32], stride: usize) -> [f32; MC] {
        let mut sums = [0.0; MC];
        self.isa.vectorize(Softmax {
            scores,
            stride,
            keys: self.keys,
            // Keys that the first of these queries does not see.
            hidden: if self.causal { self.query_rows.end - 1 - rows.start } else { 0 },
            causal: self.causal,
            scale: self.scale(),
            sums: &mut sums[..rows.len()],
        });
        sums
    }

    fn scale(&self) -> f32 {
        1.0 / (self.head_width as f32).sqrt()
    }
}
