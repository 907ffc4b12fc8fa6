//! The same with AVX2: eight sums in a register.

use std::arch::x86_64::{__m128i, __m256i};

use pulp::cast;
use pulp::x86::V3;

use super::column::{Column, HALF, LANES, Lanes, PRECISION};

/// Exists only where the processor has AVX2.
#[derive(Debug, Clone, Copy)]
pub(in super::super) struct Avx2(pub(in super::super) V3);

// Loops instead of `map` and `from_fn`: their closures are not always inlined, and then no vector
// stays in a register.
impl Lanes for Avx2 {
    /// Four times, the lower and the upper half of the rows are shuffled into each other.
    #[inline(always)]
    fn turn(self, square: [Column; LANES]) -> [Column; LANES] {
        let Self(simd) = self;
        let mut rows: [__m128i; LANES] = cast(square);
        for _ in 0..4 {
            let (mut shuffled, half) = (rows, LANES / 2);
            for index in 0..half {
                shuffled[2 * index] = simd.sse2._mm_unpacklo_epi8(rows[index], rows[index + half]);
                shuffled[2 * index + 1] =
                    simd.sse2._mm_unpackhi_epi8(rows[index], rows[index + half]);
            }
            rows = shuffled;
        }
        cast(rows)
    }

    #[inline(always)]
    fn weigh<const CHANNELS: usize>(
        self,
        pixels: &[[Column; CHANNELS]],
        weights: &[i32],
    ) -> [Column; CHANNELS] {
        let Self(simd) = self;
        let mut sums = [[simd.avx._mm256_set1_epi32(HALF); 2]; CHANNELS];
        for (pixel, &weight) in pixels.iter().zip(weights) {
            let weight = simd.avx._mm256_set1_epi32(weight);
            for (sums, column) in sums.iter_mut().zip(pixel) {
                let halves: [[u8; 8]; 2] = cast(*column);
                for (sum, half) in sums.iter_mut().zip(halves) {
                    let bytes = simd.avx2._mm256_cvtepu8_epi32(cast([half, [0; 8]]));
                    *sum = simd
                        .avx2
                        ._mm256_add_epi32(*sum, simd.avx2._mm256_mullo_epi32(weight, bytes));
                }
            }
        }
        let mut bytes = [[0; LANES]; CHANNELS];
        for (column, [low, high]) in bytes.iter_mut().zip(sums) {
            *column = self.to_bytes(low, high);
        }
        bytes
    }
}

impl Avx2 {
    /// Shifted back, clipped at both ends by the packing, and in order again.
    #[inline(always)]
    fn to_bytes(self, low: __m256i, high: __m256i) -> Column {
        let Self(simd) = self;
        let low = simd.avx2._mm256_srai_epi32::<{ PRECISION as i32 }>(low);
        let high = simd.avx2._mm256_srai_epi32::<{ PRECISION as i32 }>(high);
        let words = simd.avx2._mm256_packs_epi32(low, high);
        let words = simd.avx2._mm256_permute4x64_epi64::<0b11_01_10_00>(words);
        let (low, high) = (
            simd.avx._mm256_castsi256_si128(words),
            simd.avx2._mm256_extracti128_si256::<1>(words),
        );
        cast(simd.sse2._mm_packus_epi16(low, high))
    }
}
