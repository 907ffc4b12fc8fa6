//! The operations on sixteen rows side by side.

/// Rows that go together.
pub(in crate::resize) const LANES: usize = 16;
/// A byte of each row.
pub(in crate::resize) type Column = [u8; LANES];

/// Bits behind the point of a weight: what a sum of 8-bit values times weights leaves of 32 bits,
/// as Pillow counts them.
pub(in crate::resize) const PRECISION: u32 = 32 - 8 - 2;
/// What sums begin with, so that they are rounded.
pub(in crate::resize) const HALF: i32 = 1 << (PRECISION - 1);

/// Works on columns, with an instruction set chosen once.
pub(in crate::resize) trait Lanes: Copy {
    /// Rows and columns exchanged.
    fn turn(self, square: [Column; LANES]) -> [Column; LANES];

    /// The sum of `pixels`, each of `CHANNELS` columns, times their weights; rounded, and clipped
    /// to bytes.
    fn weigh<const CHANNELS: usize>(
        self,
        pixels: &[[Column; CHANNELS]],
        weights: &[i32],
    ) -> [Column; CHANNELS];

    /// Turns rows of `data`, `stride` apart, into `columns`, every `step`-th of them; missing rows
    /// repeat the last.
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
pub(in crate::resize) fn to_byte(sum: i32) -> u8 {
    (sum >> PRECISION).clamp(0, 255) as u8
}
