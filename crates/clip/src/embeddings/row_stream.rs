//! Rows on their way to a file.

use std::io::{self, Write};

/// Rows to write: how many, how long, and the next one.
pub(crate) struct RowStream<'a> {
    pub(crate) ids: &'a [&'a str],
    pub(crate) embed_dim: usize,
    /// Row number -> its values.
    pub(crate) row: &'a mut dyn FnMut(usize) -> io::Result<Vec<f32>>,
}

impl RowStream<'_> {
    /// Writes a header, then the values row by row, little-endian.
    pub(super) fn write(&mut self, file: &mut impl Write, header: &[u8]) -> io::Result<()> {
        file.write_all(header)?;
        for index in 0..self.ids.len() {
            for value in (self.row)(index)? {
                file.write_all(&value.to_le_bytes())?;
            }
        }
        Ok(())
    }
}
