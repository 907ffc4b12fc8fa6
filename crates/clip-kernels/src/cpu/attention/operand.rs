//! Rows of one head as the right side of a product.

use crate::cpu::gemm::{NR, PanelRow, Panels, count_words, words_of_pair, words_of_row};
use crate::cpu::isa::Isa;
use crate::cpu::transpose::Transpose;
use crate::{Matrix, Precision};
use std::ops::Range;

/// The columns of one head in some rows of a matrix: its queries, keys, values or their gradients.
#[derive(Clone, Copy)]
pub(super) struct Operand<'a> {
    pub(super) matrix: &'a Matrix,
    /// Ranges of rows, one after the other.
    pub(super) rows: &'a [Range<usize>],
    pub(super) first_column: usize,
    pub(super) head_width: usize,
}

impl<'a> Operand<'a> {
    fn rows(&self) -> impl Iterator<Item = &'a [f32]> {
        let Self { matrix, rows, first_column, head_width } = *self;
        let columns = first_column..first_column + head_width;
        rows.iter().cloned().flatten().map(move |row| &matrix.row(row)[columns.clone()])
    }

    fn count(&self) -> usize {
        self.rows.iter().map(ExactSizeIterator::len).sum()
    }
}

/// Packed rows of one head; the memory serves one head after the other.
#[derive(Debug)]
pub(super) struct Packed {
    panels: Vec<PanelRow>,
    words: Vec<u32>,
    outputs: usize,
    inputs: usize,
    precision: Precision,
}

impl Default for Packed {
    fn default() -> Self {
        let precision = Precision::F32;
        Self { panels: Vec::new(), words: Vec::new(), outputs: 0, inputs: 0, precision }
    }
}

impl Packed {
    pub(super) fn panels(&self) -> Panels<'_> {
        let &Self { ref panels, outputs, inputs, precision, .. } = self;
        Panels { rows: panels, outputs, inputs, precision, scales: &[] }
    }

    /// Each row an output, as of `x · rowsᵀ`: a panel has 32 of them, a row of it one word of
    /// features. Zeros that fill the last panel are outputs too: what is computed of them is never
    /// looked at.
    pub(super) fn pack_as_outputs(&mut self, isa: Isa, precision: Precision, of: Operand<'_>) {
        let words = count_words(precision, of.head_width);
        self.precision = precision;
        (self.outputs, self.inputs) = (of.count().next_multiple_of(NR), of.head_width);
        self.words.resize(self.outputs * words, 0);
        self.words[of.count() * words..].fill(0);
        for (row, words) in of.rows().zip(self.words.chunks_exact_mut(words)) {
            words_of_row(isa, precision, row, words);
        }
        self.panels.resize(self.outputs / NR * words, PanelRow::ZERO);
        let panels = self.panels.chunks_exact_mut(words);
        for (source, panel) in self.words.chunks_exact(NR * words).zip(panels) {
            let out = bytemuck::cast_slice_mut(panel);
            let (rows, columns) = (NR, words);
            Transpose { source, source_stride: words, rows, columns, out, stride: NR }.run(isa);
        }
    }

    /// Each row an input, as of `x · rows`: a panel has 32 features, a row of it one word of rows.
    /// Outputs that fill the last panel are whatever was there: nobody looks at what is computed of
    /// them.
    pub(super) fn pack_as_inputs(&mut self, isa: Isa, precision: Precision, of: Operand<'_>) {
        let words = count_words(precision, of.count());
        self.precision = precision;
        (self.outputs, self.inputs) = (of.head_width, of.count());
        self.panels.resize(self.outputs.div_ceil(NR) * words, PanelRow::ZERO);
        let (mut rows, mut word) = (of.rows(), 0);
        while let Some(first) = rows.next() {
            let second = if precision == Precision::Bf16 { rows.next() } else { None };
            let second = second.unwrap_or_default();
            for (panel, first) in first.chunks(NR).enumerate() {
                let second = second.get(panel * NR..).unwrap_or_default();
                let second = &second[..second.len().min(first.len())];
                let out = &mut self.panels[panel * words + word].0[..first.len()];
                words_of_pair(isa, precision, first, second, out);
            }
            word += 1;
        }
    }
}
