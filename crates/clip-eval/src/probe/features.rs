//! Features of images as they lie in memory or in a mapped file.

/// Features `[rows, width]`, row by row. A view: the values may belong to a mapped file.
#[derive(Debug, Clone, Copy)]
pub struct Features<'a> {
    data: &'a [f32],
    width: usize,
}

impl<'a> Features<'a> {
    /// Takes `data` as `[data.len() / width, width]`.
    ///
    /// # Panics
    /// When the width is zero or does not divide the number of values.
    pub fn new(data: &'a [f32], width: usize) -> Self {
        assert!(width > 0, "features need at least one column");
        assert!(data.len().is_multiple_of(width), "{} values are no rows of {width}", data.len());
        Self { data, width }
    }

    /// Number of images.
    pub fn rows(&self) -> usize {
        self.data.len() / self.width
    }

    /// Values of one image.
    pub fn width(&self) -> usize {
        self.width
    }

    /// One image's features, `[width]`.
    pub fn row(&self, row: usize) -> &'a [f32] {
        &self.data[row * self.width..(row + 1) * self.width]
    }

    /// The rows of these indices, in this order, `[indices, width]`.
    pub(super) fn gather(&self, indices: &[usize]) -> Vec<f32> {
        let mut rows = Vec::with_capacity(indices.len() * self.width);
        indices.iter().for_each(|&index| rows.extend_from_slice(self.row(index)));
        rows
    }
}
