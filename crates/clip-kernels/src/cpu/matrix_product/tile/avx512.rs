//! 12 × 32 in 24 registers of 16 values, two for the panel, the left value broadcast from memory.
//!
//! Two FMA units of latency 4 need at least 8 sums in flight, and per input the tile loads
//! 2 + 12 times for 24 FMAs: bound by arithmetic, not by loads.

use super::{LEFT_STRIDE, PanelRow, Sums, checked_left};
use std::arch::x86_64::{
    __m512, _mm512_fmadd_ps, _mm512_load_ps, _mm512_set1_ps, _mm512_setzero_ps, _mm512_store_ps,
};

pub(super) const HEIGHT: usize = 12;

#[target_feature(enable = "avx512f")]
pub(super) fn tile(left: &[f32], rows: usize, panel: &[PanelRow], sums: &mut Sums) {
    match rows {
        1 => tile_of::<1>(left, panel, sums),
        2 => tile_of::<2>(left, panel, sums),
        3 => tile_of::<3>(left, panel, sums),
        4 => tile_of::<4>(left, panel, sums),
        5 => tile_of::<5>(left, panel, sums),
        6 => tile_of::<6>(left, panel, sums),
        7 => tile_of::<7>(left, panel, sums),
        8 => tile_of::<8>(left, panel, sums),
        9 => tile_of::<9>(left, panel, sums),
        10 => tile_of::<10>(left, panel, sums),
        11 => tile_of::<11>(left, panel, sums),
        _ => tile_of::<12>(left, panel, sums),
    }
}

#[target_feature(enable = "avx512f")]
fn tile_of<const ROWS: usize>(left: &[f32], panel: &[PanelRow], sums: &mut Sums) {
    checked_left(left, ROWS, panel.len());
    let mut registers: [[__m512; 2]; ROWS] = [[_mm512_setzero_ps(); 2]; ROWS];
    for (input, outputs) in panel.iter().enumerate() {
        // SAFETY: a `PanelRow` is 32 readable f32, aligned to 64 bytes.
        let (low, high) =
            unsafe { (_mm512_load_ps(outputs.0.as_ptr()), _mm512_load_ps(outputs.0.as_ptr().add(16))) };
        for (row, [sum_low, sum_high]) in registers.iter_mut().enumerate() {
            debug_assert!(row * LEFT_STRIDE + input < left.len());
            // SAFETY: `checked_left` has seen that every row has `panel.len()` values.
            let value = _mm512_set1_ps(unsafe { *left.get_unchecked(row * LEFT_STRIDE + input) });
            *sum_low = _mm512_fmadd_ps(value, low, *sum_low);
            *sum_high = _mm512_fmadd_ps(value, high, *sum_high);
        }
    }
    for (sums, [low, high]) in sums.iter_mut().zip(registers) {
        // SAFETY: a `PanelRow` is 32 writable f32, aligned to 64 bytes.
        unsafe {
            _mm512_store_ps(sums.0.as_mut_ptr(), low);
            _mm512_store_ps(sums.0.as_mut_ptr().add(16), high);
        }
    }
}
