//! 6 × 16 in 12 registers of 8 words, two for the panel, one for the left word; a panel is two
//! halves of 16 outputs, one after the other. In bf16 and int8 a word is split into two operands
//! on the way, which needs registers: 4 × 16.

use super::{Operands, PanelRow, Sums};
use crate::Precision;
use std::arch::x86_64::{
    __m256i, _MM_HINT_T1, _mm_prefetch, _mm256_add_epi32, _mm256_and_si256, _mm256_castps_si256,
    _mm256_castsi256_ps, _mm256_fmadd_ps, _mm256_load_si256, _mm256_madd_epi16, _mm256_set1_epi16,
    _mm256_set1_epi32, _mm256_setzero_si256, _mm256_slli_epi16, _mm256_slli_epi32,
    _mm256_srai_epi16, _mm256_srli_epi16, _mm256_store_si256,
};

pub(super) fn mr(precision: Precision) -> usize {
    if precision == Precision::F32 { 6 } else { 4 }
}

#[target_feature(enable = "avx2,fma")]
pub(super) fn tile(precision: Precision, operands: Operands<'_>, sums: &mut Sums) {
    for half in 0..2 {
        match (precision, operands.rows) {
            (Precision::F32, 1) => half_tile::<F32, 1>(operands, half, sums),
            (Precision::F32, 2) => half_tile::<F32, 2>(operands, half, sums),
            (Precision::F32, 3) => half_tile::<F32, 3>(operands, half, sums),
            (Precision::F32, 4) => half_tile::<F32, 4>(operands, half, sums),
            (Precision::F32, 5) => half_tile::<F32, 5>(operands, half, sums),
            (Precision::F32, _) => half_tile::<F32, 6>(operands, half, sums),
            (Precision::Bf16, 1) => half_tile::<Bf16, 1>(operands, half, sums),
            (Precision::Bf16, 2) => half_tile::<Bf16, 2>(operands, half, sums),
            (Precision::Bf16, 3) => half_tile::<Bf16, 3>(operands, half, sums),
            (Precision::Bf16, _) => half_tile::<Bf16, 4>(operands, half, sums),
            (Precision::Int8, 1) => half_tile::<Int8, 1>(operands, half, sums),
            (Precision::Int8, 2) => half_tile::<Int8, 2>(operands, half, sums),
            (Precision::Int8, 3) => half_tile::<Int8, 3>(operands, half, sums),
            (Precision::Int8, _) => half_tile::<Int8, 4>(operands, half, sums),
        }
    }
}

/// How 8 words are multiplied: words of each side become operands once, then they are multiplied.
///
/// # Safety
/// The functions are inlined only into `tile`, which has the features.
trait Multiply {
    type Operand: Copy;
    unsafe fn lhs(word: __m256i) -> Self::Operand;
    unsafe fn panel(words: __m256i) -> Self::Operand;
    unsafe fn multiply_add(lhs: Self::Operand, panel: Self::Operand, sum: __m256i) -> __m256i;
}

struct F32;
struct Bf16;
struct Int8;

impl Multiply for F32 {
    type Operand = __m256i;

    #[inline(always)]
    unsafe fn lhs(word: __m256i) -> __m256i {
        word
    }

    #[inline(always)]
    unsafe fn panel(words: __m256i) -> __m256i {
        words
    }

    #[inline(always)]
    unsafe fn multiply_add(lhs: __m256i, panel: __m256i, sum: __m256i) -> __m256i {
        // SAFETY: the trait's promise.
        unsafe {
            let [lhs, panel, sum] = [lhs, panel, sum].map(|words| _mm256_castsi256_ps(words));
            _mm256_castps_si256(_mm256_fmadd_ps(lhs, panel, sum))
        }
    }
}

/// The first of each pair, then the second, as f32.
impl Multiply for Bf16 {
    type Operand = [__m256i; 2];

    #[inline(always)]
    unsafe fn lhs(word: __m256i) -> [__m256i; 2] {
        // SAFETY: the trait's promise.
        unsafe {
            [_mm256_slli_epi32::<16>(word), _mm256_and_si256(word, _mm256_set1_epi32(!0xFFFF))]
        }
    }

    #[inline(always)]
    unsafe fn panel(words: __m256i) -> [__m256i; 2] {
        // SAFETY: the trait's promise.
        unsafe { Self::lhs(words) }
    }

