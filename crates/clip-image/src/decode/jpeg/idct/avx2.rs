//! The transform with AVX2: lanes are columns, then rows, as in the definition.

use std::arch::x86_64::{__m128i, __m256i};

use pulp::cast;
use pulp::x86::V3;

use super::super::frame::BLOCK;
use super::transform::*;

/// Exists only where the processor has AVX2.
#[derive(Debug, Clone, Copy)]
pub(in super::super) struct Avx2(pub(in super::super) V3);

/// Rows 0 and 4, 1 and 5, 2 and 6, 3 and 7: what the transposition leaves.
type Rows = [__m256i; 4];

impl Transform for Avx2 {
    #[inline(always)]
    fn inverse(self, coefficients: &[i16; 64], quant: &[i16; 64], out: &mut [u8], stride: usize) {
        let Self(simd) = self;
        let (rows, _) = coefficients.as_chunks::<8>();
        let (quant, _) = quant.as_chunks::<8>();
        let row = |index: usize| -> __m128i { cast(rows[index]) };
        let scaled = |index: usize| simd.sse2._mm_mullo_epi16(row(index), cast(quant[index]));

        let below = (2..8).fold(row(1), |any, index| simd.sse2._mm_or_si128(any, row(index)));
        let columns = if simd.sse4_1._mm_testz_si128(below, below) != 0 {
            // Every column is constant. This shift wraps where the full pass would saturate.
            self.spread(simd.sse2._mm_slli_epi16::<{ COLUMN_FRACTION as i32 }>(scaled(0)))
        } else {
            let inputs = std::array::from_fn(scaled);
            self.one_dimension::<{ (FRACTION - COLUMN_FRACTION) as i32 }>(inputs)
        };
        let inputs = self.halves(columns);
        let [rows_04, rows_15, rows_26, rows_37] =
            self.one_dimension::<{ (FRACTION + COLUMN_FRACTION + 3) as i32 }>(inputs);

        let half_range = simd.avx._mm256_set1_epi8(-128);
        let samples = |a, b| -> [[u8; 8]; 4] {
            cast(simd.avx2._mm256_xor_si256(simd.avx2._mm256_packs_epi16(a, b), half_range))
        };
        let [row_0, row_1, row_4, row_5] = samples(rows_04, rows_15);
        let [row_2, row_3, row_6, row_7] = samples(rows_26, rows_37);
        let lines = out.chunks_mut(stride);
        for (line, row) in lines.zip([row_0, row_1, row_2, row_3, row_4, row_5, row_6, row_7]) {
            line[..BLOCK].copy_from_slice(&row);
        }
    }
}

impl Avx2 {
    /// Each value of `row` in all lanes of a row of its own.
    #[inline(always)]
    fn spread(self, row: __m128i) -> Rows {
        let values: [i16; 8] = cast(row);
        std::array::from_fn(|i| cast([[values[i]; 8], [values[i + 4]; 8]]))
    }

    #[inline(always)]
    fn halves(self, rows: Rows) -> [__m128i; 8] {
        let Self(simd) = self;
        let [a, b, c, d] = rows.map(|r| simd.avx._mm256_castsi256_si128(r));
        let [e, f, g, h] = rows.map(|r| simd.avx2._mm256_extracti128_si256::<1>(r));
        [a, b, c, d, e, f, g, h]
    }

    /// Lane by lane `a` and `b` side by side, ready for [`Avx2::product`].
    #[inline(always)]
    fn pairs(self, a: __m128i, b: __m128i) -> __m256i {
        let Self(simd) = self;
        simd.avx._mm256_set_m128i(
            simd.sse2._mm_unpackhi_epi16(a, b),
            simd.sse2._mm_unpacklo_epi16(a, b),
        )
    }

    /// `a * by_a + b * by_b` in 32 bits.
    #[inline(always)]
    fn product(self, pairs: __m256i, by_a: i32, by_b: i32) -> __m256i {
        let Self(simd) = self;
        let factors = simd.avx._mm256_set1_epi32(by_b << 16 | by_a & 0xffff);
        simd.avx2._mm256_madd_epi16(pairs, factors)
    }

