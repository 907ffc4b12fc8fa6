//! What this processor can do at most: the arithmetic of the tiles without a load or a store.

use super::gemm::multiply_in_registers;
use super::isa::Isa;
use super::thread_team;
use crate::Precision;
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// Rounds on each thread, of which the median counts.
const ROUNDS: usize = 7;
/// Time of one round.
const ROUND: Duration = Duration::from_millis(40);

/// Steps between two looks at the clock: some microseconds.
const STEPS: usize = 1 << 10;

/// Measures the speed that no product can pass, in 10⁹ operations a second (2 for a multiply-add)
/// on all threads of rayon's current pool together.
pub fn measure_peak(isa: Isa, precision: Precision) -> f64 {
    let threads = rayon::current_num_threads();
    let mut rounds: Vec<f64> = (0..ROUNDS)
        .map(|_| {
            let speeds = Mutex::new(Vec::new());
            thread_team::parallel_region(|| {
                thread_team::for_each(threads, |_| {
                    let speed = time_arithmetic(isa, precision, ROUND);
                    speeds.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push(speed);
                });
            });
            speeds.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner).iter().sum()
        })
        .collect();
    rounds.sort_by(f64::total_cmp);
    rounds[ROUNDS / 2]
}

/// 10⁹ operations a second (2 for a multiply-add) of what a tile multiplies with, nothing loaded or
/// stored, on this thread, for about so long.
fn time_arithmetic(isa: Isa, precision: Precision, duration: Duration) -> f64 {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_instruction_set_has_a_peak_in_every_precision() {
        for isa in Isa::available() {
            for precision in Precision::ALL {
                assert!(time_arithmetic(isa, precision, Duration::from_millis(1)) > 0.0);
            }
        }
    }
}
