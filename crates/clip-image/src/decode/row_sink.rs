//! Where a decoder puts its rows.

/// Takes the rows of an image from top to bottom, as a decoder makes them.
pub(crate) trait RowSink {
    /// Takes the pixels from `(x, y)` to the right: one slice per channel, all of one length.
    fn row(&mut self, position: (usize, usize), channels: &[&[u8]]);
}
