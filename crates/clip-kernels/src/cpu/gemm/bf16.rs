//! Rounding to bf16 with the processor's own instruction. Subnormal numbers become zero, as they do
//! in the product.

use std::arch::x86_64::{
    __m512, __m512bh, __m512i, _mm512_cvtne2ps_pbh, _mm512_loadu_ps, _mm512_loadu_si512,
    _mm512_mask_storeu_epi32, _mm512_maskz_loadu_ps, _mm512_permutexvar_epi16, _mm512_setzero_ps,
    _mm512_storeu_si512,
};

/// 32 values at a time (4 % of an image in bf16 was spent on rounding by hand).
#[target_feature(enable = "avx512f,avx512bf16")]
pub(super) fn row(values: &[f32], words: &mut [u32]) {
    let (chunks, rest) = values.as_chunks::<32>();
    let (whole, last) = words.split_at_mut(16 * chunks.len());
    for (values, words) in chunks.iter().zip(whole.as_chunks_mut::<16>().0) {
        // SAFETY: 32 values are read, 16 words are written; the transmuted types are 512 bits each.
        unsafe {
            let (low, high) =
                (_mm512_loadu_ps(values.as_ptr()), _mm512_loadu_ps(values.as_ptr().add(16)));
            let rounded: __m512i =
                std::mem::transmute::<__m512bh, _>(_mm512_cvtne2ps_pbh(high, low));
            _mm512_storeu_si512(words.as_mut_ptr().cast(), rounded);
        }
    }
    if !rest.is_empty() {
        let (low, high) = rest.split_at(rest.len().min(16));
        // SAFETY: only as many values are read and words written as there are: 1 to 31, and half of
        // that rounded up (asserted by `packed_words::from_row`).
        unsafe {
            let (low, high) = (load_first(low), load_first(high));
            let rounded: __m512i =
                std::mem::transmute::<__m512bh, _>(_mm512_cvtne2ps_pbh(high, low));
            let mask = first_of_16(last.len());
            _mm512_mask_storeu_epi32(last.as_mut_ptr().cast(), mask, rounded);
        }
    }
}

/// 16 values of each row at a time, rounded as in [`row`].
#[target_feature(enable = "avx512f,avx512bw,avx512bf16")]
#[inline]
pub(super) fn pair(first: &[f32], second: &[f32], words: &mut [u32]) {
    let (chunks, tail) = first.as_chunks::<16>();
    let (seconds, second_tail) = second.as_chunks::<16>();
    let (out, out_tail) = words.as_chunks_mut::<16>();
    for (index, (first, out)) in chunks.iter().zip(out).enumerate() {
        // SAFETY: 16 values of each row are read, 16 words are written.
        unsafe {
            let second = match seconds.get(index) {
                Some(second) => _mm512_loadu_ps(second.as_ptr()),
                None => _mm512_setzero_ps(),
            };
            let pairs = pairs(_mm512_loadu_ps(first.as_ptr()), second);
            _mm512_storeu_si512(out.as_mut_ptr().cast(), pairs);
        }
    }
    let pairs = pairs(load_first(tail), load_first(second_tail));
    // SAFETY: as many words are written as there are.
    unsafe {
        let mask = first_of_16(out_tail.len());
        _mm512_mask_storeu_epi32(out_tail.as_mut_ptr().cast(), mask, pairs);
    }
}

/// A mask of the first so many of 16.
fn first_of_16(count: usize) -> u16 {
    ((1_u32 << count.min(16)) - 1) as u16
}

/// Up to 16 values, zeros behind them.
#[target_feature(enable = "avx512f")]
fn load_first(values: &[f32]) -> __m512 {
    // SAFETY: as many values are read as there are, at most 16.
    unsafe { _mm512_maskz_loadu_ps(first_of_16(values.len()), values.as_ptr()) }
}

/// 16 words of two values each.
#[target_feature(enable = "avx512f,avx512bw,avx512bf16")]
fn pairs(first: __m512, second: __m512) -> __m512i {
    const INTERLEAVED: [u16; 32] = {
        let mut places = [0; 32];
        let mut place = 0;
        while place < 32 {
            places[place as usize] = place % 2 * 16 + place / 2;
            place += 1;
        }
        places
    };
    // SAFETY: an array of 64 bytes is read; the transmuted types are 512 bits each.
    unsafe {
        let places = _mm512_loadu_si512(INTERLEAVED.as_ptr().cast());
        let rounded = std::mem::transmute::<__m512bh, __m512i>(_mm512_cvtne2ps_pbh(second, first));
        _mm512_permutexvar_epi16(places, rounded)
    }
}
