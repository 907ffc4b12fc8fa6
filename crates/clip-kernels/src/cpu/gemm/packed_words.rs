//! Numbers as the tiles multiply them: 32-bit words of one f32, two bf16 or four 8-bit integers.

use crate::Precision;
use crate::cpu::isa::{Isa, Level, Vectorize};
use crate::cpu::lanes::Lanes;
use crate::reference::round_to_bf16;

/// Inputs that one word holds.
pub(super) fn inputs_of(precision: Precision) -> usize {
    4 / precision.bytes()
}

/// Words of so many inputs.
pub(in crate::cpu) fn count(precision: Precision, inputs: usize) -> usize {
    inputs.div_ceil(inputs_of(precision))
}

/// f32 or bf16 as words; what the last one lacks is zero.
#[inline(always)]
pub(super) fn from_values(precision: Precision, values: &[f32], words: &mut [u32]) {
    if precision == Precision::F32 {
        words.iter_mut().zip(values).for_each(|(word, value)| *word = value.to_bits());
        return;
    }
    let (pairs, rest) = values.as_chunks::<2>();
    let (whole, last) = words.split_at_mut(pairs.len());
    for (word, &[first, second]) in whole.iter_mut().zip(pairs) {
        *word = round_to_bf16(first).to_bits() >> 16 | round_to_bf16(second).to_bits();
    }
    if let (Some(word), Some(&value)) = (last.first_mut(), rest.first()) {
        *word = round_to_bf16(value).to_bits() >> 16;
    }
}

/// [`from_values`] with the instructions of this processor.
///
/// # Panics
/// When there are not as many words as the values need.
pub(in crate::cpu) fn from_row(isa: Isa, precision: Precision, values: &[f32], words: &mut [u32]) {
    assert_eq!(words.len(), count(precision, values.len()), "words of a row");
    match isa.level() {
        // SAFETY: an `Isa` of this level exists only where the processor has its features.
        #[cfg(target_arch = "x86_64")]
        Level::Avx512 { bf16: true, .. } if precision == Precision::Bf16 => unsafe {
            bf16_row(values, words);
        },
        _ => isa.vectorize(FromValues { precision, values, words }),
    }
}

struct FromValues<'a> {
    precision: Precision,
    values: &'a [f32],
    words: &'a mut [u32],
}

impl Vectorize for FromValues<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self) {
        from_values(self.precision, self.values, self.words);
    }
}

/// 32 values at a time (4 % of an image in bf16 was spent on rounding by hand). Subnormal numbers
/// become zero, as they do in the product.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bf16")]
fn bf16_row(values: &[f32], words: &mut [u32]) {
    use std::arch::x86_64::{
        __m512bh, __m512i, _mm512_cvtne2ps_pbh, _mm512_loadu_ps, _mm512_mask_storeu_epi32,
        _mm512_maskz_loadu_ps, _mm512_storeu_si512,
    };
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
        let mask = |count: usize| ((1_u32 << count.min(16)) - 1) as u16;
        // SAFETY: only as many values are read and words written as there are: 1 to 31, and half of
        // that rounded up (asserted by `from_row`).
        unsafe {
            let low = _mm512_maskz_loadu_ps(mask(rest.len()), rest.as_ptr());
            let high = rest.as_ptr().wrapping_add(16);
            let high = _mm512_maskz_loadu_ps(mask(rest.len().saturating_sub(16)), high);
            let rounded: __m512i =
                std::mem::transmute::<__m512bh, _>(_mm512_cvtne2ps_pbh(high, low));
            _mm512_mask_storeu_epi32(last.as_mut_ptr().cast(), mask(last.len()), rounded);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_in_bf16_is_rounded_alike_on_every_instruction_set() {
        for isa in Isa::available() {
            for length in [0_usize, 1, 31, 32, 33, 100] {
                let values: Vec<f32> = (0..length).map(|i| (i * i) as f32 / 77.0 - 20.0).collect();
                let mut words = vec![u32::MAX; count(Precision::Bf16, length)];
                from_row(isa, Precision::Bf16, &values, &mut words);
                let halves: &[u16] = bytemuck::cast_slice(&words);
                let expected =
                    values.iter().map(|&value| (round_to_bf16(value).to_bits() >> 16) as u16);
                assert!(halves[..length].iter().copied().eq(expected), "{}, {length}", isa.name());
                assert!(halves[length..].iter().all(|&half| half == 0));
            }
        }
    }
}
