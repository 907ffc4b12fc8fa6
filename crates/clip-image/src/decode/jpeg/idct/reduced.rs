//! Inverse DCT to 4 x 4 or 2 x 2 samples: the transform of so many points, of the lowest
//! frequencies alone. What the pixels mean is what the mean of the full-size ones means, without
//! what is finer than the new grid.

use super::super::frame::BLOCK;
use super::transform::*;

/// `cosines[sample][frequency]` of a transform of `N` points that keeps the scale of the one of 8.
type Basis<const N: usize> = [[i32; N]; N];

const EVEN: i32 = fix(0.353_553_391); // sqrt(1/8)
const A: i32 = fix(0.461_939_766); // cos(pi/8) / 2
const B: i32 = fix(0.191_341_716); // cos(3 pi/8) / 2

pub(super) const FOUR: Basis<4> =
    [[EVEN, A, EVEN, B], [EVEN, B, -EVEN, -A], [EVEN, -B, -EVEN, A], [EVEN, -A, EVEN, -B]];
pub(super) const TWO: Basis<2> = [[EVEN, EVEN], [EVEN, -EVEN]];

/// `N` rows of `N` samples, `stride` apart in `out`.
#[inline(always)]
pub(super) fn inverse<const N: usize>(
    basis: &Basis<N>,
    coefficients: &[i16; 64],
    quant: &[i16; 64],
    out: &mut [u8],
    stride: usize,
) {
    // Columns first; two more fraction bits stay until the end.
    let mut columns = [[0_i32; N]; N];
    for (row, cosines) in columns.iter_mut().zip(basis) {
        for (x, sum) in row.iter_mut().enumerate() {
            for (y, cosine) in cosines.iter().enumerate() {
                let value = coefficients[y * BLOCK + x].wrapping_mul(quant[y * BLOCK + x]);
                *sum = sum.wrapping_add(i32::from(value) * cosine);
            }
            *sum = sum.wrapping_add(1 << (FRACTION - COLUMN_FRACTION - 1))
                >> (FRACTION - COLUMN_FRACTION);
        }
    }
    const SHIFT: u32 = FRACTION + COLUMN_FRACTION;
    for (line, row) in out.chunks_mut(stride).zip(&columns) {
        for (sample, cosines) in line[..N].iter_mut().zip(basis) {
            let products =
                row.iter().zip(cosines).map(|(value, cosine)| value.wrapping_mul(*cosine));
            let sum = products.fold(1 << (SHIFT - 1), i32::wrapping_add);
            *sample = ((sum >> SHIFT).clamp(-128, 127) + 128) as u8;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::portable::Portable;
    use super::*;

    /// Blocks of low frequencies: little is lost there.
    #[test]
    fn samples_are_the_means_of_those_of_the_whole_block() {
        let quant = [1; 64];
        for (dc, right, down) in
            [(0, 0, 0), (400, 0, 0), (-300, 90, -40), (100, -50, 60), (1016, 0, 0)]
        {
            let mut block = [0; 64];
            (block[0], block[1], block[8]) = (dc, right, down);
            let mut whole = [0; 64];
            Portable.inverse(&block, &quant, &mut whole, 8);
            let mut four = [0; 16];
            inverse(&FOUR, &block, &quant, &mut four, 4);
            let mut two = [0; 4];
            inverse(&TWO, &block, &quant, &mut two, 2);
            for (found, n) in [(&four[..], 4), (&two[..], 2)] {
                for (index, &sample) in found.iter().enumerate() {
                    let (y, x, size) = (index / n, index % n, 8 / n);
                    let sum: u32 = (0..size * size)
                        .map(|i| u32::from(whole[(y * size + i / size) * 8 + x * size + i % size]))
                        .sum();
                    let mean = sum as f64 / (size * size) as f64;
                    assert!((mean - f64::from(sample)).abs() < 2.5, "{n}: {mean} against {sample}");
                }
            }
        }
    }
}
