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

use super::exponential::exp;
use super::gemm::{
    Lhs, MC, MacroKernel, NR, PanelRow, Panels, TileEpilogue, count_words, words_of_row,
};
use super::isa::{Isa, Vectorize};
use super::lanes::{LANES, Lanes, fold};
use super::target::Target;
use super::thread_team;
use super::transpose::Transpose;
use crate::reference::round_to_bf16;
use crate::{AttentionOptions, AttentionPlan, Matrix, Precision, Result};
use std::cell::RefCell;
use std::ops::Range;

/// Tasks for each thread: enough that none waits long for the last one, few enough that claiming
/// them costs nothing beside a head of ten keys (a microsecond).
const TASKS_PER_THREAD: usize = 16;

/// `softmax(q · kᵀ / √head_width) · v` for every item and head.
pub(super) fn attention(
    isa: Isa,
    queries: &Matrix,
    keys_values: &Matrix,
    plan: &AttentionPlan,
    options: AttentionOptions,
) -> Result<Matrix> {
    let width = queries.width();
    let mut out = Matrix::unwritten(queries.rows(), width)?;
    let target = Target::new(out.values_mut(), width);
    let heads = plan.keys.count() * options.heads;
    let tasks = heads.min(TASKS_PER_THREAD * thread_team::size());
    thread_team::for_each(tasks, |task| {
        SCRATCH.with_borrow_mut(|scratch| {
            for head in task * heads / tasks..(task + 1) * heads / tasks {
                let item = head / options.heads;
                let head = Head {
                    isa,
                    queries,
                    keys_values,
                    query_rows: plan.queries.range(item),
                    key_rows: plan.keys.of(item),
                    keys: plan.keys.length(item),
                    first_column: head % options.heads * (width / options.heads),
                    head_width: width / options.heads,
                    causal: options.causal,
                    precision: options.precision,
                };
                // SAFETY: each head has its own pair of rows (its item's) and columns.
                unsafe { head.compute(scratch, target) };
            }
        });
    });
    Ok(out)
}

/// What one task needs to have at hand.
#[derive(Default)]
struct Scratch {
    key_words: Vec<u32>,
    key_panels: Vec<PanelRow>,
    value_panels: Vec<PanelRow>,
    scores: Vec<f32>,
}

thread_local! {
    static SCRATCH: RefCell<Scratch> = RefCell::default();
}

/// One head of one item.
struct Head<'a> {
    isa: Isa,
    queries: &'a Matrix,
    keys_values: &'a Matrix,
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
        self.pack_keys(scratch);
        self.pack_values(&mut scratch.value_panels);
        // Scores of the zeros that fill the last panel of keys are computed and never looked at.
        let stride = self.keys.next_multiple_of(NR);
        let panels = |rows, outputs, inputs| Panels {
            rows,
            outputs,
            inputs,
            precision: self.precision,
            scales: &[],
        };
        let key_panels = panels(scratch.key_panels.as_slice(), stride, self.head_width);
        let value_panels = panels(scratch.value_panels.as_slice(), self.head_width, self.keys);
        let scores = &mut scratch.scores;
        if scores.len() < MC * stride {
            scores.resize(MC * stride, 0.0);
        }
        for first in self.query_rows.clone().step_by(MC) {
            let rows = first..self.query_rows.end.min(first + MC);
            // SAFETY: the caller's promise, passed on.
            unsafe { self.attend(rows, key_panels, value_panels, scores, target) };
        }
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
        let (width, stride) = (self.queries.width(), key_panels.outputs);
        let queries =
            Lhs::Rows { values: self.queries.values(), stride: width, column: self.first_column };
        let scores_kernel = MacroKernel {
            lhs: queries,
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
        let mut sums = [0.0; MC];
        self.isa.vectorize(Softmax {
            scores,
            stride,
            keys: self.keys,
            // Keys that the first of these queries does not see.
            hidden: if self.causal { self.query_rows.end - 1 - rows.start } else { 0 },
            causal: self.causal,
            scale: 1.0 / (self.head_width as f32).sqrt(),
            sums: &mut sums[..rows.len()],
        });
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

    /// The keys as right side of `q · kᵀ`: a panel has 32 keys, a row of it one word of features.
    fn pack_keys(&self, scratch: &mut Scratch) {
        let Scratch { key_words, key_panels, .. } = scratch;
        let words = count_words(self.precision, self.head_width);
        let padded = self.keys.next_multiple_of(NR);
        key_words.clear();
        key_words.resize(padded * words, 0);
        let rows = self.key_rows.iter().cloned().flatten();
        for (row, words) in rows.zip(key_words.chunks_exact_mut(words)) {
            let values =
                &self.keys_values.row(row)[self.first_column..self.first_column + self.head_width];
            words_of_row(self.isa, self.precision, values, words);
        }
        key_panels.resize(padded / NR * words, PanelRow::ZERO);
        let panels = key_panels.chunks_exact_mut(words);
        for (keys, panel) in key_words.chunks_exact(NR * words).zip(panels) {
            let out = bytemuck::cast_slice_mut(panel);
            Transpose {
                source: keys,
                source_stride: words,
                rows: NR,
                columns: words,
                out,
                stride: NR,
            }
            .run(self.isa);
        }
    }

    /// The values as right side of `p · v`: a panel has 32 features, a row of it one word of keys.
    fn pack_values(&self, panels: &mut Vec<PanelRow>) {
        let words = count_words(self.precision, self.keys);
        let first = self.keys_values.width() / 2 + self.first_column;
        let values = |row: usize| &self.keys_values.row(row)[first..first + self.head_width];
        panels.clear();
        panels.resize(self.head_width.div_ceil(NR) * words, PanelRow::ZERO);
        let mut rows = self.key_rows.iter().cloned().flatten();
        let mut word = 0;
        while let Some(row) = rows.next() {
            let second = if self.precision == Precision::Bf16 { rows.next() } else { None };
            self.isa.vectorize(PackValues {
                precision: self.precision,
                first: values(row),
                second: second.map_or(&[], values),
                panels: &mut panels[word..],
                words,
            });
            word += 1;
        }
    }
}

