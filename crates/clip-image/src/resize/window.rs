//! Which part of a resized image is wanted.

use std::ops::Range;

/// A rectangle of an image of `full` pixels. Its sides fit in u32; those of the full image need
/// not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Window {
    full: (u64, u64),
    /// The columns that are kept, within `0..full.0`.
    pub(crate) columns: Range<u64>,
    /// The rows that are kept, within `0..full.1`.
    pub(crate) rows: Range<u64>,
}

impl Window {
    pub(crate) fn new(full: (u64, u64), columns: Range<u64>, rows: Range<u64>) -> Self {
        assert!(
            columns.end <= full.0 && rows.end <= full.1,
            "{columns:?} x {rows:?} is not inside {full:?}"
        );
        Self { full, columns, rows }
    }

    pub(crate) fn whole(width: u64, height: u64) -> Self {
        Self::new((width, height), 0..width, 0..height)
    }

    /// Width and height of the whole image.
    pub(crate) fn full_size(&self) -> (u64, u64) {
        self.full
    }

    /// Width and height of what is kept.
    pub(crate) fn size(&self) -> (u32, u32) {
        let side = |range: &Range<u64>| (range.end - range.start) as u32;
        (side(&self.columns), side(&self.rows))
    }

    /// Cuts the window out of an image of the full size.
    pub(crate) fn copy(&self, data: &[u8], row_bytes: usize, pixel_bytes: usize) -> Vec<u8> {
        let columns =
            self.columns.start as usize * pixel_bytes..self.columns.end as usize * pixel_bytes;
        let rows = data
            .chunks_exact(row_bytes)
            .take(self.rows.end as usize)
            .skip(self.rows.start as usize);
        rows.flat_map(|row| &row[columns.clone()]).copied().collect()
    }
}
