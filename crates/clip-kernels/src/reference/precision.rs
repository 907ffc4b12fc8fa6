//! **Defines** what the narrower precisions do to the two sides of a product.

use crate::shape_checks::WeightShape;
use crate::{Matrix, MatrixView, Precision, Result};

/// A weight `[outputs, inputs]` as its precision keeps it.
#[derive(Debug, Clone)]
pub struct ReferenceWeight {
    values: Matrix,   // [outputs, inputs]; in int8 the integers
    scales: Vec<f32>, // [outputs] in int8, else empty
    precision: Precision,
    is_transformed: bool, // for Winograd's algorithm: [outputs, 16 · channels]
}

/// Values that Winograd's algorithm makes of 9.
const PLACES: usize = 16;

impl ReferenceWeight {
    /// Rounds every value; in int8 by the largest magnitude of its output.
    pub(super) fn new(weight: MatrixView<'_>, precision: Precision) -> Result<Self> {
        let mut values = Matrix::unwritten(weight.outputs(), weight.inputs())?;
        let mut scales = Vec::new();
        for output in 0..weight.outputs() {
            let of_output: Vec<f32> =
                (0..weight.inputs()).map(|input| weight.at(output, input)).collect();
            let kept = match precision {
                Precision::F32 => of_output,
                Precision::Bf16 => of_output.iter().map(|&value| round_to_bf16(value)).collect(),
                Precision::Int8 => {
                    let (scale, integers) = quantize_output(&of_output);
                    scales.push(scale);
                    integers.iter().map(|&integer| f32::from(integer)).collect()
                }
            };
            values.row_mut(output).copy_from_slice(&kept);
        }
        Ok(Self { values, scales, precision, is_transformed: false })
    }

    pub(super) fn precision(&self) -> Precision {
        self.precision
    }

    /// A kernel of 3 × 3, transformed and rounded to bf16.
    ///
    /// - `values`: `[outputs, 16 · channels]`
    pub(super) fn transformed(values: Matrix) -> Self {
        Self { values, scales: Vec::new(), precision: Precision::Bf16, is_transformed: true }
    }

    pub(super) fn is_transformed(&self) -> bool {
        self.is_transformed
    }

    /// That of the weight it was made of.
    pub(super) fn shape(&self) -> WeightShape {
        let (outputs, inputs) = (self.values.rows(), self.values.width());
        let inputs = if self.is_transformed { inputs / PLACES * 9 } else { inputs };
        WeightShape { outputs, inputs }
    }

    /// What is kept of one output.
    pub(super) fn row(&self, output: usize) -> &[f32] {
        self.values.row(output)
    }

    /// `Σ x·w` for every output, before bias and residual.
    pub(super) fn products(&self, x: &[f32]) -> Vec<f64> {
        assert!(!self.is_transformed, "a transformed kernel in a product");
        let outputs = 0..self.values.rows();
        match self.precision {
            Precision::F32 => outputs.map(|output| dot(x, self.values.row(output))).collect(),
            Precision::Bf16 => {
                let x: Vec<f32> = x.iter().map(|&value| round_to_bf16(value)).collect();
                outputs.map(|output| dot(&x, self.values.row(output))).collect()
            }
            Precision::Int8 => {
                let row = QuantizedRow::new(x);
                let shifted: Vec<f32> = row
                    .integers
                    .iter()
                    .map(|&integer| f32::from(integer) - row.zero as f32)
                    .collect();
                let scale = |output: usize| f64::from(row.scale) * f64::from(self.scales[output]);
                outputs
                    .map(|output| scale(output) * dot(&shifted, self.values.row(output)))
                    .collect()
            }
        }
    }
}

/// `Σ a·b` in f64, from the first to the last.
pub(super) fn dot(a: &[f32], b: &[f32]) -> f64 {
    a.iter().zip(b).map(|(&a, &b)| f64::from(a) * f64::from(b)).sum()
}

/// Values as one side of a product takes them, in a precision without scales: f32 or bf16.
pub(super) fn rounded(precision: Precision, values: &[f32]) -> Vec<f32> {
    values.iter().map(|&value| round(precision, f64::from(value)) as f32).collect()
}

