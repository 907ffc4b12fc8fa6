//! Rows as the right side of a product, each of them one input of all outputs: weights that are
//! stored input-major, and activations in the gradient of a weight.

use super::lhs::Lhs;
use super::packed_words::{self, Rows};
use super::panels::{NR, PanelRow};
use crate::Precision;
use crate::cpu::isa::Isa;
use crate::cpu::target::Target;
use crate::cpu::thread_team;
use std::ops::Range;

/// Words packed at a time: the rows they come from stay in the first-level cache, or where the
/// prefetcher finds them, while panel after panel takes its part.
const WORDS_AT_A_TIME: usize = 64;

/// Some rows `[inputs, outputs]`.
#[derive(Clone)]
pub(in crate::cpu) struct Rhs<'a> {
    /// Anything but columns and words.
    pub(in crate::cpu) rows: Lhs<'a>,
    pub(in crate::cpu) inputs: Range<usize>,
    pub(in crate::cpu) outputs: usize,
}

impl Rhs<'_> {
    /// Writes all words of the panels, on the threads of the team.
    ///
    /// - `panels`: as many for each 32 outputs as the inputs have words
    pub(super) fn pack(&self, isa: Isa, precision: Precision, panels: &mut [PanelRow]) {
        let words = packed_words::count(precision, self.inputs.len());
        if words == 0 {
            return;
        }
        let count = self.outputs.div_ceil(NR);
        assert_eq!(panels.len(), count * words, "rows of the panels");
        let target = Target::new(panels, words);
        thread_team::for_each(words.div_ceil(WORDS_AT_A_TIME), |task| {
            let first = task * WORDS_AT_A_TIME;
            let words = first..words.min(first + WORDS_AT_A_TIME);
            for panel in 0..count {
                let outputs = panel * NR..self.outputs.min((panel + 1) * NR);
                // SAFETY: each task has its own words of all panels.
                let out = unsafe { target.part(panel, words.clone()) };
                self.pack_words(isa, precision, first, outputs, out);
            }
        });
    }

    /// Words of one panel from the first one on.
    fn pack_words(
        &self,
        isa: Isa,
        precision: Precision,
        first: usize,
        outputs: Range<usize>,
        out: &mut [PanelRow],
    ) {
        let inputs_of_word = packed_words::inputs_of(precision);
        let start = self.inputs.start + first * inputs_of_word;
        let inputs = start..self.inputs.end.min(start + out.len() * inputs_of_word);
        let width = outputs.len();
        let rows = inputs.len();
        if let Lhs::Rows { values, stride, column } = self.rows {
            let values = &values[inputs.start * stride + column + outputs.start..];
            return packed_words::from_rows(
                isa,
                precision,
                Rows { values, stride, rows, width },
                out,
            );
        }
        if precision == Precision::F32 {
            if width < NR {
                out.fill(PanelRow::ZERO);
            }
            let out = bytemuck::cast_slice_mut(out);
            return self.rows.copy_rows(isa, inputs, outputs, out, NR);
        }
        let mut values = [0.0; 2 * WORDS_AT_A_TIME * NR];
        self.rows.copy_rows(isa, inputs, outputs, &mut values, NR);
        packed_words::from_rows(
            isa,
            precision,
            Rows { values: &values, stride: NR, rows, width },
            out,
        );
    }
}
