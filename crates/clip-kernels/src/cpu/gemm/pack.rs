//! A weight packed into panels.

use super::huge_pages::PanelMemory;
use super::packed_words;
use super::panels::{NR, PanelRow, PanelScale, Panels};
use crate::reference::quantize_output;
use crate::shape_checks::WeightShape;
use crate::{DeviceError, MatrixView, Precision, Result};
use rayon::prelude::*;

/// Words packed at a time: one cache line of each of the 32 outputs.
const WORDS_AT_A_TIME: usize = 16;

/// A weight `[outputs, inputs]` packed for the CPU.
#[derive(Debug)]
pub struct PackedWeight {
    /// Panel after panel, as many rows each as the inputs have words.
    rows: PanelMemory,
    outputs: usize,
    inputs: usize,
    precision: Precision,
    /// One for each panel in int8, else none.
    scales: Vec<PanelScale>,
    /// Whether it is a kernel of 3 × 3 transformed for `winograd`: panels of one place after the
    /// other.
    is_transformed: bool,
}

impl PackedWeight {
    /// Packs a weight, its panels in parallel.
    pub(in crate::cpu) fn pack(weight: MatrixView<'_>, precision: Precision) -> Result<Self> {
        let (outputs, inputs) = (weight.outputs(), weight.inputs());
        let words = packed_words::count(precision, inputs);
        let panels = outputs.div_ceil(NR);
        let mut rows = PanelMemory::zeroed(panels, words)?;
        let scale_count = if precision == Precision::Int8 { panels } else { 0 };
        let mut scales = Vec::new();
        scales
            .try_reserve_exact(scale_count)
            .map_err(|_| DeviceError::out_of_memory::<PanelScale>("weights", scale_count, 1))?;
        scales.resize(scale_count, PanelScale::ZERO);
        let panels = rows.as_mut_slice().par_chunks_mut(words.max(1)).enumerate();
        match precision {
            Precision::Int8 => {
                let panels = panels.zip(&mut scales);
                panels.for_each(|((panel, rows), scale)| pack_integers(weight, panel, rows, scale));
            }
            _ => panels.for_each(|(panel, rows)| pack_panel(weight, precision, panel, rows)),
        }
        Ok(Self { rows, outputs, inputs, precision, scales, is_transformed: false })
    }

    /// Outputs of whole panels, as every place of a transformed kernel has.
    pub(in crate::cpu) fn whole_panels(outputs: usize) -> usize {
        outputs.next_multiple_of(NR)
    }

    /// What was packed are 16 places of a kernel with these sizes.
    pub(in crate::cpu) fn transformed(self, outputs: usize, inputs: usize) -> Self {
        Self { outputs, inputs, is_transformed: true, ..self }
    }

    pub(in crate::cpu) fn is_transformed(&self) -> bool {
        self.is_transformed
    }

    /// One place of a transformed kernel, `[outputs, channels]`.
    pub(in crate::cpu) fn panels_of_place(&self, place: usize) -> Panels<'_> {
        assert!(self.is_transformed, "a kernel that is not transformed");
        let &Self { ref rows, outputs, inputs, precision, ref scales, .. } = self;
        let (channels, panels) = (inputs / 9, outputs.div_ceil(NR));
        let rows = &rows.as_slice()[place * panels * channels..(place + 1) * panels * channels];
        Panels { rows, outputs, inputs: channels, precision, scales }
    }

    pub(in crate::cpu) fn outputs(&self) -> usize {
        self.outputs
    }

    pub(in crate::cpu) fn shape(&self) -> WeightShape {
        WeightShape { outputs: self.outputs, inputs: self.inputs }
    }

    pub(in crate::cpu) fn panels(&self) -> Panels<'_> {
        assert!(!self.is_transformed, "a transformed kernel in a product");
        let &Self { ref rows, outputs, inputs, precision, ref scales, .. } = self;
        Panels { rows: rows.as_slice(), outputs, inputs, precision, scales }
    }
}

