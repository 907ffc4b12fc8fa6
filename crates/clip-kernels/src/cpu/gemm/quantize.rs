//! Rows in 8 bits, each with a scale and a zero of its own.

use crate::cpu::isa::{Isa, Vectorize};
use crate::cpu::lanes::Lanes;

/// How the integers of one row become numbers: `x ≈ step · (integer − zero)`.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct RowScale {
    pub(super) step: f32,
    pub(super) zero: i32,
}

/// A row in 8 bits, as `reference::QuantizedRow` defines it, bit for bit.
///
/// - `values`: `[inputs]`
/// - `words`: what the last one lacks is zero, which counts for nothing: the weight has zeros there
pub(super) fn quantize_row(isa: Isa, values: &[f32], words: &mut [u32]) -> RowScale {
    isa.vectorize(QuantizeRow { values, words })
}

struct QuantizeRow<'a> {
    values: &'a [f32],
    words: &'a mut [u32],
}

/// Adding `1.5 · 2²³` rounds to an integer, ties to even, which then stands in the low bits.
const ROUND: f32 = 12_582_912.0;
/// Values side by side in the search for the range.
const LANES: usize = 32;

impl Vectorize for QuantizeRow<'_> {
    type Output = RowScale;

    #[inline(always)]
    fn run<L: Lanes>(self) -> RowScale {
        let (lowest, highest) = range(self.values);
        let range = highest - lowest;
        let inverse = if range > 0.0 { 255.0 / range } else { 0.0 };
        let zero = rounded(-lowest * inverse);
        let integer = |value: f32| (rounded(value * inverse) + zero).clamp(0, 255) as u8;
        let bytes: &mut [u8] = bytemuck::cast_slice_mut(self.words);
        let (bytes, rest) = bytes.split_at_mut(self.values.len());
        for (byte, &value) in bytes.iter_mut().zip(self.values) {
            *byte = integer(value);
        }
        rest.fill(0);
        RowScale { step: range / 255.0, zero }
    }
}

/// The lowest and the highest of the values and 0. NaN is neither.
#[inline(always)]
fn range(values: &[f32]) -> (f32, f32) {
    let (mut lowest, mut highest) = ([0.0_f32; LANES], [0.0_f32; LANES]);
    let (chunks, tail) = values.as_chunks::<LANES>();
    for chunk in chunks {
        for lane in 0..LANES {
            lowest[lane] = if chunk[lane] < lowest[lane] { chunk[lane] } else { lowest[lane] };
            highest[lane] = if chunk[lane] > highest[lane] { chunk[lane] } else { highest[lane] };
        }
    }
    let lowest = lowest.iter().chain(tail).fold(0.0_f32, |a, &b| if b < a { b } else { a });
    let highest = highest.iter().chain(tail).fold(0.0_f32, |a, &b| if b > a { b } else { a });
    (lowest, highest)
}

/// The nearest integer of a number within ±2²².
#[inline(always)]
fn rounded(value: f32) -> i32 {
    (value + ROUND).to_bits().wrapping_sub(ROUND.to_bits()).cast_signed()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Precision;
    use crate::cpu::gemm::count_words;
    use crate::reference::QuantizedRow;

    #[test]
    fn a_row_in_integers_equals_its_definition_on_every_instruction_set() {
        for isa in Isa::available() {
            for length in [0_usize, 1, 3, 31, 32, 33, 70, 200] {
                for offset in [-3.0, 0.0, 2.5] {
                    let values: Vec<f32> =
                        (0..length).map(|i| (i * i % 97) as f32 / 31.0 + offset).collect();
                    let mut words = vec![u32::MAX; count_words(Precision::Int8, length)];
                    let scale = quantize_row(isa, &values, &mut words);
                    let expected = QuantizedRow::new(&values);
                    let bytes: &[u8] = bytemuck::cast_slice(&words);
                    assert_eq!(
                        (scale.step, scale.zero),
                        (expected.scale, expected.zero),
                        "{length} {offset}"
                    );
                    assert_eq!(
                        bytes[..length],
                        expected.integers,
                        "{}, {length} {offset}",
                        isa.name()
                    );
                    assert!(bytes[length..].iter().all(|&byte| byte == 0));
                }
            }
        }
    }
}
