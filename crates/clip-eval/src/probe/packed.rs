//! Features packed for both products of an evaluation.
//!
//! Features are the packed side because they stay while the weights change: with the weights as
//! left side no output is padded (100 classes fill 78 % of whole panels, 10,000 samples fill all),
//! and the logits come class by class, which is how `softmax` reads 32 samples at a time.
//!
//! ```text
//! chunk of rows [m, width] ──┬─▶ samples  [m, width] as a weight: logitsᵀ [outputs, m] = W · samplesᵀ
//!                            └─▶ columns  [width, m] as a weight: d_W [outputs, width] = gradientᵀ · columnsᵀ
//! ```

use super::features::Features;
use crate::products::PackedMatrix;
use clip_kernels::{DeviceError, MatrixView};
use clip_rs::InstructionSet;
use rayon::prelude::*;
use std::ops::Range;

/// The most rows of a chunk: its logits of 100 classes (400 kB) stay in the second-level cache from
/// one product to the next. An odd multiple of 32, so that the logits of a sample do not all fall
/// into the same lines of the first-level cache.
const MAX_ROWS: usize = 31 * 32;
/// Chunks come in multiples of this, so that few threads share them evenly.
const EVEN: usize = 4;

/// Rows of features in a chosen order, packed once and shared by every fit on them.
pub struct PackedFeatures<'a> {
    device: InstructionSet,
    features: Features<'a>,
    order: Vec<usize>,
    /// Mean of the rows, `[width]`. It is taken off each when it is packed, and intercepts make up for
    /// it: logits of a far common mean would be its rounding.
    centre: Vec<f32>,
    /// Mean square of the rows' distances from it.
    spread: f64,
    rows_of_chunk: usize,
    /// Empty where the features are packed anew for every product.
    kept: Vec<Chunk>,
}

/// Some rows in the two forms.
pub(super) struct Chunk {
    /// `[rows, width]`.
    pub(super) samples: PackedMatrix,
    /// `[width, rows]`.
    pub(super) columns: PackedMatrix,
}

impl<'a> PackedFeatures<'a> {
    /// The memory that packed features may take unless told otherwise, in bytes.
    pub const MEMORY: usize = 8 << 30;

    /// Packs the rows of these indices in this order for the device that is to fit them; a fit
    /// takes a range of them.
    ///
    /// Kept are `8 · rows · width` bytes if that is at most `memory`. Otherwise nothing is: chunks
    /// are packed when they are needed, which gives the same bits and costs as much as multiplying
    /// with some tens of classes.
    ///
    /// # Errors
    /// The device has no room for them.
    pub fn new(
        device: InstructionSet,
        features: Features<'a>,
        order: Vec<usize>,
        memory: usize,
    ) -> Result<Self, DeviceError> {
        let rows_of_chunk = rows_of_chunk(order.len());
        let bytes = 2 * size_of::<f32>() * order.len() * features.width();
        let (centre, spread) = features.centre_and_spread(&order);
        let kept = Vec::new();
        let mut packed = Self { device, features, order, centre, spread, rows_of_chunk, kept };
        if bytes <= memory {
            let chunks = (0..packed.chunks()).into_par_iter();
            packed.kept = chunks.map(|chunk| packed.pack(chunk)).collect::<Result<_, _>>()?;
        }
        Ok(packed)
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.order.len()
    }

    /// Values of a row.
    pub fn width(&self) -> usize {
        self.features.width()
    }

    /// Which rows of the features these are.
    pub fn order(&self) -> &[usize] {
        &self.order
    }

    pub(super) fn device(&self) -> InstructionSet {
        self.device
    }

    pub(super) fn features(&self) -> Features<'a> {
        self.features
    }

    pub(super) fn centre(&self) -> &[f32] {
        &self.centre
    }

    pub(super) fn spread(&self) -> f64 {
        self.spread
    }

    pub(super) fn chunks(&self) -> usize {
        self.rows().div_ceil(self.rows_of_chunk)
    }

    /// The rows of a chunk.
    pub(super) fn rows_of(&self, chunk: usize) -> Range<usize> {
        chunk * self.rows_of_chunk..self.rows().min((chunk + 1) * self.rows_of_chunk)
    }

    /// Calls `use_chunk` with a chunk, packed for this call where it is not kept.
    pub(super) fn with<R>(
        &self,
        chunk: usize,
        use_chunk: impl FnOnce(&Chunk) -> Result<R, DeviceError>,
    ) -> Result<R, DeviceError> {
        match self.kept.get(chunk) {
            Some(kept) => use_chunk(kept),
            None => use_chunk(&self.pack(chunk)?),
        }
    }

    fn pack(&self, chunk: usize) -> Result<Chunk, DeviceError> {
        let order = &self.order[self.rows_of(chunk)];
        let mut rows = self.features.gather(order);
        let (rows_of_chunk, width) = (order.len(), self.width());
        for row in rows.chunks_exact_mut(width) {
            row.iter_mut().zip(&self.centre).for_each(|(value, centre)| *value -= centre);
        }
        let pack = |view| PackedMatrix::new(self.device, view);
        Ok(Chunk {
            samples: pack(MatrixView::output_major(&rows, rows_of_chunk, width))?,
            columns: pack(MatrixView::input_major(&rows, rows_of_chunk, width))?,
        })
    }
}

/// Depends on the number of rows alone: it decides the order of sums.
fn rows_of_chunk(rows: usize) -> usize {
    let chunks = rows.div_ceil(MAX_ROWS);
    let chunks = if chunks > 2 { chunks.next_multiple_of(EVEN) } else { chunks.max(1) };
    (rows.div_ceil(chunks).div_ceil(32) | 1) * 32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_are_odd_multiples_of_32_and_cover_every_row() {
        for rows in (0..5000).chain([9_999, 10_000, 50_000, 1_281_167]) {
            let length = rows_of_chunk(rows);
            assert!(length <= MAX_ROWS && length % 64 == 32, "{rows}: {length}");
            assert!(
                rows.div_ceil(length) <= rows.div_ceil(MAX_ROWS).max(1).next_multiple_of(EVEN),
                "{rows}"
            );
        }
    }
}
