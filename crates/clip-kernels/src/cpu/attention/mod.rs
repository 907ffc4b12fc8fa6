//! Attention over segments: one task for some heads of some items.
//!
//! ```text
//! keys of a head   ─ pack ─▶ panels [keys, head_width]   ┐
//! 12 queries       ──────────────────────────────────────┴▶ scores [12, keys]
//! softmax in place (largest off, exp, sum), unseen keys 0 ┐
//! values of a head ─ pack ─▶ panels [head_width, keys]    ┴▶ output [12, head_width], divided by the sums
//! ```
//!
//! The scores of as many queries as a tile of the micro-kernel has rows stay in the first-level
//! cache.
//!
//! Order of the sums: each one chain over the features, then over the item's own keys from the
//! first; the sum of exponentials in 16 lanes by key, then one tree. Keys that no query of a tile
//! sees are left out; one that another query of it sees is multiplied by 0, which changes no bit of
//! a finite sum.

mod backward;
mod operand;
mod query_tile;
mod softmax;

pub(super) use backward::attention_backward;

use super::gemm::{MC, Panels, mr, part};
use super::isa::Isa;
use super::target::Target;
use super::thread_team;
use crate::{AttentionOptions, AttentionPlan, Matrix, Precision, Projections, Result};
use operand::{Operand, Packed};
use query_tile::QueryTile;
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
    tile: QueryTile,
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
        let Scratch { keys, values, tile } = scratch;
        keys.pack_as_outputs(self.isa, self.precision, self.keys());
        values.pack_as_inputs(self.isa, self.precision, self.values());
        let queries = self.query_rows.len();
        let tiles = queries.div_ceil(mr(self.isa, self.precision));
        for index in 0..tiles {
            let rows = part(queries, tiles, index);
            let rows = self.query_rows.start + rows.start..self.query_rows.start + rows.end;
            // SAFETY: the caller's promise, passed on.
            unsafe { self.attend(rows, keys.panels(), values.panels(), tile, target) };
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

    /// The queries of one tile.
    ///
    /// # Safety
    /// As of [`Head::compute`], for these rows of the target.
    unsafe fn attend(
        &self,
        rows: Range<usize>,
        keys: Panels<'_>,
        values: Panels<'_>,
        tile: &mut QueryTile,
        target: Target<'_>,
    ) {
        let columns = self.first_column..self.first_column + self.head_width;
        let seen = self.seen_by(rows.end - 1);
        let queries = rows.clone().map(|row| &self.projections.queries.row(row)[columns.clone()]);
        tile.multiply_keys(self.isa, queries, keys, seen);
        let factors = self.softmax(rows.clone(), seen, &mut tile.scores, tile.stride);
        let factors = &factors.map(|sum| 1.0 / sum)[..rows.len()];
        // SAFETY: the caller's promise, passed on.
        unsafe {
            tile.multiply_values(self.isa, values, factors, target, rows.start, columns);
        }
    }

    /// How many of the keys a query sees.
    fn seen_by(&self, row: usize) -> usize {
        self.keys - if self.causal { self.query_rows.end - 1 - row } else { 0 }
    }

    /// Scores of at most [`MC`] queries to exponentials, 0 for what a query does not see of the
    /// first `keys`, and the sum of each query's.
    ///
    /// - `scores`: `[queries, stride]`
    fn softmax(
        &self,
        rows: Range<usize>,
        keys: usize,
        scores: &mut [f32],
        stride: usize,
    ) -> [f32; MC] {
        let mut sums = [0.0; MC];
        self.isa.vectorize(Softmax {
            scores,
            stride,
            keys,
            seen: self.seen_by(rows.start),
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