    #[inline(always)]
    unsafe fn multiply_add(lhs: [__m256i; 2], panel: [__m256i; 2], sum: __m256i) -> __m256i {
        // SAFETY: the trait's promise.
        unsafe { F32::multiply_add(lhs[1], panel[1], F32::multiply_add(lhs[0], panel[0], sum)) }
    }
}

/// Bytes 0 and 2, then 1 and 3, as 16 bits: two products of 8 bits do not fit into the 16 bits
/// that `vpmaddubsw` adds them in.
impl Multiply for Int8 {
    type Operand = [__m256i; 2];

    #[inline(always)]
    unsafe fn lhs(word: __m256i) -> [__m256i; 2] {
        // SAFETY: the trait's promise.
        unsafe { [_mm256_and_si256(word, _mm256_set1_epi16(0xFF)), _mm256_srli_epi16::<8>(word)] }
    }

    #[inline(always)]
    unsafe fn panel(words: __m256i) -> [__m256i; 2] {
        // SAFETY: the trait's promise.
        unsafe {
            [_mm256_srai_epi16::<8>(_mm256_slli_epi16::<8>(words)), _mm256_srai_epi16::<8>(words)]
        }
    }

    #[inline(always)]
    unsafe fn multiply_add(lhs: [__m256i; 2], panel: [__m256i; 2], sum: __m256i) -> __m256i {
        // SAFETY: the trait's promise.
        unsafe {
            let even = _mm256_madd_epi16(lhs[0], panel[0]);
            let odd = _mm256_madd_epi16(lhs[1], panel[1]);
            _mm256_add_epi32(sum, _mm256_add_epi32(even, odd))
        }
    }
}

#[inline(always)]
fn half_tile<M: Multiply, const ROWS: usize>(operands: Operands<'_>, half: usize, sums: &mut Sums) {
    assert!(half < 2);
    operands.check(ROWS);
    let Operands { lhs, stride, panel, .. } = operands;
    let bytes_ahead = operands.bytes_ahead();
    // SAFETY: inlined only into `tile`, which has the features. A `PanelRow` is 32 words aligned to
    // 64 bytes, a half 16 of them; `check` has seen that every left row has `panel.len()` words; a
    // prefetch may have any address.
    unsafe {
        let mut registers = [[_mm256_setzero_si256(); 2]; ROWS];
        for (word, PanelRow(outputs)) in panel.iter().enumerate() {
            let start = outputs.as_ptr().add(16 * half);
            let low = M::panel(_mm256_load_si256(start.cast()));
            let high = M::panel(_mm256_load_si256(start.add(8).cast()));
            if half == 0 {
                _mm_prefetch::<_MM_HINT_T1>(operands.ahead(word * bytes_ahead));
            }
            for (row, [sum_low, sum_high]) in registers.iter_mut().enumerate() {
                let word = lhs.get_unchecked(row * stride + word).cast_signed();
                let value = M::lhs(_mm256_set1_epi32(word));
                *sum_low = M::multiply_add(value, low, *sum_low);
                *sum_high = M::multiply_add(value, high, *sum_high);
            }
        }
        for (PanelRow(sums), [low, high]) in sums.iter_mut().zip(registers) {
            let start = sums.as_mut_ptr().add(16 * half);
            _mm256_store_si256(start.cast(), low);
            _mm256_store_si256(start.add(8).cast(), high);
        }
    }
}

#[target_feature(enable = "avx2,fma")]
pub(super) fn multiply_in_registers(precision: Precision, steps: usize) -> usize {
    match precision {
        Precision::F32 => in_registers::<F32>(steps),
        Precision::Bf16 => in_registers::<Bf16>(steps),
        Precision::Int8 => in_registers::<Int8>(steps),
    }
}

/// Gives the words multiplied.
#[inline(always)]
fn in_registers<M: Multiply>(steps: usize) -> usize {
    const SUMS: usize = 10;
    // SAFETY: inlined only into the function above, which has the features.
    unsafe {
        let zero = std::hint::black_box(_mm256_setzero_si256());
        let panel = M::panel(zero);
        let mut sums = [zero; SUMS];
        for _ in 0..steps {
            // Looked up anew, or a product of integers would be computed once for all steps.
            let lhs = M::lhs(std::hint::black_box(zero));
            for sum in &mut sums {
                *sum = M::multiply_add(lhs, panel, *sum);
            }
        }
        std::hint::black_box(sums);
    }
    steps * SUMS * 8
}
