//! 32 rows of words to the rows of a panel: word `w` of row `r` becomes word `r` of row `w`.

use super::gemm::{NR, PanelRow};
use super::isa::{Isa, Level};

/// - `rows`: `[32, words]`
/// - `panel`: `[words]`
pub(super) fn transpose(isa: Isa, rows: &[u32], words: usize, panel: &mut [PanelRow]) {
    assert!(rows.len() == NR * words && panel.len() == words, "shape of a transposition");
    let done = match isa.level() {
        Level::Portable => 0,
        // SAFETY: an `Isa` of these levels exists only where the processor has AVX2.
        #[cfg(target_arch = "x86_64")]
        Level::Avx2 | Level::Avx512 { .. } => unsafe { avx2::blocks_of_eight(rows, words, panel) },
    };
    for (word, row) in panel.iter_mut().enumerate().skip(done) {
        for (place, out) in row.0.iter_mut().enumerate() {
            *out = rows[place * words + word];
        }
    }
}

#[cfg(target_arch = "x86_64")]
mod avx2 {
    use super::{NR, PanelRow};
    use std::arch::x86_64::{
        __m256, __m256d, _mm256_castpd_ps, _mm256_castps_pd, _mm256_loadu_ps,
        _mm256_permute2f128_ps, _mm256_setzero_ps, _mm256_storeu_ps, _mm256_unpackhi_pd,
        _mm256_unpackhi_ps, _mm256_unpacklo_pd, _mm256_unpacklo_ps,
    };

    /// The words up to the last multiple of 8, in blocks of 8 × 8 in registers; gives that
    /// multiple.
    #[target_feature(enable = "avx2")]
    pub(super) fn blocks_of_eight(rows: &[u32], words: usize, panel: &mut [PanelRow]) -> usize {
        let done = words / 8 * 8;
        for place in (0..NR).step_by(8) {
            for word in (0..done).step_by(8) {
                let mut block = [_mm256_setzero_ps(); 8];
                for (row, out) in block.iter_mut().enumerate() {
                    let source = &rows[(place + row) * words + word..][..8];
                    // SAFETY: the source has 8 words.
                    *out = unsafe { _mm256_loadu_ps(source.as_ptr().cast()) };
                }
                for (row, out) in turned(block).into_iter().zip(&mut panel[word..word + 8]) {
                    let target = &mut out.0[place..place + 8];
                    // SAFETY: the target has 8 words.
                    unsafe { _mm256_storeu_ps(target.as_mut_ptr().cast(), row) };
                }
            }
        }
        done
    }

    /// Pairs of rows, pairs of pairs, halves.
    #[target_feature(enable = "avx2")]
    fn turned(rows: [__m256; 8]) -> [__m256; 8] {
        let pairs: [__m256d; 8] = std::array::from_fn(|i| {
            let (a, b) = (rows[i / 2 * 2], rows[i / 2 * 2 + 1]);
            _mm256_castps_pd(if i % 2 == 0 {
                _mm256_unpacklo_ps(a, b)
            } else {
                _mm256_unpackhi_ps(a, b)
            })
        });
        let fours: [__m256; 8] = std::array::from_fn(|i| {
            let (half, column) = (i / 4, i % 4);
            let (a, b) = (pairs[half * 4 + column / 2], pairs[half * 4 + 2 + column / 2]);
            _mm256_castpd_ps(if column % 2 == 0 {
                _mm256_unpacklo_pd(a, b)
            } else {
                _mm256_unpackhi_pd(a, b)
            })
        });
        std::array::from_fn(|i| {
            let (a, b) = (fours[i % 4], fours[4 + i % 4]);
            if i < 4 {
                _mm256_permute2f128_ps::<0x20>(a, b)
            } else {
                _mm256_permute2f128_ps::<0x31>(a, b)
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_finds_its_place() {
        for isa in Isa::available() {
            for words in [0, 1, 7, 8, 9, 32, 40, 64] {
                let rows: Vec<u32> = (0..(NR * words) as u32).collect();
                let mut panel = vec![PanelRow::ZERO; words];
                transpose(isa, &rows, words, &mut panel);
                for (word, row) in panel.iter().enumerate() {
                    for (place, &found) in row.0.iter().enumerate() {
                        assert_eq!(found as usize, place * words + word, "{}", isa.name());
                    }
                }
            }
        }
    }
}
