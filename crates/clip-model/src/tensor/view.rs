//! Shapes and strides over bytes: what they touch, and reading them row-major.

use clip_formats::{Dtype, MAX_DIMENSIONS};

/// Why a view does not lie inside its bytes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ViewError {
    /// Shape and strides have different lengths.
    #[error("shape has {shape} dimensions, stride has {strides}")]
    Rank {
        /// Dimensions of the shape.
        shape: usize,
        /// Dimensions of the strides.
        strides: usize,
    },
    /// More dimensions than any tensor of a CLIP could have.
    #[error("{dimensions} dimensions, limit {MAX_DIMENSIONS}")]
    TooManyDimensions {
        /// Dimensions of the shape.
        dimensions: usize,
    },
    /// Sizes or strides overflow.
    #[error("shape {shape:?} with strides {strides:?} overflows")]
    Overflow {
        /// The shape.
        shape: Vec<usize>,
        /// The strides in elements.
        strides: Vec<usize>,
    },
    /// The view reads behind the end of its storage.
    #[error("view ends at byte {end}, storage has {available}")]
    OutOfBounds {
        /// One past the last byte read.
        end: usize,
        /// Bytes there are.
        available: usize,
    },
    /// The view has more elements than its storage: a stride trick that would take memory the
    /// file does not account for.
    #[error("view has {elements} elements, storage has {available}")]
    Overlapping {
        /// Elements of the view.
        elements: usize,
        /// Elements of the storage.
        available: usize,
    },
}

pub(super) fn element_count(shape: &[usize]) -> Option<usize> {
    // A zero anywhere means no elements, even where the other sizes would overflow.
    if shape.contains(&0) {
        return Some(0);
    }
    shape.iter().try_fold(1usize, |product, &size| product.checked_mul(size))
}

pub(super) fn row_major_strides(shape: &[usize]) -> Vec<usize> {
    let mut strides = vec![0; shape.len()];
    let mut stride = 1usize;
    for (slot, &size) in strides.iter_mut().zip(shape).rev() {
        *slot = stride;
        stride = stride.saturating_mul(size);
    }
    strides
}

/// Whether elements with these strides lie row-major without gaps.
pub(super) fn is_row_major(shape: &[usize], strides: &[usize]) -> bool {
    let mut expected = 1usize;
    shape.iter().zip(strides).rev().all(|(&size, &stride)| {
        let fits = size == 1 || stride == expected;
        expected = expected.saturating_mul(size);
        fits
    })
}

/// One past the last byte the view touches; `None` on overflow.
pub(super) fn view_end(
    dtype: Dtype,
    shape: &[usize],
    strides: &[usize],
    elements: usize,
    start: usize,
) -> Option<usize> {
    if elements == 0 {
        return Some(start);
    }
    let mut last = 0usize;
    for (&size, &stride) in shape.iter().zip(strides) {
        last = last.checked_add(size.checked_sub(1)?.checked_mul(stride)?)?;
    }
    last.checked_add(1)?.checked_mul(dtype.size())?.checked_add(start)
}

/// Copies a strided view row-major. The view was checked against `all` when it was made.
pub(super) fn gather(
    all: &[u8],
    start: usize,
    size: usize,
    shape: &[usize],
    strides: &[usize],
    length: usize,
) -> Vec<u8> {
    let mut out = Vec::with_capacity(length);
    let (Some((&columns, outer)), Some((&step, outer_strides))) =
        (shape.split_last(), strides.split_last())
    else {
        return all.get(start..start.saturating_add(size)).unwrap_or(&[]).to_vec();
    };
    let step = step.saturating_mul(size);
    let mut index = vec![0usize; outer.len()];
    while out.len() < length {
        let row = index
            .iter()
            .zip(outer_strides)
            .fold(0usize, |sum, (&i, &stride)| sum.saturating_add(i.saturating_mul(stride)));
        let mut at = start.saturating_add(row.saturating_mul(size));
        for _ in 0..columns {
            out.extend_from_slice(all.get(at..at.saturating_add(size)).unwrap_or(&[]));
            at = at.saturating_add(step);
        }
        // Next row: count up from the innermost of the outer dimensions.
        for (i, &size) in index.iter_mut().zip(outer).rev() {
            *i = i.saturating_add(1);
            if *i < size {
                break;
            }
            *i = 0;
        }
    }
    out
}
