//! 12 × 32 in 24 registers of 16 words, two for the panel, the left word broadcast from memory.
//!
//! Two units of latency 4 need at least 8 sums in flight, and per word the tile loads 2 + 12 times
//! for 24 multiplications: bound by arithmetic, not by loads. On one thread, of the peak of each
//! precision: f32 93 to 97 %, bf16 92 to 97 %, int8 88 to 98 %. A tile of 14 × 32 is no faster.

use super::{Operands, PanelRow, Sums};
use std::arch::x86_64::{
    __m512bh, __m512i, _MM_HINT_T1, _mm_prefetch, _mm512_castps_si512, _mm512_castsi512_ps,
    _mm512_dpbf16_ps, _mm512_dpbusd_epi32, _mm512_fmadd_ps, _mm512_load_si512, _mm512_set1_epi32,
    _mm512_setzero_si512, _mm512_store_si512,
};

pub(super) const MR: usize = 12;

#[target_feature(enable = "avx512f")]
pub(super) fn tile_f32(operands: Operands<'_>, sums: &mut Sums) {
    any_height::<F32>(operands, sums);
}

#[target_feature(enable = "avx512f,avx512bf16")]
pub(super) fn tile_bf16(operands: Operands<'_>, sums: &mut Sums) {
    any_height::<Bf16>(operands, sums);
}

#[target_feature(enable = "avx512f,avx512vnni")]
pub(super) fn tile_int8(operands: Operands<'_>, sums: &mut Sums) {
    any_height::<Int8>(operands, sums);
}

/// What multiplies 16 words and adds.
trait Multiply {
    /// # Safety
    /// Inlined only into functions with the features of its instruction.
    unsafe fn multiply_add(lhs: __m512i, panel: __m512i, sum: __m512i) -> __m512i;
}

struct F32;
struct Bf16;
struct Int8;

impl Multiply for F32 {
    #[inline(always)]
    unsafe fn multiply_add(lhs: __m512i, panel: __m512i, sum: __m512i) -> __m512i {
        // SAFETY: the caller's promise.
        unsafe {
            let [lhs, panel, sum] = [lhs, panel, sum].map(|words| _mm512_castsi512_ps(words));
            _mm512_castps_si512(_mm512_fmadd_ps(lhs, panel, sum))
        }
    }
}

impl Multiply for Bf16 {
    #[inline(always)]
    unsafe fn multiply_add(lhs: __m512i, panel: __m512i, sum: __m512i) -> __m512i {
        // SAFETY: the caller's promise; the types are 512 bits each.
        unsafe {
            let sum = _mm512_castsi512_ps(sum);
            let [lhs, panel] =
                [lhs, panel].map(|words| std::mem::transmute::<__m512i, __m512bh>(words));
            _mm512_castps_si512(_mm512_dpbf16_ps(sum, lhs, panel))
        }
    }
}

impl Multiply for Int8 {
    #[inline(always)]
    unsafe fn multiply_add(lhs: __m512i, panel: __m512i, sum: __m512i) -> __m512i {
        // SAFETY: the caller's promise.
        unsafe { _mm512_dpbusd_epi32(sum, lhs, panel) }
    }
}

#[inline(always)]
fn any_height<M: Multiply>(operands: Operands<'_>, sums: &mut Sums) {
    match operands.rows {
        1 => tile_of::<M, 1>(operands, sums),
        2 => tile_of::<M, 2>(operands, sums),
        3 => tile_of::<M, 3>(operands, sums),
        4 => tile_of::<M, 4>(operands, sums),
        5 => tile_of::<M, 5>(operands, sums),
        6 => tile_of::<M, 6>(operands, sums),
        7 => tile_of::<M, 7>(operands, sums),
        8 => tile_of::<M, 8>(operands, sums),
        9 => tile_of::<M, 9>(operands, sums),
        10 => tile_of::<M, 10>(operands, sums),
        11 => tile_of::<M, 11>(operands, sums),
        _ => tile_of::<M, 12>(operands, sums),
    }
}

#[inline(always)]
fn tile_of<M: Multiply, const ROWS: usize>(operands: Operands<'_>, sums: &mut Sums) {
    operands.check(ROWS);
    let Operands { lhs, stride, panel, .. } = operands;
    let bytes_ahead = operands.bytes_ahead();
    // SAFETY: inlined only into the three functions above, which have the features. A `PanelRow` is
    // 32 words aligned to 64 bytes; `check` has seen that every left row has `panel.len()` words;
    // a prefetch may have any address.
    unsafe {
        let mut registers = [[_mm512_setzero_si512(); 2]; ROWS];
        for (word, PanelRow(outputs)) in panel.iter().enumerate() {
            let low = _mm512_load_si512(outputs.as_ptr().cast());
            let high = _mm512_load_si512(outputs.as_ptr().add(16).cast());
            _mm_prefetch::<_MM_HINT_T1>(operands.ahead(word * bytes_ahead));
            for (row, [sum_low, sum_high]) in registers.iter_mut().enumerate() {
                let value = _mm512_set1_epi32(lhs.get_unchecked(row * stride + word).cast_signed());
                *sum_low = M::multiply_add(value, low, *sum_low);
                *sum_high = M::multiply_add(value, high, *sum_high);
            }
        }
        for (PanelRow(sums), [low, high]) in sums.iter_mut().zip(registers) {
            _mm512_store_si512(sums.as_mut_ptr().cast(), low);
            _mm512_store_si512(sums.as_mut_ptr().add(16).cast(), high);
        }
    }
}

#[target_feature(enable = "avx512f")]
pub(super) fn multiply_f32(steps: usize) -> usize {
    in_registers::<F32>(steps)
}

#[target_feature(enable = "avx512f,avx512bf16")]
pub(super) fn multiply_bf16(steps: usize) -> usize {
    in_registers::<Bf16>(steps)
}

#[target_feature(enable = "avx512f,avx512vnni")]
pub(super) fn multiply_int8(steps: usize) -> usize {
    in_registers::<Int8>(steps)
}

/// Gives the words multiplied.
#[inline(always)]
fn in_registers<M: Multiply>(steps: usize) -> usize {
    // SAFETY: inlined only into the three functions above, which have the features.
    unsafe {
        let value = std::hint::black_box(_mm512_setzero_si512());
        let mut sums = [value; 2 * MR];
        for _ in 0..steps {
            for sum in &mut sums {
                *sum = M::multiply_add(value, value, *sum);
            }
        }
        std::hint::black_box(sums);
    }
    steps * 2 * MR * 16
}
