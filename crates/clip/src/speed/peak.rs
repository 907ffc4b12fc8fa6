//! Until clip-kernels has it.

use clip_kernels::{Isa, Precision};

/// 10⁹ operations a second of the processor.
pub(super) fn measure_peak(_isa: Isa, _precision: Precision, _threads: usize) -> f64 {
    f64::NAN
}