/// f32 and bf16.
fn pack_panel(weight: MatrixView<'_>, precision: Precision, panel: usize, rows: &mut [PanelRow]) {
    let first = panel * NR;
    let outputs = NR.min(weight.outputs() - first);
    let inputs_of_word = packed_words::inputs_of(precision);
    let mut values = [0.0; 2 * WORDS_AT_A_TIME];
    let mut packed = [0; WORDS_AT_A_TIME];
    for (block, rows) in rows.chunks_mut(WORDS_AT_A_TIME).enumerate() {
        let start = block * WORDS_AT_A_TIME * inputs_of_word;
        let end = weight.inputs().min(start + WORDS_AT_A_TIME * inputs_of_word);
        for output in 0..outputs {
            let values = &mut values[..end - start];
            match weight.inputs_of(first + output) {
                Some(inputs) => values.copy_from_slice(&inputs[start..end]),
                None => (start..end).zip(values.iter_mut()).for_each(|(input, value)| {
                    *value = weight.at(first + output, input);
                }),
            }
            packed_words::from_values(precision, values, &mut packed[..rows.len()]);
            for (row, &word) in rows.iter_mut().zip(&packed) {
                row.0[output] = word;
            }
        }
    }
}

/// int8: an output's scale needs all of its inputs first.
fn pack_integers(
    weight: MatrixView<'_>,
    panel: usize,
    rows: &mut [PanelRow],
    scale: &mut PanelScale,
) {
    let first = panel * NR;
    let mut values = Vec::with_capacity(weight.inputs());
    for output in 0..NR.min(weight.outputs() - first) {
        values.clear();
        values.extend((0..weight.inputs()).map(|input| weight.at(first + output, input)));
        let (step, integers) = quantize_output(&values);
        let sum: i32 = integers.iter().map(|&integer| i32::from(integer)).sum();
        scale.steps.set(output, step);
        scale.sums.set(output, (f64::from(sum) * f64::from(step)) as f32);
        for (row, integers) in
            rows.iter_mut().zip(integers.chunks(packed_words::inputs_of(Precision::Int8)))
        {
            let mut word = [0; 4];
            word.iter_mut()
                .zip(integers)
                .for_each(|(byte, &integer)| *byte = integer.cast_unsigned());
            row.0[output] = u32::from_ne_bytes(word);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pack(weight: MatrixView<'_>, precision: Precision) -> PackedWeight {
        PackedWeight::pack(weight, precision).unwrap()
    }

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
        for precision in Precision::ALL {
            let a = pack(MatrixView::output_major(&output_major, outputs, inputs), precision);
            let b = pack(MatrixView::input_major(&input_major, inputs, outputs), precision);
            assert!(a.rows.as_slice().iter().zip(b.rows.as_slice()).all(|(a, b)| a.0 == b.0));
            assert_eq!(a.panels().count(), 2);
        }
        let a = pack(MatrixView::output_major(&output_major, outputs, inputs), Precision::F32);
        let row = a.panels().slice(1, 20..21)[0].0.map(f32::from_bits); // input 20, outputs 32..64
        assert_eq!(row[..4], [32.0 * 21.0 + 20.0, 33.0 * 21.0 + 20.0, 34.0 * 21.0 + 20.0, 0.0]);
    }

    #[test]
    fn words_hold_two_bf16_or_four_integers_first_input_lowest() {
        let view = MatrixView::output_major(&[1.0, -2.0, 0.5, 127.0, 3.0], 1, 5);
        let bf16 = pack(view, Precision::Bf16);
        assert_eq!(
            bf16.panels().slice(0, 0..3).iter().map(|row| row.0[0]).collect::<Vec<_>>(),
            [0xC000_3F80, 0x42FE_3F00, 0x0000_4040,]
        );
        let int8 = pack(view, Precision::Int8);
        assert_eq!(
            int8.panels().slice(0, 0..2).iter().map(|row| row.0[0]).collect::<Vec<_>>(),
            [0x7F00_FE01, 0x0000_0003,]
        );
        let scale = int8.panels().scales[0];
        assert_eq!((scale.steps.0[0][0], scale.sums.0[0][0]), (1.0, 129.0));
    }
}
