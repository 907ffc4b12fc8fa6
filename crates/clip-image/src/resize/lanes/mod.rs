//! Sixteen rows of bytes side by side: the two operations that the horizontal pass is made of.
//!
//! A [`Column`] holds one byte of each row, so that a weight meets 16 neighbouring bytes and no sum crosses lanes.
//! [`portable`] is the definition; [`avx2`] is the same in instructions that the compiler does not choose by itself
//! (it gathers single bytes instead, a tenth of the speed).

#[cfg(target_arch = "x86_64")]
mod avx2;
mod portable;

use pulp::{Arch, NullaryFnOnce};

/// Rows that go together.
pub(super) const LANES: usize = 16;
/// A byte of each row.
pub(super) type Column = [u8; LANES];

/// Bits behind the point of a weight: what a sum of 8-bit values times weights leaves of 32 bits, as Pillow counts them.
pub(super) const PRECISION: u32 = 32 - 8 - 2;
/// What sums begin with, so that they are rounded.
pub(super) const HALF: i32 = 1 << (PRECISION - 1);

/// Works on columns, with an instruction set chosen once.
pub(super) trait Lanes: Copy {
    /// Rows and columns exchanged.
    fn turn(self, square: [Column; LANES]) -> [Column; LANES];

    /// The sum of `pixels`, each of `CHANNELS` columns, times their weights; rounded, and clipped to bytes.
    fn weigh<const CHANNELS: usize>(
        self,
        pixels: &[[Column; CHANNELS]],
        weights: &[i32],
    ) -> [Column; CHANNELS];

    /// Turns rows of `data`, `stride` apart, into `columns`, every `step`-th of them; missing rows repeat the last.
    #[inline(always)]
    fn to_columns(self, data: &[u8], stride: usize, columns: &mut [Column], step: usize) {
        let width = columns.len().div_ceil(step);
        let rows: [&[u8]; LANES] = {
            let last = (data.len() - width) / stride;
            std::array::from_fn(|row| &data[row.min(last) * stride..][..width])
        };
        for start in starts(width) {
            let Some(squares) = square(&rows, start) else {
                for index in 0..width {
                    columns[index * step] = rows.map(|row| row[index]);
                }
                return;
            };
            for (offset, column) in self.turn(squares).into_iter().enumerate() {
                columns[(start + offset) * step] = column;
            }
        }
    }

    /// Turns columns into `rows` of as many bytes each; at most 16 rows.
    #[inline(always)]
    fn to_rows(self, columns: &[Column], rows: &mut [u8]) {
        for start in starts(columns.len()) {
            let Some(square) = columns.get(start..).and_then(|rest| rest.first_chunk()) else {
                for (index, row) in rows.chunks_exact_mut(columns.len()).enumerate() {
                    row.iter_mut().zip(columns).for_each(|(byte, column)| *byte = column[index]);
                }
                return;
            };
            for (row, bytes) in rows.chunks_exact_mut(columns.len()).zip(self.turn(*square)) {
                row[start..start + LANES].copy_from_slice(&bytes);
            }
        }
    }
}

/// Where squares begin that cover `width` columns; the last one reaches back over its neighbour.
fn starts(width: usize) -> impl Iterator<Item = usize> {
    let last = width.saturating_sub(LANES);
    (0..width.div_ceil(LANES)).map(move |index| (index * LANES).min(last))
}

#[inline(always)]
fn square(rows: &[&[u8]; LANES], start: usize) -> Option<[Column; LANES]> {
    let mut square = [[0; LANES]; LANES];
    for (out, row) in square.iter_mut().zip(rows) {
        *out = *row.get(start..)?.first_chunk()?;
    }
    Some(square)
}

/// Back from fixed point: an arithmetic shift, then the range of a byte.
#[inline(always)]
pub(super) fn to_byte(sum: i32) -> u8 {
    (sum >> PRECISION).clamp(0, 255) as u8
}

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
