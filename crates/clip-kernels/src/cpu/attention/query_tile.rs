//! As many queries as one tile of the micro-kernel has rows: scores, exponentials and output are
//! computed while they stay in the first-level cache.

use crate::Precision;
use crate::cpu::gemm::{
    MAX_MR, NR, Operands, PanelRow, Panels, Sums, count_words, micro_kernel, words_of_row,
};
use crate::cpu::isa::{Isa, Vectorize};
use crate::cpu::lanes::{LANES, Lanes};
use crate::cpu::target::Target;
use std::ops::Range;

/// Rows of the queries, and memory for what becomes of them, used by one tile after the other.
pub(super) struct QueryTile {
    rows: usize,
    /// Keys that the last of them sees.
    seen: usize,
    /// `[rows, words of the head's width]`
    queries: Vec<u32>,
    /// `[rows, stride]`
    pub(super) scores: Vec<f32>,
    /// Values from one row of scores to the next: whole panels of keys.
    pub(super) stride: usize,
    /// The exponentials in words: `[rows, stride]` values.
    exponentials: Vec<u32>,
    sums: Sums,
}

impl Default for QueryTile {
    fn default() -> Self {
        Self {
            rows: 0,
            seen: 0,
            queries: Vec::new(),
            scores: Vec::new(),
            stride: 0,
            exponentials: Vec::new(),
            sums: [PanelRow::ZERO; MAX_MR],
        }
    }
}

impl QueryTile {
    /// `scores[query] = query · keyᵀ` for the first `seen` keys, and more up to a whole panel.
    pub(super) fn multiply_keys<'a>(
        &mut self,
        isa: Isa,
        queries: impl ExactSizeIterator<Item = &'a [f32]>,
        keys: Panels<'_>,
        seen: usize,
    ) {
        let (precision, words) = (keys.precision, keys.words());
        (self.rows, self.seen) = (queries.len(), seen);
        self.stride = seen.next_multiple_of(NR);
        grow(&mut self.queries, self.rows * words);
        grow(&mut self.scores, self.rows * self.stride);
        for (query, words) in queries.zip(self.queries.chunks_exact_mut(words)) {
            words_of_row(isa, precision, query, words);
        }
        for panel in 0..self.stride / NR {
            let operands = self.operands(&self.queries, words, keys.slice(panel, 0..words));
            micro_kernel(isa, precision, operands, &mut self.sums);
            let rows = self.scores.chunks_exact_mut(self.stride).take(self.rows);
            for (row, PanelRow(sums)) in rows.zip(&self.sums) {
                row[panel * NR..][..NR].copy_from_slice(bytemuck::cast_slice(sums));
            }
        }
    }

    /// `Σ exponential · value` over the keys seen times the factor of each query.
    ///
    /// # Safety
    /// Nobody else may use these columns of the target's rows from `row` on meanwhile.
    pub(super) unsafe fn multiply_values(
        &mut self,
        isa: Isa,
        values: Panels<'_>,
        factors: &[f32],
        target: Target<'_>,
        row: usize,
        columns: Range<usize>,
    ) {
        let (precision, words) = (values.precision, count_words(values.precision, self.seen));
        // In f32 a value is its own word.
        let stride = count_words(precision, self.stride);
        if precision == Precision::Bf16 {
            grow(&mut self.exponentials, self.rows * stride);
            let rows = self.scores.chunks_exact(self.stride).take(self.rows);
            for (row, words) in rows.zip(self.exponentials.chunks_exact_mut(stride)) {
                words_of_row(isa, precision, row, words);
            }
        }
        for panel in 0..values.count() {
            let exponentials = match precision {
                Precision::Bf16 => &self.exponentials,
                _ => bytemuck::cast_slice(&self.scores),
            };
            let operands = self.operands(exponentials, stride, values.slice(panel, 0..words));
            micro_kernel(isa, precision, operands, &mut self.sums);
            let first = columns.start + panel * NR;
            let columns = first..columns.end.min(first + NR);
            for (place, (PanelRow(sums), &factor)) in self.sums.iter().zip(factors).enumerate() {
                // SAFETY: the caller's promise, passed on.
                let out = unsafe { target.part(row + place, columns.clone()) };
                isa.vectorize(Scaled { sums, factor, out });
            }
        }
    }

    fn operands<'a>(&self, lhs: &'a [u32], stride: usize, panel: &'a [PanelRow]) -> Operands<'a> {
        Operands { lhs, stride, rows: self.rows, panel, ahead: &[] }
    }
}

/// At least so long; what is in it is written over.
fn grow<T: Copy + Default>(values: &mut Vec<T>, length: usize) {
    if values.len() < length {
        values.resize(length, T::default());
    }
}

/// Sums of a row times a factor, as far as there are outputs.
struct Scaled<'a> {
    sums: &'a [u32; NR],
    factor: f32,
    out: &'a mut [f32],
}

impl Vectorize for Scaled<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self) {
        let Self { sums, factor, out } = self;
        let (chunks, tail) = out.as_chunks_mut::<LANES>();
        let mut sums = sums.as_chunks::<LANES>().0.iter();
        for (out, sums) in chunks.iter_mut().zip(&mut sums) {
            L::load_bits(sums).mul(L::splat(factor)).store(out);
        }
        for (out, &sum) in tail.iter_mut().zip(sums.flatten()) {
            *out = f32::from_bits(sum) * factor;
        }
    }
}
