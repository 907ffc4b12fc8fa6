//! Rows on their way to a file.

use std::io;

/// Rows to write: how many, how long, and the next one.
pub(crate) struct RowStream<'a> {
    pub(crate) ids: &'a [&'a str],
    pub(crate) embed_dim: usize,
    /// Row number -> its values.
    pub(crate) row: &'a mut dyn FnMut(usize) -> io::Result<Vec<f32>>,
}