/// One key's values, in bf16 two keys', as row `0` of panels `words` rows apart.
struct PackValues<'a> {
    precision: Precision,
    first: &'a [f32],
    second: &'a [f32],
    panels: &'a mut [PanelRow],
    words: usize,
}

impl Vectorize for PackValues<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self) {
        for (panel, first) in self.first.chunks(NR).enumerate() {
            let row = &mut self.panels[panel * self.words].0;
            if self.precision == Precision::F32 {
                row.iter_mut().zip(first).for_each(|(word, value)| *word = value.to_bits());
                continue;
            }
            for (word, &value) in row.iter_mut().zip(first) {
                *word = round_to_bf16(value).to_bits() >> 16;
            }
            let second = self.second.get(panel * NR..).unwrap_or_default();
            for (word, &value) in row.iter_mut().zip(second) {
                *word |= round_to_bf16(value).to_bits();
            }
        }
    }
}

/// Scores to exponentials `exp(scale · (s − largest))` in place, and their sums.
struct Softmax<'a> {
    /// `[queries, stride]`
    scores: &'a mut [f32],
    stride: usize,
    keys: usize,
    /// Keys at the end that the first query does not see; each next one sees one more if `causal`.
    hidden: usize,
    causal: bool,
    scale: f32,
    /// `[queries]`
    sums: &'a mut [f32],
}

impl Vectorize for Softmax<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self) {
        let rows = self.scores.chunks_exact_mut(self.stride);
        for (query, (scores, sum)) in rows.zip(self.sums).enumerate() {
            let hidden = if self.causal { self.hidden - query } else { 0 };
            let (seen, unseen) = scores[..self.keys].split_at_mut(self.keys - hidden);
            unseen.fill(0.0);
            *sum = exponentials::<L>(seen, self.scale);
        }
    }
}

/// Gives the sum.
#[inline(always)]
fn exponentials<L: Lanes>(scores: &mut [f32], scale: f32) -> f32 {
    let (chunks, tail) = scores.as_chunks_mut::<LANES>();
    // A last chunk that is not full counts for nothing in its empty lanes.
    let mut last = [f32::NEG_INFINITY; LANES];
    last[..tail.len()].copy_from_slice(tail);
    // The largest of a set is the same in any order.
    let mut largest = L::load(&last);
    for chunk in chunks.iter() {
        largest = largest.max(L::load(chunk));
    }
    let largest = L::splat(fold(largest, |a, b| if b > a { b } else { a }));
    let scale = L::splat(scale);
    let mut sums = L::splat(0.0);
    for chunk in chunks {
        let exponentials = exp(L::load(chunk).sub(largest).mul(scale));
        exponentials.store(chunk);
        sums = sums.add(exponentials);
    }
    if !tail.is_empty() {
        let exponentials = exp(L::load(&last).sub(largest).mul(scale));
        exponentials.store(&mut last);
        sums = sums.add(exponentials);
        tail.copy_from_slice(&last[..tail.len()]);
    }
    fold(sums, |a, b| a + b)
}

/// `values · factor` in place.
struct Scale<'a> {
    values: &'a mut [f32],
    factor: f32,
}

impl Vectorize for Scale<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self) {
        self.values.iter_mut().for_each(|value| *value *= self.factor);
    }
}
