//! Words of rows to rows of words: what stands side by side in memory is what a tile needs below
//! each other, or the other way round.

use super::isa::{Isa, Level};

/// A transposition: word `column` of row `row` becomes word `row` of row `column`.
pub(super) struct Transpose<'a> {
    /// `rows` rows of at least `columns` words, `source_stride` apart.
    pub(super) source: &'a [u32],
    pub(super) source_stride: usize,
    pub(super) rows: usize,
    pub(super) columns: usize,
    /// `columns` rows of at least `rows` words, `stride` apart.
    pub(super) out: &'a mut [u32],
    pub(super) stride: usize,
}

impl Transpose<'_> {
    /// Writes `out`, as far as rows and columns reach.
    ///
    /// # Panics
    /// When a row or a column does not fit.
    pub(super) fn run(self, isa: Isa) {
        let Self { source, source_stride, rows, columns, out, stride } = self;
        if rows == 0 || columns == 0 {
            return;
        }
        let fits = |length: usize, count: usize, stride: usize, width: usize| {
            width <= stride && (count - 1) * stride + width <= length
        };
        assert!(
            fits(source.len(), rows, source_stride, columns)
                && fits(out.len(), columns, stride, rows),
            "shape of a transposition"
        );
        let side = side(isa);
        let (whole_rows, whole_columns) = (rows / side * side, columns / side * side);
        for row in (0..whole_rows).step_by(side) {
            for column in (0..whole_columns).step_by(side) {
                let source = &source[row * source_stride + column..];
                let out = &mut out[column * stride + row..];
                transpose_block(isa, source, source_stride, out, stride);
            }
        }
        for row in 0..rows {
            let done = if row < whole_rows { whole_columns } else { 0 };
            for column in done..columns {
                out[column * stride + row] = source[row * source_stride + column];
            }
        }
    }
}

/// Side of the squares that are turned in registers.
fn side(isa: Isa) -> usize {
    match isa.level() {
        Level::Portable => 1,
        #[cfg(target_arch = "x86_64")]
        Level::Avx2 => avx2::SIDE,
        #[cfg(target_arch = "x86_64")]
        Level::Avx512 { .. } => avx512::SIDE,
    }
}

fn transpose_block(isa: Isa, source: &[u32], source_stride: usize, out: &mut [u32], stride: usize) {
    match isa.level() {
        Level::Portable => out[0] = source[0],
        // SAFETY: an `Isa` of this level exists only where the processor has its features.
        #[cfg(target_arch = "x86_64")]
        Level::Avx2 => unsafe { avx2::transpose(source, source_stride, out, stride) },
        // SAFETY: as above.
        #[cfg(target_arch = "x86_64")]
        Level::Avx512 { .. } => unsafe { avx512::transpose(source, source_stride, out, stride) },
    }
}

#[cfg(target_arch = "x86_64")]
mod avx512 {
    use std::arch::x86_64::{
        __m512, _mm512_castpd_ps, _mm512_castps_pd, _mm512_loadu_ps, _mm512_setzero_ps,
        _mm512_shuffle_f32x4, _mm512_storeu_ps, _mm512_unpackhi_pd, _mm512_unpackhi_ps,
        _mm512_unpacklo_pd, _mm512_unpacklo_ps,
    };

    pub(super) const SIDE: usize = 16;

    #[target_feature(enable = "avx512f")]
    pub(super) fn transpose(source: &[u32], source_stride: usize, out: &mut [u32], stride: usize) {
        let last = SIDE - 1;
        assert!(source.len() >= last * source_stride + SIDE && out.len() >= last * stride + SIDE);
        let mut block = [_mm512_setzero_ps(); SIDE];
        for (row, words) in block.iter_mut().enumerate() {
            // SAFETY: 16 words of one of the 16 rows, asserted above.
            *words = unsafe { _mm512_loadu_ps(source.as_ptr().add(row * source_stride).cast()) };
        }
        for (column, words) in turned(block).into_iter().enumerate() {
            // SAFETY: as above.
            unsafe { _mm512_storeu_ps(out.as_mut_ptr().add(column * stride).cast(), words) };
        }
    }

