//! 4 × 8 at a time in whatever registers the compiler finds; products are rounded before they are
//! added, because a fused multiply-add without hardware is a call.

use super::{LEFT_STRIDE, PanelRow, Sums, checked_left};

pub(super) const HEIGHT: usize = 4;
const COLUMNS: usize = 8;

pub(super) fn tile(left: &[f32], rows: usize, panel: &[PanelRow], sums: &mut Sums) {
    for quarter in 0..4 {
        match rows {
            1 => quarter_tile::<1>(left, panel, quarter, sums),
            2 => quarter_tile::<2>(left, panel, quarter, sums),
            3 => quarter_tile::<3>(left, panel, quarter, sums),
            _ => quarter_tile::<4>(left, panel, quarter, sums),
        }
    }
}

fn quarter_tile<const ROWS: usize>(left: &[f32], panel: &[PanelRow], quarter: usize, sums: &mut Sums) {
    checked_left(left, ROWS, panel.len());
    let mut registers = [[0.0_f32; COLUMNS]; ROWS];
    for (input, outputs) in panel.iter().enumerate() {
        let outputs = &outputs.0.as_chunks::<COLUMNS>().0[quarter];
        for (row, sums) in registers.iter_mut().enumerate() {
            let value = left[row * LEFT_STRIDE + input];
            for (sum, output) in sums.iter_mut().zip(outputs) {
                *sum += value * output;
            }
        }
    }
    for (sums, registers) in sums.iter_mut().zip(registers) {
        sums.0.as_chunks_mut::<COLUMNS>().0[quarter] = registers;
    }
}
