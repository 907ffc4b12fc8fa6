//! One 512-bit register.

use super::{LANES, Lanes, store_bf16_by_hand};
use std::arch::x86_64::{
    __m256bh, __m512, __m512i, _CMP_NLT_UQ, _mm512_abs_ps, _mm512_add_epi32, _mm512_add_ps,
    _mm512_castps_si512, _mm512_castsi512_ps, _mm512_cmp_ps_mask, _mm512_cvtepi32_ps,
    _mm512_cvtneps_pbh, _mm512_cvtps_epi32, _mm512_fmadd_ps, _mm512_fnmadd_ps, _mm512_loadu_ps,
    _mm512_maskz_mov_ps, _mm512_max_ps, _mm512_min_ps, _mm512_mul_ps, _mm512_packs_epi32,
    _mm512_packus_epi16, _mm512_permutexvar_epi32, _mm512_rcp14_ps, _mm512_set1_epi32,
    _mm512_set1_ps, _mm512_setr_epi32, _mm512_slli_epi32, _mm512_storeu_ps, _mm512_sub_ps,
};

/// `BF16`: whether the processor rounds to bf16.
#[derive(Clone, Copy)]
pub(in crate::cpu) struct Avx512<const BF16: bool = false>(__m512);

/// A method's body of intrinsics, which need no more than the instruction set.
macro_rules! with_avx512 {
    ($body:expr) => {
        // SAFETY: this type is named only where AVX-512 F and BW are there (see `Lanes`); what is
        // read or written are arrays of 16 numbers.
        unsafe { $body }
    };
}

impl<const BF16: bool> Lanes for Avx512<BF16> {
    const FUSED: bool = true;

    #[inline(always)]
    fn splat(value: f32) -> Self {
        with_avx512!(Self(_mm512_set1_ps(value)))
    }

    #[inline(always)]
    fn load(values: &[f32; LANES]) -> Self {
        with_avx512!(Self(_mm512_loadu_ps(values.as_ptr())))
    }

    #[inline(always)]
    fn store(self, values: &mut [f32; LANES]) {
        with_avx512!(_mm512_storeu_ps(values.as_mut_ptr(), self.0));
    }

    #[inline(always)]
    fn add(self, other: Self) -> Self {
        with_avx512!(Self(_mm512_add_ps(self.0, other.0)))
    }

    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        with_avx512!(Self(_mm512_sub_ps(self.0, other.0)))
    }

    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        with_avx512!(Self(_mm512_mul_ps(self.0, other.0)))
    }

    #[inline(always)]
    fn mul_add(self, factor: Self, term: Self) -> Self {
        with_avx512!(Self(_mm512_fmadd_ps(self.0, factor.0, term.0)))
    }

    /// 14 bits of the processor's, doubled by one step of Newton's: a division takes as long as
    /// five of everything else here.
    #[inline(always)]
    fn reciprocal(self) -> Self {
        with_avx512!({
            let estimate = _mm512_rcp14_ps(self.0);
            let error = _mm512_fnmadd_ps(self.0, estimate, _mm512_set1_ps(1.0));
            Self(_mm512_fmadd_ps(estimate, error, estimate))
        })
    }

    #[inline(always)]
    fn at_most(self, limit: Self) -> Self {
        // Of a NaN and a number the instruction gives the second operand.
        with_avx512!(Self(_mm512_min_ps(limit.0, self.0)))
    }

    #[inline(always)]
    fn max(self, other: Self) -> Self {
        with_avx512!(Self(_mm512_max_ps(self.0, other.0)))
    }

    #[inline(always)]
    fn zero_below(self, limit: Self, value: Self) -> Self {
        with_avx512!({
            let kept = _mm512_cmp_ps_mask::<_CMP_NLT_UQ>(self.0, limit.0);
            Self(_mm512_maskz_mov_ps(kept, value.0))
        })
    }

    #[inline(always)]
    fn abs(self) -> Self {
        with_avx512!(Self(_mm512_abs_ps(self.0)))
    }

    /// Of NaN the instruction gives the lowest integer.
    #[inline(always)]
    fn to_bytes(numbers: [Self; 4], zero: i32) -> [u8; 4 * LANES] {
        with_avx512!({
            let zero = _mm512_set1_epi32(zero);
            let [a, b, c, d] = numbers;
            let a = _mm512_add_epi32(_mm512_cvtps_epi32(a.0), zero);
            let b = _mm512_add_epi32(_mm512_cvtps_epi32(b.0), zero);
            let c = _mm512_add_epi32(_mm512_cvtps_epi32(c.0), zero);
            let d = _mm512_add_epi32(_mm512_cvtps_epi32(d.0), zero);
            let bytes = _mm512_packus_epi16(_mm512_packs_epi32(a, b), _mm512_packs_epi32(c, d));
            // Fours of bytes, in each quarter of the register one of each of the four.
            let in_order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
            std::mem::transmute::<__m512i, _>(_mm512_permutexvar_epi32(in_order, bytes))
        })
    }

    #[inline(always)]
    fn store_bf16(self, words: &mut [u32; LANES / 2]) {
        if !BF16 {
            return store_bf16_by_hand(self, words);
        }
        with_avx512!({
            let rounded = _mm512_cvtneps_pbh(self.0);
            *words = std::mem::transmute::<__m256bh, [u32; LANES / 2]>(rounded);
        });
    }

    #[inline(always)]
    fn integers_to_numbers(self) -> Self {
        with_avx512!(Self(_mm512_cvtepi32_ps(_mm512_castps_si512(self.0))))
    }

    #[inline(always)]
    fn power_of_two(self) -> Self {
        with_avx512!({
            let exponent = _mm512_slli_epi32::<23>(_mm512_castps_si512(self.0));
            let one = _mm512_set1_epi32(1.0_f32.to_bits().cast_signed());
            Self(_mm512_castsi512_ps(_mm512_add_epi32(exponent, one)))
        })
    }
}
