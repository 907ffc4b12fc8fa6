//! Embeddings that can be searched.

use clip_rs::joint_space::dot;

/// Why a search is refused.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum RetrievalError {
    /// Cosines need vectors of length 1.
    #[error(
        "embedding {row} has norm {norm}, expected 1: normalise features before they are searched"
    )]
    NotUnit {
        /// Which, from 0.
        row: usize,
        /// Its length; NaN if it holds one.
        norm: f64,
    },
    /// A text names an image that is not there.
    #[error("text {text} belongs to image {image}, but there are {images} images (the first is 0)")]
    NoSuchImage {
        /// Which text, from 0.
        text: u32,
        /// Its image.
        image: u32,
        /// How many there are.
        images: usize,
    },
    /// The device has no room for a block of scores.
    #[error(transparent)]
    Device(#[from] clip_kernels::DeviceError),
    /// An image that cannot be found by any text.
    #[error("image {image} has no text: leave it out")]
    NoText {
        /// Which, from 0.
        image: usize,
    },
}

/// Embeddings, `[rows, width]`, each of length 1.
#[derive(Debug, Clone, Copy)]
pub struct UnitVectors<'a> {
    values: &'a [f32],
    width: usize,
}

/// Some rows side by side.
pub(super) struct Block<'a> {
    /// Position of its first row.
    pub(super) first: usize,
    /// `[rows, width]`.
    pub(super) values: &'a [f32],
    width: usize,
}

impl<'a> UnitVectors<'a> {
    /// How far a norm may be from 1: that of an embedding in f16 is.
    const TOLERANCE: f64 = 1e-3;

    /// - `values`: `[rows, width]`
    ///
    /// # Errors
    /// A row whose norm is not 1 within 0.001.
    ///
    /// # Panics
    /// When the values are no rows of `width`, or of more rows than a u32 counts.
    pub fn new(values: &'a [f32], width: usize) -> Result<Self, RetrievalError> {
        assert!(
            width > 0 && values.len().is_multiple_of(width),
            "{} values are no rows of {width}",
            values.len()
        );
        assert!(u32::try_from(values.len() / width).is_ok(), "too many rows");
        for (row, values) in values.chunks_exact(width).enumerate() {
            let norm = similarity(values, values).sqrt();
            let is_unit = (norm - 1.0).abs() <= Self::TOLERANCE; // false for NaN
            if !is_unit {
                return Err(RetrievalError::NotUnit { row, norm });
            }
        }
        Ok(Self { values, width })
    }

    /// How many.
    pub fn rows(&self) -> usize {
        self.values.len() / self.width
    }

    /// Values of one.
    pub fn width(&self) -> usize {
        self.width
    }

    /// One of them, `[width]`.
    pub fn row(&self, row: usize) -> &'a [f32] {
        &self.values[row * self.width..(row + 1) * self.width]
    }

    pub(super) fn blocks(&self, rows: usize) -> impl Iterator<Item = Block<'a>> {
        let width = self.width;
        let block = move |(index, values)| Block { first: index * rows, values, width };
        self.values.chunks(rows * width).enumerate().map(block)
    }

    /// More than the error of an f32 product of two such vectors, whatever the order of its sums:
    /// width · 2⁻²⁴ · ‖a‖ · ‖b‖, and a little for the rounding of bounds.
    pub(super) fn score_error(&self) -> f32 {
        (self.width as f64 * 2_f64.powi(-24) * 1.01 + 2_f64.powi(-21)) as f32
    }
}

impl Block<'_> {
    pub(super) fn rows(&self) -> usize {
        self.values.len() / self.width
    }
}

/// **Defines** similarity: no similarity is -0.0, so that every order of them is the same.
pub(super) fn similarity(a: &[f32], b: &[f32]) -> f64 {
    dot::<8>(a, b)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_unit_vector_is_named() {
        assert!(UnitVectors::new(&[0.6, 0.8, 1.0, 0.0], 2).is_ok());
        let error = UnitVectors::new(&[0.6, 0.8, 3.0, 4.0], 2).unwrap_err();
        assert_eq!(error, RetrievalError::NotUnit { row: 1, norm: 5.0 });
        assert!(UnitVectors::new(&[f32::NAN, 0.0], 2).is_err());
        assert!(UnitVectors::new(&[0.0, 0.0], 2).is_err());
        assert!(UnitVectors::new(&[f32::INFINITY, 0.0], 2).is_err());
    }
}
