//! Rows in 8 bits, each with a scale and a zero of its own.

use crate::cpu::isa::{Isa, Vectorize};
use crate::cpu::lanes::{LANES, Lanes, fold};

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

/// Takes from a row what its integers stand for, as `reference::QuantizedRow::rest` does.
pub(super) fn subtract_row(isa: Isa, scale: RowScale, words: &[u32], values: &mut [f32]) {
    isa.vectorize(SubtractRow { scale, words, values });
}

struct SubtractRow<'a> {
    scale: RowScale,
    words: &'a [u32],
    values: &'a mut [f32],
}

impl Vectorize for SubtractRow<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self) {
        let RowScale { step, zero } = self.scale;
        let integers: &[u8] = bytemuck::cast_slice(self.words);
        for (value, &integer) in self.values.iter_mut().zip(integers) {
            *value -= step * (i32::from(integer) - zero) as f32;
        }
    }
}

struct QuantizeRow<'a> {
    values: &'a [f32],
    words: &'a mut [u32],
}

/// Values at a time.
const VALUES: usize = 4 * LANES;

impl Vectorize for QuantizeRow<'_> {
    type Output = RowScale;

    #[inline(always)]
    fn run<L: Lanes>(self) -> RowScale {
        let (lowest, highest) = range::<L>(self.values);
        let range = highest - lowest;
        let inverse = if range > 0.0 { 255.0 / range } else { 0.0 };
        let zero = (-lowest * inverse).round_ties_even() as i32;
        let bytes: &mut [u8] = bytemuck::cast_slice_mut(self.words);
        let (bytes, rest) = bytes.split_at_mut(self.values.len());
        let ((values, tail), (bytes, last)) =
            (self.values.as_chunks::<VALUES>(), bytes.as_chunks_mut::<VALUES>());
        for (bytes, values) in bytes.iter_mut().zip(values) {
            *bytes = quantized::<L>(values, inverse, zero);
        }
        if !tail.is_empty() {
            let mut values = [0.0; VALUES];
            values[..tail.len()].copy_from_slice(tail);
            last.copy_from_slice(&quantized::<L>(&values, inverse, zero)[..tail.len()]);
        }
        rest.fill(0);
        RowScale { step: range / 255.0, zero }
    }
}

#[inline(always)]
fn quantized<L: Lanes>(values: &[f32; VALUES], inverse: f32, zero: i32) -> [u8; VALUES] {
    let [a, b, c, d]: &[[f32; LANES]; 4] = bytemuck::cast_ref(values);
    let inverse = L::splat(inverse);
    let numbers = [
        L::load(a).mul(inverse),
        L::load(b).mul(inverse),
        L::load(c).mul(inverse),
        L::load(d).mul(inverse),
    ];
    L::to_bytes(numbers, zero)
}

/// The lowest and the highest of the values and 0. NaN is neither.
#[inline(always)]
fn range<L: Lanes>(values: &[f32]) -> (f32, f32) {
    let (pairs, tail) = values.as_chunks::<{ 2 * LANES }>();
    let (mut lowest, mut highest) = ([L::splat(0.0); 2], [L::splat(0.0); 2]);
    for pair in pairs {
        let [a, b]: &[[f32; LANES]; 2] = bytemuck::cast_ref(pair);
        let (a, b) = (L::load(a), L::load(b));
        lowest = [lowest[0].at_most(a), lowest[1].at_most(b)];
        highest = [a.max(highest[0]), b.max(highest[1])];
    }
    let (lower, higher) =
        (|a: f32, b: f32| if b < a { b } else { a }, |a: f32, b: f32| if b > a { b } else { a });
    let lowest = fold(lowest[0].at_most(lowest[1]), lower);
    let highest = fold(highest[0].max(highest[1]), higher);
    (tail.iter().copied().fold(lowest, lower), tail.iter().copied().fold(highest, higher))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Precision;
    use crate::cpu::gemm::count_words;
    use crate::reference::QuantizedRow;

    #[test]
    fn what_is_no_number_has_the_integer_of_its_definition() {
        for isa in Isa::available() {
            for odd in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
                let mut values: Vec<f32> = (0..100).map(|i| i as f32 - 50.0).collect();
                (values[3], values[70]) = (odd, odd);
                let mut words = vec![0; count_words(Precision::Int8, values.len())];
                let scale = quantize_row(isa, &values, &mut words);
                let expected = QuantizedRow::new(&values);
                assert_eq!((scale.step, scale.zero), (expected.scale, expected.zero), "{odd}");
                let bytes: &[u8] = bytemuck::cast_slice(&words);
                assert_eq!(bytes, expected.integers, "{}, {odd}", isa.name());
            }
        }
    }

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
                    let mut rest = values.clone();
                    subtract_row(isa, scale, &words, &mut rest);
                    assert_eq!(rest, expected.rest(&values), "{}, {length} {offset}", isa.name());
                }
            }
        }
    }
}
