//! The definition: eight lanes at a time, in plain arithmetic.

use super::super::frame::BLOCK;
use super::transform::*;

/// For every processor.
#[derive(Debug, Clone, Copy)]
pub(in super::super) struct Portable;

type Lanes = [i16; 8];

impl Transform for Portable {
    #[inline(always)]
    fn inverse(self, coefficients: &[i16; 64], quant: &[i16; 64], out: &mut [u8], stride: usize) {
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
            line[..BLOCK].copy_from_slice(&lanes.map(|value| (value.clamp(-128, 127) + 128) as u8));
        }
    }
}

#[inline(always)]
fn saturate(value: i32) -> i16 {
    value.clamp(i32::from(i16::MIN), i32::from(i16::MAX)) as i16
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
        let product = |a: i16, by_a: i32, b: i16, by_b: i32| {
            (i32::from(a) * by_a).wrapping_add(i32::from(b) * by_b)
        };

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
