//! A weight packed into panels.

use super::huge_pages::{PanelMemory, Use};
use super::lhs::Lhs;
use super::packed_words;
use super::panels::{NR, PanelRow, PanelScale, Panels};
use super::rhs::Rhs;
use crate::cpu::isa::Isa;
use crate::cpu::target::for_each_chunk;
use crate::cpu::transpose::Transpose;
use crate::reference::quantize_output;
use crate::shape_checks::WeightShape;
use crate::{DeviceError, MatrixView, Precision, Result};
use rayon::prelude::*;
use std::ops::Range;

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
    /// Packs a weight, its panels in parallel; in int8 to be kept.
    pub(in crate::cpu) fn pack(
        isa: Isa,
        weight: MatrixView<'_>,
        precision: Precision,
        memory: Use,
    ) -> Result<Self> {
        let (outputs, inputs) = (weight.outputs(), weight.inputs());
        let mut scales = Vec::new();
        let mut packed = Self::fill(outputs, inputs, precision, memory, |rows| {
            if precision == Precision::Int8 {
                assert_eq!(memory, Use::Kept, "integers are packed into zeros");
                scales = pack_integers(weight, rows)?;
            } else {
                pack_numbers(isa, weight, precision, rows);
            }
            Ok(())
        })?;
        packed.scales = scales;
        Ok(packed)
    }

    /// Packs rows of which each is one input, for one product.
    pub(in crate::cpu) fn pack_rows(
        isa: Isa,
        rows: &Rhs<'_>,
        precision: Precision,
    ) -> Result<Self> {
        Self::fill(rows.outputs, rows.inputs.len(), precision, Use::Once, |panels| {
            rows.pack(isa, precision, panels);
            Ok(())
        })
    }

    /// 16 places of a kernel of 3 × 3 with these sizes, panels of one place after the other, which
    /// `fill` writes whole.
    pub(in crate::cpu) fn transformed(
        outputs: usize,
        inputs: usize,
        precision: Precision,
        memory: Use,
        fill: impl FnOnce(&mut [PanelRow]),
    ) -> Result<Self> {
        let whole = 16 * outputs.next_multiple_of(NR);
        let packed = Self::fill(whole, inputs / 9, precision, memory, |rows| {
            fill(rows);
            Ok(())
        })?;
        Ok(Self { outputs, inputs, is_transformed: true, ..packed })
    }

    /// Panels that `fill` writes, into zeros where they are kept.
    fn fill(
        outputs: usize,
        inputs: usize,
        precision: Precision,
        memory: Use,
        fill: impl FnOnce(&mut [PanelRow]) -> Result<()>,
    ) -> Result<Self> {
        let words = packed_words::count(precision, inputs);
        let mut rows = PanelMemory::new(memory, outputs.div_ceil(NR), words)?;
        fill(rows.as_mut_slice())?;
        Ok(Self { rows, outputs, inputs, precision, scales: Vec::new(), is_transformed: false })
    }

    pub(in crate::cpu) fn is_transformed(&self) -> bool {
        self.is_transformed
    }

    /// One place of a transformed kernel, `[outputs, channels]`.
    pub(in crate::cpu) fn panels_of_place(&self, place: usize) -> Panels<'_> {
        assert!(self.is_transformed, "a kernel that is not transformed");
        let &Self { ref rows, outputs, inputs, precision, ref scales, .. } = self;
        let channels = inputs / 9;
        let rows_of_place = outputs.div_ceil(NR) * packed_words::count(precision, channels);
        let rows = &rows.as_slice()[place * rows_of_place..(place + 1) * rows_of_place];
        Panels { rows, outputs, inputs: channels, precision, scales }
    }

    pub(in crate::cpu) fn outputs(&self) -> usize {
        self.outputs
    }

    pub(in crate::cpu) fn precision(&self) -> Precision {
        self.precision
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

/// f32 and bf16; every word of the panels is written.
fn pack_numbers(isa: Isa, weight: MatrixView<'_>, precision: Precision, panels: &mut [PanelRow]) {
    let (values, outputs, inputs) = (weight.values(), weight.outputs(), weight.inputs());
    if !weight.is_output_major() {
        let rows = Lhs::Rows { values, stride: outputs, column: 0 };
        return Rhs { rows, inputs: 0..inputs, outputs }.pack(isa, precision, panels);
    }
    for_each_chunk(panels, packed_words::count(precision, inputs), |panel, rows| {
        let first = panel * NR;
        let outputs = NR.min(outputs - first);
        let values = &values[first * inputs..(first + outputs) * inputs];
        pack_outputs(isa, values, inputs, precision, rows);
    });
}

/// One panel.
///
/// - `values`: `[outputs, inputs]`
fn pack_outputs(
    isa: Isa,
    values: &[f32],
    inputs: usize,
    precision: Precision,
    panel: &mut [PanelRow],
) {
    let outputs = values.len() / inputs;
    if outputs < NR {
        panel.fill(PanelRow::ZERO);
    }
    let mut turn = |source: &[u32], source_stride: usize, words: Range<usize>| {
        let (columns, out) = (words.len(), bytemuck::cast_slice_mut(&mut panel[words]));
        Transpose { source, source_stride, rows: outputs, columns, out, stride: NR }.run(isa);
    };
    if precision == Precision::F32 {
        return turn(bytemuck::cast_slice(values), inputs, 0..inputs);
    }
    /// Words turned at a time: with those of the panel they stay in the first-level cache.
    const WORDS: usize = 64;
    let mut words = [0; NR * WORDS];
    for start in (0..inputs).step_by(2 * WORDS) {
        let part = start..inputs.min(start + 2 * WORDS);
        let count = packed_words::count(precision, part.len());
        for (row, words) in values.chunks_exact(inputs).zip(words.chunks_exact_mut(WORDS)) {
            packed_words::from_row(isa, precision, &row[part.clone()], &mut words[..count]);
        }
        turn(&words, WORDS, start / 2..start / 2 + count);
    }
}

/// int8, into zeros; gives the scales of the panels.
fn pack_integers(weight: MatrixView<'_>, rows: &mut [PanelRow]) -> Result<Vec<PanelScale>> {
    let (words, panels) =
        (packed_words::count(Precision::Int8, weight.inputs()), weight.outputs().div_ceil(NR));
    let mut scales = Vec::new();
    scales
        .try_reserve_exact(panels)
        .map_err(|_| DeviceError::out_of_memory::<PanelScale>("weights", panels, 1))?;
    scales.resize(panels, PanelScale::ZERO);
    rows.par_chunks_mut(words.max(1))
        .zip(&mut scales)
        .enumerate()
        .for_each(|(panel, (rows, scale))| pack_integer_panel(weight, panel, rows, scale));
    Ok(scales)
}

/// An output's scale needs all of its inputs first.
fn pack_integer_panel(
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
        PackedWeight::pack(Isa::detect(), weight, precision, Use::Kept).unwrap()
    }

    #[test]
    fn both_orders_pack_alike_and_zeros_fill_the_last_panel_and_the_last_word() {
        for (isa, (outputs, inputs)) in
            Isa::available().flat_map(|isa| [(35, 21), (64, 160), (1, 1)].map(|size| (isa, size)))
        {
            let value = |output: usize, input: usize| (output * inputs + input) as f32 - 99.5;
            let places = |rows: usize, columns: usize| {
                (0..rows).flat_map(move |row| (0..columns).map(move |column| (row, column)))
            };
            let output_major: Vec<f32> =
                places(outputs, inputs).map(|(o, i)| value(o, i)).collect();
            let input_major: Vec<f32> = places(inputs, outputs).map(|(i, o)| value(o, i)).collect();
            let views = [
                MatrixView::output_major(&output_major, outputs, inputs),
                MatrixView::input_major(&input_major, inputs, outputs),
            ];
            for (view, precision) in
                views.into_iter().flat_map(|view| Precision::ALL.map(|p| (view, p)))
            {
                let kept = PackedWeight::pack(isa, view, precision, Use::Kept).unwrap();
                if precision == Precision::Int8 {
                    let other = PackedWeight::pack(isa, views[0], precision, Use::Kept).unwrap();
                    assert_eq!(words(&kept), words(&other));
                    continue;
                }
                drop(PackedWeight::pack(isa, views[0], precision, Use::Once).unwrap()); // other content
                let once = PackedWeight::pack(isa, view, precision, Use::Once).unwrap();
                let inputs_of_word = packed_words::inputs_of(precision);
                let expected = places(outputs.div_ceil(NR), inputs.div_ceil(inputs_of_word))
                    .flat_map(|(panel, word)| (0..NR).map(move |i| (panel * NR + i, word)))
                    .map(|(output, word)| {
                        let values: Vec<f32> = (word * inputs_of_word
                            ..inputs.min((word + 1) * inputs_of_word))
                            .map(|input| if output < outputs { value(output, input) } else { 0.0 })
                            .collect();
                        let mut word = [0];
                        packed_words::from_values(precision, &values, &mut word);
                        word[0]
                    });
                let expected: Vec<u32> = expected.collect();
                assert_eq!(words(&kept), expected, "{} {precision:?} {outputs}", isa.name());
                assert_eq!(words(&once), expected, "{} {precision:?} {outputs}", isa.name());
            }
        }
    }

    fn words(weight: &PackedWeight) -> Vec<u32> {
        weight.rows.as_slice().iter().flat_map(|row| row.0).collect()
    }

    #[test]
    fn a_row_of_a_panel_is_one_input_of_its_outputs() {
        let (outputs, inputs) = (35, 21);
        let output_major: Vec<f32> = (0..outputs * inputs).map(|i| i as f32).collect();
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
