//! Two 256-bit registers.

use super::{LANES, Lanes};
use std::arch::x86_64::{
    __m256, __m256i, _CMP_NLT_UQ, _mm256_add_epi32, _mm256_add_ps, _mm256_and_ps, _mm256_andnot_ps,
    _mm256_castps_si256, _mm256_castsi256_ps, _mm256_cmp_ps, _mm256_cvtepi32_ps,
    _mm256_cvtps_epi32, _mm256_div_ps, _mm256_fmadd_ps, _mm256_loadu_ps, _mm256_max_ps,
    _mm256_min_ps, _mm256_mul_ps, _mm256_packs_epi32, _mm256_packus_epi16,
    _mm256_permutevar8x32_epi32, _mm256_set1_epi32, _mm256_set1_ps, _mm256_setr_epi32,
    _mm256_slli_epi32, _mm256_storeu_ps, _mm256_sub_ps,
};

#[derive(Clone, Copy)]
pub(in crate::cpu) struct Avx2([__m256; 2]);

/// A method's body of intrinsics, which need no more than the instruction set.
macro_rules! with_avx2 {
    ($body:expr) => {
        // SAFETY: this type is named only where AVX2 and FMA are there (see `Lanes`); what is read
        // or written are arrays of 16 numbers.
        unsafe { $body }
    };
}

/// The same for both halves.
macro_rules! halves {
    (|$($operand:ident),+| $body:expr) => {{
        let half = |index: usize| {
            $(let $operand = $operand.0[index];)+
            with_avx2!($body)
        };
        Avx2([half(0), half(1)])
    }};
}

impl Lanes for Avx2 {
    const FUSED: bool = true;

    #[inline(always)]
    fn splat(value: f32) -> Self {
        with_avx2!(Self([_mm256_set1_ps(value); 2]))
    }

    #[inline(always)]
    fn load(values: &[f32; LANES]) -> Self {
        let start = values.as_ptr();
        with_avx2!(Self([_mm256_loadu_ps(start), _mm256_loadu_ps(start.add(8))]))
    }

    #[inline(always)]
    fn store(self, values: &mut [f32; LANES]) {
        with_avx2!({
            _mm256_storeu_ps(values.as_mut_ptr(), self.0[0]);
            _mm256_storeu_ps(values.as_mut_ptr().add(8), self.0[1]);
        });
    }

    #[inline(always)]
    fn add(self, other: Self) -> Self {
        let a = self;
        halves!(|a, other| _mm256_add_ps(a, other))
    }

    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        let a = self;
        halves!(|a, other| _mm256_sub_ps(a, other))
    }

    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        let a = self;
        halves!(|a, other| _mm256_mul_ps(a, other))
    }

    #[inline(always)]
    fn mul_add(self, factor: Self, term: Self) -> Self {
        let a = self;
        halves!(|a, factor, term| _mm256_fmadd_ps(a, factor, term))
    }

    #[inline(always)]
    fn reciprocal(self) -> Self {
        let a = self;
        halves!(|a| _mm256_div_ps(_mm256_set1_ps(1.0), a))
    }

    #[inline(always)]
    fn at_most(self, limit: Self) -> Self {
        // Of a NaN and a number the instruction gives the second operand.
        let a = self;
        halves!(|a, limit| _mm256_min_ps(limit, a))
    }

    #[inline(always)]
    fn max(self, other: Self) -> Self {
        let a = self;
        halves!(|a, other| _mm256_max_ps(a, other))
    }

    #[inline(always)]
    fn zero_below(self, limit: Self, value: Self) -> Self {
        let a = self;
        halves!(|a, limit, value| _mm256_and_ps(_mm256_cmp_ps::<_CMP_NLT_UQ>(a, limit), value))
    }

    #[inline(always)]
    fn abs(self) -> Self {
        let a = self;
        halves!(|a| _mm256_andnot_ps(_mm256_set1_ps(-0.0), a))
    }

    /// Of NaN the instruction gives the lowest integer.
    #[inline(always)]
    fn to_bytes(numbers: [Self; 4], zero: i32) -> [u8; 4 * LANES] {
        let [a, b, c, d] = numbers;
        with_avx2!(std::mem::transmute([bytes(a, b, zero), bytes(c, d, zero)]))
    }

    #[inline(always)]
    fn integers_to_numbers(self) -> Self {
        let a = self;
        halves!(|a| _mm256_cvtepi32_ps(_mm256_castps_si256(a)))
    }

    #[inline(always)]
    fn power_of_two(self) -> Self {
        let a = self;
        halves!(|a| {
            let exponent = _mm256_slli_epi32::<23>(_mm256_castps_si256(a));
            let one = _mm256_set1_epi32(1.0_f32.to_bits().cast_signed());
            _mm256_castsi256_ps(_mm256_add_epi32(exponent, one))
        })
    }
}

/// 32 bytes of [`Lanes::to_bytes`].
#[inline(always)]
fn bytes(a: Avx2, b: Avx2, zero: i32) -> __m256i {
    with_avx2!({
        let zero = _mm256_set1_epi32(zero);
        let Avx2([a_low, a_high]) = a;
        let Avx2([b_low, b_high]) = b;
        let a_low = _mm256_add_epi32(_mm256_cvtps_epi32(a_low), zero);
        let a_high = _mm256_add_epi32(_mm256_cvtps_epi32(a_high), zero);
        let b_low = _mm256_add_epi32(_mm256_cvtps_epi32(b_low), zero);
        let b_high = _mm256_add_epi32(_mm256_cvtps_epi32(b_high), zero);
        let (a, b) = (_mm256_packs_epi32(a_low, a_high), _mm256_packs_epi32(b_low, b_high));
        // Fours of bytes, in each half of the register one of each of the four.
        let in_order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
        _mm256_permutevar8x32_epi32(_mm256_packus_epi16(a, b), in_order)
    })
}
