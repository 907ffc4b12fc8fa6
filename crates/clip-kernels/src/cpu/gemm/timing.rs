//! The speed of a precision's arithmetic alone.

use super::micro_kernel::multiply_in_registers;
use crate::Precision;
use crate::cpu::isa::Isa;
use std::time::{Duration, Instant};

/// Steps between two looks at the clock: some microseconds.
const STEPS: usize = 1 << 10;

/// 10⁹ operations a second (2 for a multiply-add) of what a tile multiplies with, nothing loaded or
/// stored, on this thread, for about so long.
pub(in crate::cpu) fn time_arithmetic(isa: Isa, precision: Precision, duration: Duration) -> f64 {
    let mut operations = 0;
    let start = Instant::now();
    loop {
        operations += multiply_in_registers(isa, precision, STEPS);
        let elapsed = start.elapsed();
        if elapsed >= duration {
            return operations as f64 / elapsed.as_secs_f64() / 1e9;
        }
    }
}