    /// Eight transforms of eight points at once, one per lane; the results come transposed.
    #[inline(always)]
    fn one_dimension<const SHIFT: i32>(self, input: [__m128i; 8]) -> Rows {
        let Self(simd) = self;
        let [x0, x1, x2, x3, x4, x5, x6, x7] = input;
        let add = |a, b| simd.avx2._mm256_add_epi32(a, b);
        let sub = |a, b| simd.avx2._mm256_sub_epi32(a, b);

        // Even half. The rounding of the results goes in with the sum and the difference.
        let rounding = simd.avx._mm256_set1_epi32(1 << (SHIFT - 1));
        let scaled = |v| {
            let wide = simd.avx2._mm256_cvtepi16_epi32(v);
            add(simd.avx2._mm256_slli_epi32::<{ FRACTION as i32 }>(wide), rounding)
        };
        let x26 = self.pairs(x2, x6);
        let rotated_2 = self.product(x26, C_0_541, C_0_541 - C_1_847);
        let rotated_3 = self.product(x26, C_0_541 + C_0_765, C_0_541);
        let sum = scaled(simd.sse2._mm_add_epi16(x0, x4));
        let difference = scaled(simd.sse2._mm_sub_epi16(x0, x4));
        let even = [
            add(sum, rotated_3),
            add(difference, rotated_2),
            sub(difference, rotated_2),
            sub(sum, rotated_3),
        ];

        // Odd half.
        let z34 = self.pairs(simd.sse2._mm_add_epi16(x7, x3), simd.sse2._mm_add_epi16(x5, x1));
        let turned_3 = self.product(z34, C_1_175 - C_1_961, C_1_175);
        let turned_4 = self.product(z34, C_1_175, C_1_175 - C_0_390);
        let (x71, x53) = (self.pairs(x7, x1), self.pairs(x5, x3));
        let odd = [
            add(self.product(x71, -C_0_899, C_1_501 - C_0_899), turned_4),
            add(self.product(x53, -C_2_562, C_3_072 - C_2_562), turned_3),
            add(self.product(x53, C_2_053 - C_2_562, -C_2_562), turned_4),
            add(self.product(x71, C_0_298 - C_0_899, -C_0_899), turned_3),
        ];

        let low: [__m256i; 4] =
            std::array::from_fn(|i| simd.avx2._mm256_srai_epi32::<SHIFT>(add(even[i], odd[i])));
        let high: [__m256i; 4] =
            std::array::from_fn(|i| simd.avx2._mm256_srai_epi32::<SHIFT>(sub(even[i], odd[i])));
        self.transpose([[low[0], low[1]], [low[2], low[3]], [high[3], high[2]], [high[1], high[0]]])
    }

    /// Eight rows of eight 32-bit values to 16 bits, saturated, and transposed. Within each half of
    /// a register:
    ///
    /// ```text
    /// pack      00 01 02 03 10 11 12 13   20 21 22 23 30 31 32 33   (and 4 to 7)
    /// unpack    00 20 01 21 02 22 03 23   10 30 11 31 12 32 13 33
    /// unpack    00 10 20 30 01 11 21 31   02 12 22 32 03 13 23 33
    /// unpack    00 10 20 30 40 50 60 70   01 11 ...
    /// ```
    #[inline(always)]
    fn transpose(self, rows: [[__m256i; 2]; 4]) -> Rows {
        let Self(simd) = self;
        let low = |a, b| simd.avx2._mm256_unpacklo_epi16(a, b);
        let high = |a, b| simd.avx2._mm256_unpackhi_epi16(a, b);
        let [rows_01, rows_23, rows_45, rows_67] =
            rows.map(|[a, b]| simd.avx2._mm256_packs_epi32(a, b));
        let (even, odd) = (low(rows_01, rows_23), high(rows_01, rows_23));
        let (top_01, top_23) = (low(even, odd), high(even, odd));
        let (even, odd) = (low(rows_45, rows_67), high(rows_45, rows_67));
        let (bottom_01, bottom_23) = (low(even, odd), high(even, odd));
        [
            simd.avx2._mm256_unpacklo_epi64(top_01, bottom_01),
            simd.avx2._mm256_unpackhi_epi64(top_01, bottom_01),
            simd.avx2._mm256_unpacklo_epi64(top_23, bottom_23),
            simd.avx2._mm256_unpackhi_epi64(top_23, bottom_23),
        ]
    }
}