/// The same of one value that is kept in f64.
pub(super) fn round(precision: Precision, value: f64) -> f64 {
    match precision {
        Precision::F32 => value,
        _ => f64::from(round_to_bf16(value as f32)),
    }
}

/// The nearest number of 8 significant bits, of two equally near the even one.
pub(crate) fn round_to_bf16(value: f32) -> f32 {
    let bits = value.to_bits();
    if value.is_nan() {
        return value;
    }
    let odd = (bits >> 16) & 1;
    f32::from_bits(bits.wrapping_add(0x7FFF + odd) & 0xFFFF_0000)
}

/// Scale and integers of one output: `w ≈ scale · integer`, integers in −127..=127.
pub(crate) fn quantize_output(weights: &[f32]) -> (f32, Vec<i8>) {
    let largest = weights.iter().fold(0.0_f32, |largest, weight| largest.max(weight.abs()));
    let inverse = if largest > 0.0 { 127.0 / largest } else { 0.0 };
    (
        largest / 127.0,
        weights.iter().map(|&weight| (weight * inverse).round_ties_even() as i8).collect(),
    )
}

/// A row in 8 bits: `x ≈ scale · (integer − zero)`.
pub(crate) struct QuantizedRow {
    pub(crate) scale: f32,
    pub(crate) zero: i32,
    pub(crate) integers: Vec<u8>,
}

impl QuantizedRow {
    /// The range of the row, widened to hold 0, cut into 255 steps. Of NaN the integer is 0.
    pub(crate) fn new(row: &[f32]) -> Self {
        let lowest = row.iter().fold(0.0_f32, |lowest, &value| lowest.min(value));
        let highest = row.iter().fold(0.0_f32, |highest, &value| highest.max(value));
        let range = highest - lowest;
        let inverse = if range > 0.0 { 255.0 / range } else { 0.0 };
        let zero = (-lowest * inverse).round_ties_even() as i32;
        let integer = |&value: &f32| match (value * inverse).round_ties_even() {
            steps if steps.is_nan() => 0,
            steps => (steps as i32 + zero).clamp(0, 255) as u8,
        };
        Self { scale: range / 255.0, zero, integers: row.iter().map(integer).collect() }
    }

    /// What it lacks to the row that it was made of; each step of it rounded to f32.
    pub(crate) fn rest(&self, row: &[f32]) -> Vec<f32> {
        let number = |&integer: &u8| self.scale * (i32::from(integer) - self.zero) as f32;
        row.iter().zip(&self.integers).map(|(value, integer)| value - number(integer)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bf16_rounds_to_nearest_even_and_keeps_what_is_not_a_number() {
        for (value, expected) in [
            (1.0, 1.0),
            (1.0 + 1.0 / 256.0, 1.0),
            (1.0 + 3.0 / 256.0, 1.0 + 4.0 / 256.0),
            (f32::MAX, f32::INFINITY),
        ] {
            assert_eq!(round_to_bf16(value), expected);
            assert_eq!(round_to_bf16(-value), -expected);
        }
        assert!(round_to_bf16(f32::NAN).is_nan());
    }

    #[test]
    fn int8_keeps_zero_exactly_and_the_rest_within_half_a_step() {
        for row in [vec![-1.0, 0.0, 3.0], vec![2.0, 5.0], vec![-7.0, -0.5], vec![0.0, 0.0]] {
            let quantized = QuantizedRow::new(&row);
            for (&value, &integer) in row.iter().zip(&quantized.integers) {
                let back = quantized.scale * (i32::from(integer) - quantized.zero) as f32;
                assert!((back - value).abs() <= 0.501 * quantized.scale, "{value} became {back}");
                assert!(value != 0.0 || back == 0.0);
            }
        }
        let (scale, integers) = quantize_output(&[-2.54, 0.0, 1.27]);
        assert!((scale - 0.02).abs() < 1e-6);
        assert_eq!(integers, [-127, 0, 64]);
    }
}
