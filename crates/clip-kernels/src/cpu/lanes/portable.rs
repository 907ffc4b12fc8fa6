//! An array, for the compiler to find registers for.

use super::{LANES, Lanes};
use crate::cpu::isa::multiply_add;

#[derive(Clone, Copy)]
pub(in crate::cpu) struct Portable([f32; LANES]);

impl Lanes for Portable {
    const FUSED: bool = cfg!(target_arch = "aarch64");

    #[inline(always)]
    fn splat(value: f32) -> Self {
        Self([value; LANES])
    }

    #[inline(always)]
    fn load(values: &[f32; LANES]) -> Self {
        Self(*values)
    }

    #[inline(always)]
    fn store(self, values: &mut [f32; LANES]) {
        *values = self.0;
    }

    #[inline(always)]
    fn add(self, other: Self) -> Self {
        Self(std::array::from_fn(|lane| self.0[lane] + other.0[lane]))
    }

    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        Self(std::array::from_fn(|lane| self.0[lane] - other.0[lane]))
    }

    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        Self(std::array::from_fn(|lane| self.0[lane] * other.0[lane]))
    }

    #[inline(always)]
    fn mul_add(self, factor: Self, term: Self) -> Self {
        let lane =
            |lane: usize| multiply_add(Self::FUSED, self.0[lane], factor.0[lane], term.0[lane]);
        Self(std::array::from_fn(lane))
    }

    #[inline(always)]
    fn reciprocal(self) -> Self {
        Self(self.0.map(|value| 1.0 / value))
    }

    #[inline(always)]
    fn at_most(self, limit: Self) -> Self {
        let smaller = |value: f32, limit: f32| if limit < value { limit } else { value };
        Self(std::array::from_fn(|lane| smaller(self.0[lane], limit.0[lane])))
    }

    #[inline(always)]
    fn max(self, other: Self) -> Self {
        let larger = |a: f32, b: f32| if a > b { a } else { b };
        Self(std::array::from_fn(|lane| larger(self.0[lane], other.0[lane])))
    }

    #[inline(always)]
    fn zero_below(self, limit: Self, value: Self) -> Self {
        let kept = |lane: usize| if self.0[lane] < limit.0[lane] { 0.0 } else { value.0[lane] };
        Self(std::array::from_fn(kept))
    }

    #[inline(always)]
    fn abs(self) -> Self {
        Self(self.0.map(f32::abs))
    }

    #[inline(always)]
    fn to_bytes(numbers: [Self; 4], zero: i32) -> [u8; 4 * LANES] {
        /// Adding `1.5 · 2²³` rounds to an integer, ties to even, which then stands in the low bits.
        const ROUND: f32 = 12_582_912.0;
        let mut bytes = [0; 4 * LANES];
        for (byte, number) in bytes.iter_mut().zip(numbers.iter().flat_map(|numbers| numbers.0)) {
            let number = if number > -4e6 { number } else { -4e6 }; // NaN too
            let integer = (number + ROUND).to_bits().wrapping_sub(ROUND.to_bits()).cast_signed();
            *byte = (integer + zero).clamp(0, 255) as u8;
        }
        bytes
    }

    #[inline(always)]
    fn integers_to_numbers(self) -> Self {
        Self(self.0.map(|value| value.to_bits().cast_signed() as f32))
    }

    #[inline(always)]
    fn power_of_two(self) -> Self {
        Self(
            self.0.map(|value| {
                f32::from_bits((value.to_bits() << 23).wrapping_add(1.0_f32.to_bits()))
            }),
        )
    }
}
