//! 4 × 8 at a time in whatever registers the compiler finds. Products are rounded before they are
//! added, because a fused multiply-add without hardware is a call; on aarch64, where it always is
//! one instruction, they are fused.

use super::{Operands, Sums, bf16_of};
use crate::Precision;
use crate::cpu::isa::multiply_add;

pub(super) const MR: usize = 4;
const COLUMNS: usize = 8;
const FUSED: bool = cfg!(target_arch = "aarch64");

pub(super) fn tile(precision: Precision, operands: Operands<'_>, sums: &mut Sums) {
    match precision {
        Precision::F32 => any_height::<F32>(operands, sums),
        Precision::Bf16 => any_height::<Bf16>(operands, sums),
        Precision::Int8 => any_height::<Int8>(operands, sums),
    }
}

/// How one word is multiplied; `Sum` is what its bits are read as.
trait Multiply {
    fn multiply_add(lhs: u32, panel: u32, sum: u32) -> u32;
}

struct F32;
struct Bf16;
struct Int8;

impl Multiply for F32 {
    #[inline(always)]
    fn multiply_add(lhs: u32, panel: u32, sum: u32) -> u32 {
        let [lhs, panel, sum] = [lhs, panel, sum].map(f32::from_bits);
        multiply_add(FUSED, lhs, panel, sum).to_bits()
    }
}

impl Multiply for Bf16 {
    #[inline(always)]
    fn multiply_add(lhs: u32, panel: u32, sum: u32) -> u32 {
        let ([lhs_0, lhs_1], [panel_0, panel_1]) = (bf16_of(lhs), bf16_of(panel));
        let sum = multiply_add(FUSED, lhs_0, panel_0, f32::from_bits(sum));
        multiply_add(FUSED, lhs_1, panel_1, sum).to_bits()
    }
}

impl Multiply for Int8 {
    #[inline(always)]
    fn multiply_add(lhs: u32, panel: u32, sum: u32) -> u32 {
        let bytes = lhs.to_ne_bytes().into_iter().zip(panel.to_ne_bytes());
        let products = bytes.map(|(lhs, panel)| i32::from(lhs) * i32::from(panel.cast_signed()));
        sum.wrapping_add(products.sum::<i32>().cast_unsigned())
    }
}

fn any_height<M: Multiply>(operands: Operands<'_>, sums: &mut Sums) {
    for quarter in 0..4 {
        match operands.rows {
            1 => quarter_tile::<M, 1>(operands, quarter, sums),
            2 => quarter_tile::<M, 2>(operands, quarter, sums),
            3 => quarter_tile::<M, 3>(operands, quarter, sums),
            _ => quarter_tile::<M, 4>(operands, quarter, sums),
        }
    }
}

fn quarter_tile<M: Multiply, const ROWS: usize>(
    operands: Operands<'_>,
    quarter: usize,
    sums: &mut Sums,
) {
    operands.check(ROWS);
    let Operands { lhs, stride, panel, .. } = operands;
    let mut registers = [[0; COLUMNS]; ROWS];
    for (word, outputs) in panel.iter().enumerate() {
        let outputs = &outputs.0.as_chunks::<COLUMNS>().0[quarter];
        for (row, sums) in registers.iter_mut().enumerate() {
            let value = lhs[row * stride + word];
            for (sum, &output) in sums.iter_mut().zip(outputs) {
                *sum = M::multiply_add(value, output, *sum);
            }
        }
    }
    for (sums, registers) in sums.iter_mut().zip(registers) {
        sums.0.as_chunks_mut::<COLUMNS>().0[quarter] = registers;
    }
}

/// Gives the words multiplied.
pub(super) fn multiply_in_registers(precision: Precision, steps: usize) -> usize {
    match precision {
        Precision::F32 => in_registers::<F32>(steps),
        Precision::Bf16 => in_registers::<Bf16>(steps),
        Precision::Int8 => in_registers::<Int8>(steps),
    }
}

fn in_registers<M: Multiply>(steps: usize) -> usize {
    let mut sums = [[0; COLUMNS]; MR];
    for _ in 0..steps {
        // Looked up anew, or a product of integers would be computed once for all steps.
        let panel = std::hint::black_box([0; COLUMNS]);
        for sums in &mut sums {
            for (sum, &panel) in sums.iter_mut().zip(&panel) {
                *sum = M::multiply_add(panel, panel, *sum);
            }
        }
    }
    std::hint::black_box(sums);
    steps * COLUMNS * MR
}