    /// Pairs of rows, pairs of pairs, then fours of 128 bits.
    #[target_feature(enable = "avx512f")]
    fn turned(rows: [__m512; SIDE]) -> [__m512; SIDE] {
        let pairs: [__m512; SIDE] = std::array::from_fn(|i| {
            let (a, b) = (rows[i / 2 * 2], rows[i / 2 * 2 + 1]);
            if i % 2 == 0 { _mm512_unpacklo_ps(a, b) } else { _mm512_unpackhi_ps(a, b) }
        });
        // Of four rows from `4 · (i / 4)`, columns `i % 4`, and 4, 8 and 12 behind it.
        let fours: [__m512; SIDE] = std::array::from_fn(|i| {
            let first = i / 4 * 4 + i % 4 / 2;
            let (a, b) = (_mm512_castps_pd(pairs[first]), _mm512_castps_pd(pairs[first + 2]));
            _mm512_castpd_ps(if i % 2 == 0 {
                _mm512_unpacklo_pd(a, b)
            } else {
                _mm512_unpackhi_pd(a, b)
            })
        });
        let halves: [__m512; SIDE] = std::array::from_fn(|i| {
            let (a, b) = (fours[i / 8 * 8 + i % 4], fours[i / 8 * 8 + 4 + i % 4]);
            if i / 4 % 2 == 0 {
                _mm512_shuffle_f32x4::<0x44>(a, b)
            } else {
                _mm512_shuffle_f32x4::<0xEE>(a, b)
            }
        });
        std::array::from_fn(|i| {
            let first = i / 8 * 4 + i % 4;
            let (a, b) = (halves[first], halves[first + 8]);
            if i / 4 % 2 == 0 {
                _mm512_shuffle_f32x4::<0x88>(a, b)
            } else {
                _mm512_shuffle_f32x4::<0xDD>(a, b)
            }
        })
    }
}

#[cfg(target_arch = "x86_64")]
mod avx2 {
    use std::arch::x86_64::{
        __m256, __m256d, _mm256_castpd_ps, _mm256_castps_pd, _mm256_loadu_ps,
        _mm256_permute2f128_ps, _mm256_setzero_ps, _mm256_storeu_ps, _mm256_unpackhi_pd,
        _mm256_unpackhi_ps, _mm256_unpacklo_pd, _mm256_unpacklo_ps,
    };

    pub(super) const SIDE: usize = 8;

    #[target_feature(enable = "avx2")]
    pub(super) fn transpose(source: &[u32], source_stride: usize, out: &mut [u32], stride: usize) {
        let last = SIDE - 1;
        assert!(source.len() >= last * source_stride + SIDE && out.len() >= last * stride + SIDE);
        let mut block = [_mm256_setzero_ps(); SIDE];
        for (row, words) in block.iter_mut().enumerate() {
            // SAFETY: 8 words of one of the 8 rows, asserted above.
            *words = unsafe { _mm256_loadu_ps(source.as_ptr().add(row * source_stride).cast()) };
        }
        for (column, words) in turned(block).into_iter().enumerate() {
            // SAFETY: as above.
            unsafe { _mm256_storeu_ps(out.as_mut_ptr().add(column * stride).cast(), words) };
        }
    }

    /// Pairs of rows, pairs of pairs, halves.
    #[target_feature(enable = "avx2")]
    fn turned(rows: [__m256; SIDE]) -> [__m256; SIDE] {
        let pairs: [__m256d; SIDE] = std::array::from_fn(|i| {
            let (a, b) = (rows[i / 2 * 2], rows[i / 2 * 2 + 1]);
            _mm256_castps_pd(if i % 2 == 0 {
                _mm256_unpacklo_ps(a, b)
            } else {
                _mm256_unpackhi_ps(a, b)
            })
        });
        let fours: [__m256; SIDE] = std::array::from_fn(|i| {
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
    fn every_word_finds_its_place_and_no_other_is_touched() {
        let sizes = [0, 1, 7, 8, 9, 15, 16, 17, 32, 40];
        let shapes = sizes.iter().flat_map(|&rows| sizes.map(|columns| (rows, columns)));
        for isa in Isa::available() {
            for (rows, columns) in shapes.clone() {
                let (source_stride, stride) = (columns + 3, rows + 5);
                let source: Vec<u32> = (0..(rows * source_stride) as u32).collect();
                let mut out = vec![u32::MAX; columns * stride];
                Transpose { source: &source, source_stride, rows, columns, out: &mut out, stride }
                    .run(isa);
                for (place, &found) in out.iter().enumerate() {
                    let (column, row) = (place / stride, place % stride);
                    let expected = (row < rows).then_some((row * source_stride + column) as u32);
                    assert_eq!(found, expected.unwrap_or(u32::MAX), "{}", isa.name());
                }
            }
        }
    }
}
