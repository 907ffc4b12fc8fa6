//! Backward of attention: one task for some heads of some items, as on the way forward.
//!
//! ```text
//! 96 queries       q · kᵀ ─▶ scores ─▶ probabilities p      d_out · vᵀ ─▶ d_p
//!                  d_s = scale · p ∘ (d_p − Σ p ∘ d_p)      both [96, keys]
//! d_q = d_s · k    d_k += d_sᵀ · q    d_v += pᵀ · d_out
//! ```
//!
//! Nothing of the forward pass is kept but what went into it. A key belongs to one item alone, so
//! that what 96 queries add to its gradients is added by one task, in their order.

use super::softmax::SoftmaxBackward;
use super::{Head, Packed, for_each_head};
use crate::cpu::gemm::{Lhs, MC, MacroKernel, Panels, TileEpilogue};
use crate::cpu::isa::Isa;
use crate::cpu::target::Target;
use crate::{AttentionOptions, AttentionPlan, Matrix, Projections, Result};
use std::cell::RefCell;
use std::ops::Range;

/// `d_queries` and `d_keys_values`; no two items of the plan may share a key.
pub(in crate::cpu) fn attention_backward(
    isa: Isa,
    queries: &Matrix,
    keys_values: &Matrix,
    d_output: &Matrix,
    plan: &AttentionPlan,
    options: AttentionOptions,
) -> Result<(Matrix, Matrix)> {
    let width = queries.width();
    let mut d_queries = Matrix::unwritten(queries.rows(), width)?;
    let mut d_keys_values = Matrix::unwritten(keys_values.rows(), 2 * width)?;
    for rows in plan.keys.unseen(keys_values.rows()) {
        d_keys_values.values_mut()[rows.start * 2 * width..rows.end * 2 * width].fill(0.0);
    }
    let gradients = Gradients {
        d_queries: Target::new(d_queries.values_mut(), width),
        d_keys_values: Target::new(d_keys_values.values_mut(), 2 * width),
    };
    let projections = Projections::new(queries, Some(keys_values));
    for_each_head(isa, projections, plan, options, |head| {
        SCRATCH.with_borrow_mut(|scratch| {
            // SAFETY: each head has its own columns, and each item its own rows: of the queries by
            // construction, of the keys because no two items share one.
            unsafe { head.backward(d_output, scratch, gradients) };
        });
    });
    Ok((d_queries, d_keys_values))
}

/// Where the gradients go.
#[derive(Clone, Copy)]
struct Gradients<'a> {
    d_queries: Target<'a>,
    d_keys_values: Target<'a>,
}

/// What one task needs to have at hand.
#[derive(Default)]
struct Scratch {
    keys_as_outputs: Packed,
    keys_as_inputs: Packed,
    values_as_outputs: Packed,
    queries_as_inputs: Packed,
    d_output_as_inputs: Packed,
    /// Scores, then probabilities, `[MC, keys]`.
    scores: Vec<f32>,
    /// Gradients of the probabilities, then of the scores, `[MC, keys]`.
    d_scores: Vec<f32>,
}

thread_local! {
    static SCRATCH: RefCell<Scratch> = RefCell::default();
}

