//! A weight in the order the tiles read it.
//!
//! ```text
//! weight [outputs, inputs]                     panel p: outputs 32·p .. 32·p + 32
//!
//!          inputs ─▶                           memory order ─▶
//! outputs  a0 a1 a2 …                          a0 b0 c0 … (32)   a1 b1 c1 … (32)   a2 b2 c2 …
//!    │     b0 b1 b2 …              ──▶         one `PanelRow`    the next input
//!    ▼     c0 c1 c2 …
//! ```
//!
//! The last panel is filled up with zeros. One row of a panel is two cache lines.

use crate::MatrixView;
use rayon::prelude::*;

/// Outputs side by side in a panel: two 512-bit registers, four 256-bit ones.
pub(in crate::cpu) const PANEL_WIDTH: usize = 32;

/// What one input contributes to the 32 outputs of a panel.
#[derive(Debug, Clone, Copy)]
#[repr(C, align(64))]
pub(in crate::cpu) struct PanelRow(pub(in crate::cpu) [f32; PANEL_WIDTH]);

impl PanelRow {
    pub(in crate::cpu) const ZERO: Self = Self([0.0; PANEL_WIDTH]);
}

/// Inputs packed at a time: one cache line of each of the 32 outputs.
const INPUTS_AT_A_TIME: usize = 16;

/// A weight `[outputs, inputs]` packed for the CPU in f32.
#[derive(Debug, Clone)]
pub struct PackedWeight {
    /// Panel after panel, `inputs` rows each.
    rows: Vec<PanelRow>,
    outputs: usize,
    inputs: usize,
}

impl PackedWeight {
    /// Packs a weight, its panels in parallel.
    pub(in crate::cpu) fn pack(weight: MatrixView<'_>) -> Self {
        let (outputs, inputs) = (weight.outputs(), weight.inputs());
        let mut rows = vec![PanelRow::ZERO; outputs.div_ceil(PANEL_WIDTH) * inputs];
        if inputs > 0 {
            rows.par_chunks_mut(inputs).enumerate().for_each(|(panel, rows)| pack_panel(weight, panel, rows));
        }
        Self { rows, outputs, inputs }
    }

    pub(in crate::cpu) fn outputs(&self) -> usize {
        self.outputs
    }

    pub(in crate::cpu) fn inputs(&self) -> usize {
        self.inputs
    }

    pub(in crate::cpu) fn panels(&self) -> Panels<'_> {
        Panels { rows: &self.rows, outputs: self.outputs, inputs: self.inputs }
    }
}

fn pack_panel(weight: MatrixView<'_>, panel: usize, rows: &mut [PanelRow]) {
    let first = panel * PANEL_WIDTH;
    let outputs = PANEL_WIDTH.min(weight.outputs() - first);
    for (block, rows) in rows.chunks_mut(INPUTS_AT_A_TIME).enumerate() {
        let first_input = block * INPUTS_AT_A_TIME;
        for output in 0..outputs {
            match weight.inputs_of(first + output) {
                Some(inputs) => {
                    for (row, &value) in rows.iter_mut().zip(&inputs[first_input..]) {
                        row.0[output] = value;
                    }
                }
                None => {
                    for (input, row) in rows.iter_mut().enumerate() {
                        row.0[output] = weight.at(first + output, first_input + input);
                    }
                }
            }
        }
    }
}

/// Panels wherever they were packed: `inputs` rows for each 32 outputs.
#[derive(Clone, Copy)]
pub(in crate::cpu) struct Panels<'a> {
    pub(in crate::cpu) rows: &'a [PanelRow],
    pub(in crate::cpu) outputs: usize,
    pub(in crate::cpu) inputs: usize,
}

impl<'a> Panels<'a> {
    pub(in crate::cpu) fn count(&self) -> usize {
        self.outputs.div_ceil(PANEL_WIDTH)
    }

    /// Some inputs of one panel.
    pub(super) fn slice(&self, panel: usize, inputs: std::ops::Range<usize>) -> &'a [PanelRow] {
        let start = panel * self.inputs;
        &self.rows[start + inputs.start..start + inputs.end]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_orders_of_a_weight_pack_alike_and_zeros_fill_the_last_panel() {
        let (outputs, inputs) = (35, 21);
        let output_major: Vec<f32> = (0..outputs * inputs).map(|i| i as f32).collect();
        let mut input_major = vec![0.0; outputs * inputs];
        for output in 0..outputs {
            for input in 0..inputs {
                input_major[input * outputs + output] = output_major[output * inputs + input];
            }
        }
        let a = PackedWeight::pack(MatrixView::output_major(&output_major, outputs, inputs));
        let b = PackedWeight::pack(MatrixView::input_major(&input_major, inputs, outputs));
        assert!(a.rows.iter().zip(&b.rows).all(|(a, b)| a.0 == b.0));
        assert_eq!(a.panels().count(), 2);
        let row = a.panels().slice(1, 20..21)[0].0; // input 20, outputs 32..64
        assert_eq!(row[..4], [32.0 * 21.0 + 20.0, 33.0 * 21.0 + 20.0, 34.0 * 21.0 + 20.0, 0.0]);
    }
}
