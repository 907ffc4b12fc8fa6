//! 6 × 16 in 12 registers of 8 values, two for the panel, one for the left value; a panel is two
//! halves of 16 outputs, one after the other.

use super::{LEFT_STRIDE, PanelRow, Sums, checked_left};
use std::arch::x86_64::{
    __m256, _mm256_fmadd_ps, _mm256_load_ps, _mm256_set1_ps, _mm256_setzero_ps, _mm256_store_ps,
};

pub(super) const HEIGHT: usize = 6;

#[target_feature(enable = "avx2,fma")]
pub(super) fn tile(left: &[f32], rows: usize, panel: &[PanelRow], sums: &mut Sums) {
    for half in 0..2 {
        match rows {
            1 => half_tile::<1>(left, panel, half, sums),
            2 => half_tile::<2>(left, panel, half, sums),
            3 => half_tile::<3>(left, panel, half, sums),
            4 => half_tile::<4>(left, panel, half, sums),
            5 => half_tile::<5>(left, panel, half, sums),
            _ => half_tile::<6>(left, panel, half, sums),
        }
    }
}

#[target_feature(enable = "avx2,fma")]
fn half_tile<const ROWS: usize>(left: &[f32], panel: &[PanelRow], half: usize, sums: &mut Sums) {
    assert!(half < 2);
    checked_left(left, ROWS, panel.len());
    let mut registers: [[__m256; 2]; ROWS] = [[_mm256_setzero_ps(); 2]; ROWS];
    for (input, outputs) in panel.iter().enumerate() {
        // SAFETY: a `PanelRow` is 32 readable f32, aligned to 64 bytes; a half is 16 of them.
        let (low, high) = unsafe {
            let start = outputs.0.as_ptr().add(16 * half);
            (_mm256_load_ps(start), _mm256_load_ps(start.add(8)))
        };
        for (row, [sum_low, sum_high]) in registers.iter_mut().enumerate() {
            debug_assert!(row * LEFT_STRIDE + input < left.len());
            // SAFETY: `checked_left` has seen that every row has `panel.len()` values.
            let value = _mm256_set1_ps(unsafe { *left.get_unchecked(row * LEFT_STRIDE + input) });
            *sum_low = _mm256_fmadd_ps(value, low, *sum_low);
            *sum_high = _mm256_fmadd_ps(value, high, *sum_high);
        }
    }
    for (sums, [low, high]) in sums.iter_mut().zip(registers) {
        // SAFETY: a `PanelRow` is 32 writable f32, aligned to 64 bytes; a half is 16 of them.
        unsafe {
            let start = sums.0.as_mut_ptr().add(16 * half);
            _mm256_store_ps(start, low);
            _mm256_store_ps(start.add(8), high);
        }
    }
}
