//! Inverse DCT: libjpeg's accurate integer method, with the 16-bit steps of its vector code.
//!
//! A column pass leaves two more fraction bits, a row pass removes them. Products have 13 fraction bits. Sums of two
//! inputs wrap at 16 bits and results saturate, as in libjpeg-turbo on x86-64; a sound file never gets there, but a
//! damaged one then still gives the same pixels.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    reason = "fixed arrays and constant indices; 32-bit sums of four products of 16 bits each wrap explicitly"
)]

use super::frame::BLOCK;

const FRACTION: u32 = 13;
const COLUMN_FRACTION: u32 = 2;

/// `constant` in 13 fraction bits, rounded.
const fn fix(constant: f64) -> i32 {
    (constant * (1 << FRACTION) as f64 + 0.5) as i32
}

const C_0_298: i32 = fix(0.298631336);
const C_0_390: i32 = fix(0.390180644);
const C_0_541: i32 = fix(0.541196100);
const C_0_765: i32 = fix(0.765366865);
const C_0_899: i32 = fix(0.899976223);
const C_1_175: i32 = fix(1.175875602);
const C_1_501: i32 = fix(1.501321110);
const C_1_847: i32 = fix(1.847759065);
const C_1_961: i32 = fix(1.961570560);
const C_2_053: i32 = fix(2.053119869);
const C_2_562: i32 = fix(2.562915447);
const C_3_072: i32 = fix(3.072711026);

type Lanes = [i16; 8];

/// Turns coefficients (natural order) into samples: 8 rows of 8, `stride` apart in `out`.
#[inline(always)]
pub(super) fn inverse_dct(coefficients: &[i16; 64], quant: &[i16; 64], out: &mut [u8], stride: usize) {
    let row = |index: usize| -> Lanes {
        std::array::from_fn(|i| coefficients[index * 8 + i].wrapping_mul(quant[index * 8 + i]))
    };
    let below_first_row = coefficients[8..].iter().fold(0, |any, &c| any | c);
    let columns = if below_first_row == 0 {
        // Every column is constant. This shift wraps where the full pass would saturate.
        [row(0).map(|dc| dc << COLUMN_FRACTION); 8]
    } else {
        one_dimension::<{ FRACTION - COLUMN_FRACTION }>(std::array::from_fn(row))
    };
    let rows = one_dimension::<{ FRACTION + COLUMN_FRACTION + 3 }>(transpose(columns));
    for (line, lanes) in out.chunks_mut(stride).zip(transpose(rows)) {
        line[..BLOCK].copy_from_slice(&lanes.map(to_sample));
    }
}

/// The same for a block whose only coefficient is `dc`.
#[inline(always)]
pub(super) fn inverse_dct_of_dc(dc: i16, quant: i16, out: &mut [u8], stride: usize) {
    let column = dc.wrapping_mul(quant) << COLUMN_FRACTION;
    let shift = COLUMN_FRACTION + 3;
    let sample = to_sample(saturate((i32::from(column) + (1 << (shift - 1))) >> shift));
    for line in out.chunks_mut(stride).take(BLOCK) {
        line[..BLOCK].fill(sample);
    }
}

#[inline(always)]
fn saturate(value: i32) -> i16 {
    value.clamp(i32::from(i16::MIN), i32::from(i16::MAX)) as i16
}

#[inline(always)]
fn to_sample(value: i16) -> u8 {
    (value.clamp(-128, 127) + 128) as u8
}

#[inline(always)]
fn transpose(m: [Lanes; 8]) -> [Lanes; 8] {
    std::array::from_fn(|row| std::array::from_fn(|column| m[column][row]))
}

/// Eight transforms of eight points at once, one per lane.
#[inline(always)]
fn one_dimension<const SHIFT: u32>(input: [Lanes; 8]) -> [Lanes; 8] {
    let mut output = [[0; 8]; 8];
    for lane in 0..8 {
        let [x0, x1, x2, x3, x4, x5, x6, x7] = input.map(|row| row[lane]);
        let product =
            |a: i16, by_a: i32, b: i16, by_b: i32| (i32::from(a) * by_a).wrapping_add(i32::from(b) * by_b);

        // Even half: a rotation of x2 and x6, a sum and a difference of x0 and x4.
        let rotated_2 = product(x2, C_0_541, x6, C_0_541 - C_1_847);
        let rotated_3 = product(x2, C_0_541 + C_0_765, x6, C_0_541);
        let sum = i32::from(x0.wrapping_add(x4)) << FRACTION;
        let difference = i32::from(x0.wrapping_sub(x4)) << FRACTION;
        let even = [
            sum.wrapping_add(rotated_3),
            difference.wrapping_add(rotated_2),
            difference.wrapping_sub(rotated_2),
            sum.wrapping_sub(rotated_3),
        ];

        // Odd half.
        let z3 = x7.wrapping_add(x3);
        let z4 = x5.wrapping_add(x1);
        let turned_3 = product(z3, C_1_175 - C_1_961, z4, C_1_175);
        let turned_4 = product(z3, C_1_175, z4, C_1_175 - C_0_390);
        let odd = [
            product(x7, -C_0_899, x1, C_1_501 - C_0_899).wrapping_add(turned_4),
            product(x5, -C_2_562, x3, C_3_072 - C_2_562).wrapping_add(turned_3),
            product(x5, C_2_053 - C_2_562, x3, -C_2_562).wrapping_add(turned_4),
            product(x7, C_0_298 - C_0_899, x1, -C_0_899).wrapping_add(turned_3),
        ];

        let descale = |value: i32| saturate(value.wrapping_add(1 << (SHIFT - 1)) >> SHIFT);
        for i in 0..4 {
            output[i][lane] = descale(even[i].wrapping_add(odd[i]));
            output[7 - i][lane] = descale(even[i].wrapping_sub(odd[i]));
        }
    }
    output
}
