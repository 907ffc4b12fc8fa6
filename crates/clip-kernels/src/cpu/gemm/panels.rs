//! The layout of a packed weight: the order in which the tiles read it.
//!
//! ```text
//! weight [outputs, inputs]                     panel p: outputs 32·p .. 32·p + 32
//!
//!          inputs ─▶                           memory order ─▶
//! outputs  a0 a1 a2 …                          a0 b0 c0 … (32)   a1 b1 c1 … (32)   a2 b2 c2 …
//!    │     b0 b1 b2 …              ──▶         one `PanelRow`    the next inputs
//!    ▼     c0 c1 c2 …
//! ```
//!
//! `a0` is a *word* of 32 bits: one input in f32, two in bf16, four in int8; inputs and outputs are
//! filled up with zeros. One row of a panel is two cache lines in every precision, so one shape of
//! tile and one order of loops serve all three.

use super::packed_words;
use crate::Precision;

/// Outputs side by side in a panel: two 512-bit registers, four 256-bit ones.
pub(in crate::cpu) const NR: usize = 32;

/// What one word of inputs contributes to the 32 outputs of a panel.
#[derive(Debug, Clone, Copy)]
#[repr(C, align(64))]
pub(in crate::cpu) struct PanelRow(pub(in crate::cpu) [u32; NR]);

// SAFETY: the array alone, which fills its two lines of 64 bytes.
unsafe impl bytemuck::Zeroable for PanelRow {}
// SAFETY: as above.
unsafe impl bytemuck::Pod for PanelRow {}

impl PanelRow {
    pub(in crate::cpu) const ZERO: Self = Self([0; NR]);
}

/// A number for each output of a panel.
#[derive(Debug, Clone, Copy)]
pub(super) struct PanelVector(pub(super) [[f32; 16]; 2]);

impl PanelVector {
    pub(super) const ZERO: Self = Self([[0.0; 16]; 2]);

    pub(super) fn set(&mut self, output: usize, value: f32) {
        self.0.as_flattened_mut()[output] = value;
    }
}

/// How the integers of a panel become numbers.
#[derive(Debug, Clone, Copy)]
pub(in crate::cpu) struct PanelScale {
    /// One step of each output's weights.
    pub(super) steps: PanelVector,
    /// Sum of each output's weights as they are kept, which a row's zero is multiplied with.
    pub(super) sums: PanelVector,
}

impl PanelScale {
    pub(super) const ZERO: Self = Self { steps: PanelVector::ZERO, sums: PanelVector::ZERO };
}

/// Panels wherever they were packed: as many rows for each 32 outputs as the inputs have words.
#[derive(Clone, Copy)]
pub(in crate::cpu) struct Panels<'a> {
    pub(in crate::cpu) rows: &'a [PanelRow],
    pub(in crate::cpu) outputs: usize,
    pub(in crate::cpu) inputs: usize,
    pub(in crate::cpu) precision: Precision,
    /// One for each panel in int8, else none.
    pub(in crate::cpu) scales: &'a [PanelScale],
}

impl<'a> Panels<'a> {
    pub(in crate::cpu) fn count(&self) -> usize {
        self.outputs.div_ceil(NR)
    }

    /// Words of the inputs.
    pub(in crate::cpu) fn words(&self) -> usize {
        packed_words::count(self.precision, self.inputs)
    }

    /// Some words of one panel.
    pub(in crate::cpu) fn slice(
        &self,
        panel: usize,
        words: std::ops::Range<usize>,
    ) -> &'a [PanelRow] {
        let start = panel * self.words();
        &self.rows[start + words.start..start + words.end]
    }
}