impl Head<'_> {
    /// # Safety
    /// Nobody else may use this head's columns of this item's rows of the gradients meanwhile.
    unsafe fn backward(&self, d_output: &Matrix, scratch: &mut Scratch, gradients: Gradients<'_>) {
        if self.keys == 0 || self.query_rows.is_empty() {
            // SAFETY: the caller's promise, passed on.
            return unsafe { self.fill_with_zeros(gradients) };
        }
        let (isa, precision) = (self.isa, self.precision);
        scratch.keys_as_outputs.pack_as_outputs(isa, precision, self.keys());
        scratch.keys_as_inputs.pack_as_inputs(isa, precision, self.keys());
        scratch.values_as_outputs.pack_as_outputs(isa, precision, self.values());
        let values = MC * scratch.keys_as_outputs.panels().outputs;
        if scratch.scores.len() < values {
            scratch.scores.resize(values, 0.0);
            scratch.d_scores.resize(values, 0.0);
        }
        for first in self.query_rows.clone().step_by(MC) {
            let rows = first..self.query_rows.end.min(first + MC);
            self.scores(rows.clone(), d_output, scratch);
            // SAFETY: the caller's promise, passed on.
            unsafe { self.add_products(rows, scratch, gradients) };
        }
    }

    /// # Safety
    /// As of [`Head::backward`].
    unsafe fn fill_with_zeros(&self, gradients: Gradients<'_>) {
        let (width, columns) =
            (self.projections.width, self.first_column..self.first_column + self.head_width);
        for row in self.query_rows.clone() {
            // SAFETY: the caller's promise, passed on.
            unsafe { gradients.d_queries.part(row, columns.clone()) }.fill(0.0);
        }
        for row in self.key_rows.iter().cloned().flatten() {
            for columns in [columns.clone(), width + columns.start..width + columns.end] {
                // SAFETY: as above.
                unsafe { gradients.d_keys_values.part(row, columns) }.fill(0.0);
            }
        }
    }

    /// Probabilities of at most [`MC`] queries and gradients of their scores; their rows as right
    /// sides.
    fn scores(&self, rows: Range<usize>, d_output: &Matrix, scratch: &mut Scratch) {
        let Scratch { keys_as_outputs, values_as_outputs, scores, d_scores, .. } = scratch;
        let (keys, values) = (keys_as_outputs.panels(), values_as_outputs.panels());
        let stride = keys.outputs;
        self.multiply(self.projections.queries, rows.clone(), keys, scores);
        self.multiply(d_output, rows.clone(), values, d_scores);
        let sums = self.softmax(rows.clone(), self.keys, scores, stride);
        self.isa.vectorize(SoftmaxBackward {
            exponentials: scores,
            d_probabilities: d_scores,
            stride,
            keys: self.keys,
            scale: self.scale(),
            sums: &sums[..rows.len()],
        });
        let rows = std::slice::from_ref(&rows);
        let queries = self.operand(self.projections.queries, rows, self.first_column);
        let d_output = self.operand(d_output, rows, self.first_column);
        scratch.queries_as_inputs.pack_as_inputs(self.isa, self.precision, queries);
        scratch.d_output_as_inputs.pack_as_inputs(self.isa, self.precision, d_output);
    }

    /// This head's columns of some rows times panels.
    fn multiply(&self, left: &Matrix, rows: Range<usize>, panels: Panels<'_>, out: &mut [f32]) {
        let (values, column) = (left.values(), self.first_column);
        let lhs = Lhs::Rows { values, stride: left.width(), column };
        let target = Target::new(out, panels.outputs);
        let place = Place { target, row: 0, column: 0, accumulate: false };
        // SAFETY: the scores belong to this thread.
        unsafe { place.compute(self.isa, lhs, rows, panels) };
    }

    /// What these queries give to the gradients.
    ///
    /// # Safety
    /// As of [`Head::backward`].
    unsafe fn add_products(&self, rows: Range<usize>, scratch: &Scratch, gradients: Gradients<'_>) {
        let (p, d_s) = (scratch.scores.as_slice(), scratch.d_scores.as_slice());
        let stride = scratch.keys_as_outputs.panels().outputs;
        let (target, row, column) = (gradients.d_queries, rows.start, self.first_column);
        let place = Place { target, row, column, accumulate: false };
        let lhs = Lhs::Rows { values: d_s, stride, column: 0 };
        // SAFETY: the caller's promise, passed on.
        unsafe { place.compute(self.isa, lhs, 0..rows.len(), scratch.keys_as_inputs.panels()) };

        let width = self.projections.width;
        let accumulate = rows.start > self.query_rows.start;
        let of_keys = (d_s, scratch.queries_as_inputs.panels(), self.first_column);
        let of_values = (p, scratch.d_output_as_inputs.panels(), width + self.first_column);
        let mut keys = 0..0;
        let starts = self
            .key_rows
            .iter()
            .flat_map(|rows| rows.clone().step_by(MC).map(|first| first..rows.end.min(first + MC)));
        for rows in starts {
            keys = keys.end..keys.end + rows.len();
            for (values, panels, column) in [of_keys, of_values] {
                let (target, row) = (gradients.d_keys_values, rows.start);
                let place = Place { target, row, column, accumulate };
                let lhs = Lhs::Columns { values, stride };
                // SAFETY: as above.
                unsafe { place.compute(self.isa, lhs, keys.clone(), panels) };
            }
        }
    }
}

/// Where a product goes.
struct Place<'a> {
    target: Target<'a>,
    row: usize,
    column: usize,
    accumulate: bool,
}

impl Place<'_> {
    /// # Safety
    /// As of [`MacroKernel::compute`].
    unsafe fn compute(self, isa: Isa, lhs: Lhs<'_>, rows: Range<usize>, panels: Panels<'_>) {
        let kernel = MacroKernel {
            lhs,
            rows,
            panels,
            panel_range: 0..panels.count(),
            target: self.target,
            target_row: self.row,
            target_column: self.column,
            epilogue: TileEpilogue { accumulate: self.accumulate, ..TileEpilogue::NONE },
        };
        // SAFETY: the caller's promise, passed on.
        unsafe { kernel.compute(isa) };
    }
}
