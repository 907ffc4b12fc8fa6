//! Sixteen numbers at a time, in whatever registers the instruction set has.
//!
//! Loops over plain slices are left to the compiler wherever it finds the vector instructions by
//! itself. It does not for the short rows of a tile (it unrolls them into scalars, five times
//! slower) and has no approximate reciprocal; those are written with these.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod portable;

#[cfg(target_arch = "x86_64")]
pub(super) use avx2::Avx2;
#[cfg(target_arch = "x86_64")]
pub(super) use avx512::Avx512;
pub(super) use portable::Portable;

use crate::reference::round_to_bf16;

/// Numbers of one value.
pub(super) const LANES: usize = 16;

/// Sixteen f32, or the bits of sixteen integers.
///
/// An implementation is named only by [`Isa::vectorize`](super::isa::Isa::vectorize), which
/// compiles its loop for the instruction set and calls it only where the processor has that: what
/// makes the intrinsics behind these methods sound. All are `#[inline(always)]` for the same
/// reason.
pub(super) trait Lanes: Copy {
    /// Whether [`Lanes::mul_add`] rounds once.
    const FUSED: bool;

    fn splat(value: f32) -> Self;
    fn load(values: &[f32; LANES]) -> Self;
    #[inline(always)]
    fn load_bits(bits: &[u32; LANES]) -> Self {
        Self::load(bytemuck::cast_ref(bits))
    }
    fn store(self, values: &mut [f32; LANES]);

    fn add(self, other: Self) -> Self;
    fn sub(self, other: Self) -> Self;
    fn mul(self, other: Self) -> Self;
    /// `self · factor + term`.
    fn mul_add(self, factor: Self, term: Self) -> Self;
    /// `1 / self` within an ulp; `self` is between 2⁻¹²⁶ and 2¹²⁶.
    fn reciprocal(self) -> Self;
    /// The smaller of a number and a limit; NaN stays NaN.
    fn at_most(self, limit: Self) -> Self;
    /// The larger of two, where neither is NaN.
    fn max(self, other: Self) -> Self;
    /// `value`, but zero where `self` is below the limit.
    fn zero_below(self, limit: Self, value: Self) -> Self;
    /// The absolute value.
    fn abs(self) -> Self;

    /// The nearest integers, ties to even, plus `zero`, each cut off at 0 and 255; of NaN 0. The
    /// numbers are within ±2²².
    fn to_bytes(numbers: [Self; 4], zero: i32) -> [u8; 4 * LANES];
    /// Rounded to bf16, two lanes a word. Subnormal numbers may become zero.
    #[inline(always)]
    fn store_bf16(self, words: &mut [u32; LANES / 2]) {
        store_bf16_by_hand(self, words);
    }

    /// The bits as i32, converted.
    fn integers_to_numbers(self) -> Self;
    /// `2ⁿ` for `n + 1.5 · 2²³`: the low bits moved into the exponent.
    fn power_of_two(self) -> Self;
}

/// [`Lanes::store_bf16`] without an instruction for it.
#[inline(always)]
fn store_bf16_by_hand<L: Lanes>(lanes: L, words: &mut [u32; LANES / 2]) {
    let mut values = [0.0; LANES];
    lanes.store(&mut values);
    for (word, &[first, second]) in words.iter_mut().zip(values.as_chunks().0) {
        let [first, second] = [first, second].map(|value| round_to_bf16(value).to_bits());
        *word = first >> 16 | second & 0xFFFF_0000;
    }
}

/// Up to sixteen values, `fill` in the lanes behind them.
#[inline(always)]
pub(super) fn load_part<L: Lanes>(values: &[f32], fill: f32) -> L {
    let mut lanes = [fill; LANES];
    lanes[..values.len()].copy_from_slice(values);
    L::load(&lanes)
}

/// Joins the lanes as a tree: 8 pairs, 4, 2, 1.
#[inline(always)]
pub(super) fn fold<L: Lanes>(lanes: L, join: impl Fn(f32, f32) -> f32) -> f32 {
    let mut values = [0.0; LANES];
    lanes.store(&mut values);
    let eight: [f32; 8] = std::array::from_fn(|lane| join(values[lane], values[lane + 8]));
    let four: [f32; 4] = std::array::from_fn(|lane| join(eight[lane], eight[lane + 4]));
    join(join(four[0], four[2]), join(four[1], four[3]))
}
