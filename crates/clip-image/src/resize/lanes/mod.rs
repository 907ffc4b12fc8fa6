//! Sixteen rows of bytes side by side: the two operations that the horizontal pass is made of.
//!
//! A [`Column`] holds one byte of each row, so that a weight meets 16 neighbouring bytes and no sum
//! crosses lanes. [`portable`] is the definition; [`avx2`] is the same in instructions that the
//! compiler does not choose by itself (it gathers single bytes instead, a tenth of the speed).

#[cfg(target_arch = "x86_64")]
mod avx2;
mod column;
mod portable;

use pulp::{Arch, NullaryFnOnce};

pub(super) use column::{Column, HALF, LANES, Lanes, PRECISION, to_byte};

/// Something to do with whatever this processor does best.
pub(super) trait WithLanes {
    /// To be `inline(always)`: it is compiled once per instruction set.
    fn run(self, lanes: impl Lanes);
}

/// Runs `job` compiled for the instruction set of this processor.
pub(super) fn dispatch(job: impl WithLanes) {
    match Arch::new() {
        #[cfg(target_arch = "x86_64")]
        Arch::V3(simd) => simd.vectorize(Job(job, avx2::Avx2(simd))),
        arch => arch.dispatch(Job(job, portable::Portable)),
    }
}

struct Job<J, L>(J, L);

impl<J: WithLanes, L: Lanes> NullaryFnOnce for Job<J, L> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        self.0.run(self.1);
    }
}

#[cfg(test)]
mod tests {
    use super::portable::Portable;
    use super::*;

    fn bytes(count: usize) -> Vec<u8> {
        (0..count as u32).map(|index| (index.wrapping_mul(2_654_435_761) >> 24) as u8).collect()
    }

    #[test]
    fn rows_of_any_width_come_back_from_columns() {
        for width in 1..=67 {
            for count in [1, 5, LANES] {
                let rows = bytes(width * count);
                let mut columns = vec![[0; LANES]; width];
                Portable.to_columns(&rows, width, &mut columns, 1);
                assert_eq!(
                    columns[width - 1][count - 1],
                    rows[rows.len() - 1],
                    "{width} x {count}"
                );
                let mut back = vec![0; rows.len()];
                Portable.to_rows(&columns, &mut back);
                assert!(rows == back, "{width} x {count}");
            }
        }
    }

    #[cfg(target_arch = "x86_64")]
    #[test]
    fn avx2_gives_the_bytes_of_the_definition() {
        let Arch::V3(simd) = Arch::new() else {
            return println!("skipped: this processor has no AVX2");
        };
        let avx2 = avx2::Avx2(simd);
        let square = *bytes(256).as_chunks().0.first_chunk().expect("a square");
        assert_eq!(avx2.turn(square), Portable.turn(square));
        let columns = bytes(67 * 4 * LANES);
        let pixels = columns.as_chunks::<LANES>().0.as_chunks::<4>().0;
        for count in 0..=67 {
            // Weights of both signs whose absolute values sum to less than 2, as those of a filter.
            let weights: Vec<i32> = bytes(count)
                .iter()
                .map(|&byte| (i32::from(byte) - 96) * ((1 << PRECISION) / 80) / (count as i32))
                .collect();
            let pixels = &pixels[..count];
            assert_eq!(
                avx2.weigh(pixels, &weights),
                Portable.weigh(pixels, &weights),
                "{count} weights"
            );
        }
    }
}
