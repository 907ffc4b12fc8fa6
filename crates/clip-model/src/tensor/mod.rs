//! One tensor of a checkpoint: a view into shared bytes that are read only when asked for.

#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects
    )
)]

mod dtype;
mod shared_bytes;
mod view;
mod widen;

pub use dtype::Dtype;
pub use shared_bytes::SharedBytes;
pub(crate) use view::MAX_DIMENSIONS;
pub use view::ViewError;

use rayon::prelude::*;
use view::{element_count, gather, row_major_strides, view_end};
use widen::widen;

/// A tensor of a checkpoint. Cheap to clone; nothing is read before [`Tensor::to_f32`].
#[derive(Debug, Clone)]
pub struct Tensor {
    dtype: Dtype,
    shape: Vec<usize>,
    /// In elements. Meaningless for tensors without elements.
    strides: Vec<usize>,
    bytes: SharedBytes,
    /// Where element [0, 0, …] starts, in bytes.
    start: usize,
}

impl Tensor {
    /// A view of `shape` into `bytes`, its first element at byte `start`, `strides` in elements.
    ///
    /// # Errors
    /// [`ViewError`] when any element would lie outside `bytes`, or when the view has more
    /// elements than `bytes` can hold.
    pub fn from_view(
        dtype: Dtype,
        shape: Vec<usize>,
        strides: Vec<usize>,
        bytes: SharedBytes,
        start: usize,
    ) -> Result<Self, ViewError> {
        if shape.len() > MAX_DIMENSIONS {
            return Err(ViewError::TooManyDimensions { dimensions: shape.len() });
        }
        if shape.len() != strides.len() {
            return Err(ViewError::Rank { shape: shape.len(), strides: strides.len() });
        }
        let available = bytes.as_slice().len();
        let overflow = || ViewError::Overflow { shape: shape.clone(), strides: strides.clone() };
        let elements = element_count(&shape).ok_or_else(overflow)?;
        let end = view_end(dtype, &shape, &strides, elements, start).ok_or_else(overflow)?;
        if end > available {
            return Err(ViewError::OutOfBounds { end, available });
        }
        let capacity = available.checked_div(dtype.size()).unwrap_or(0);
        if elements > capacity {
            return Err(ViewError::Overlapping { elements, available: capacity });
        }
        Ok(Self { dtype, shape, strides, bytes, start })
    }

    /// A row-major view of `shape` into `bytes` from byte `start` on.
    ///
    /// # Errors
    /// As [`Tensor::from_view`].
    pub fn from_bytes(
        dtype: Dtype,
        shape: Vec<usize>,
        bytes: SharedBytes,
        start: usize,
    ) -> Result<Self, ViewError> {
        let strides = row_major_strides(&shape);
        Self::from_view(dtype, shape, strides, bytes, start)
    }

    /// A tensor of these values, row-major.
    ///
    /// # Panics
    /// When `values` does not have as many elements as `shape` says: a mistake of the caller.
    pub fn from_f32(shape: &[usize], values: Vec<f32>) -> Self {
        assert_eq!(element_count(shape), Some(values.len()), "values for shape {shape:?}");
        let values = if cfg!(target_endian = "little") {
            values
        } else {
            values.iter().map(|v| f32::from_bits(v.to_bits().to_le())).collect()
        };
        Self {
            dtype: Dtype::F32,
            shape: shape.to_vec(),
            strides: row_major_strides(shape),
            bytes: SharedBytes::new(FloatBytes(values)),
            start: 0,
        }
    }

    /// Element type in the file.
    pub fn dtype(&self) -> Dtype {
        self.dtype
    }

    /// Shape; empty for a scalar.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// Number of elements.
    pub fn elements(&self) -> usize {
        // Checked when the view was made; a product of zero-size shapes saturates to nothing.
        element_count(&self.shape).unwrap_or(0)
    }

    /// Whether the elements lie row-major without gaps.
    pub fn is_contiguous(&self) -> bool {
        let mut expected = 1usize;
        self.shape.iter().zip(&self.strides).rev().all(|(&size, &stride)| {
            let fits = size == 1 || stride == expected;
            expected = expected.saturating_mul(size);
            fits
        })
    }

    /// The values widened (f64: rounded) to f32, row-major. Integers are converted.
    pub fn to_f32(&self) -> Vec<f32> {
        let bytes = self.to_contiguous();
        let size = self.dtype.size();
        let mut values = vec![0f32; self.elements()];
        // Chunks of a megabyte of output: small tensors stay on this thread.
        values
            .par_chunks_mut(CHUNK)
            .zip(bytes.par_chunks(CHUNK.saturating_mul(size)))
            .for_each(|(out, bytes)| widen(self.dtype, bytes, out));
        values
    }

    /// The values as i64, row-major; `None` for floating-point elements.
    pub fn to_i64(&self) -> Option<Vec<i64>> {
        let bytes = self.to_contiguous();
        Some(match self.dtype {
            Dtype::I64 => bytes.as_chunks().0.iter().map(|&b| i64::from_le_bytes(b)).collect(),
            Dtype::I32 => bytes.as_chunks().0.iter().map(|&b| i32::from_le_bytes(b).into()).collect(),
            Dtype::I16 => bytes.as_chunks().0.iter().map(|&b| i16::from_le_bytes(b).into()).collect(),
            Dtype::I8 => bytes.iter().map(|&b| i8::from_le_bytes([b]).into()).collect(),
            Dtype::U8 | Dtype::Bool => bytes.iter().map(|&b| b.into()).collect(),
            Dtype::F64 | Dtype::F32 | Dtype::F16 | Dtype::Bf16 => return None,
        })
    }

    /// The same elements under another shape of as many elements; `None` where that does not fit.
    pub fn reshaped(&self, shape: &[usize]) -> Option<Self> {
        (element_count(shape)? == self.elements()).then(|| {
            let (bytes, start) = if self.is_contiguous() {
                (self.bytes.clone(), self.start)
            } else {
                (SharedBytes::new(self.to_contiguous().into_owned()), 0)
            };
            Self { dtype: self.dtype, shape: shape.to_vec(), strides: row_major_strides(shape), bytes, start }
        })
    }

    /// `count` rows of the first dimension from row `first` on (a view); `None` where there are
    /// fewer.
    pub fn rows(&self, first: usize, count: usize) -> Option<Self> {
        let (&rows, &stride) = self.shape.first().zip(self.strides.first())?;
        if first.checked_add(count)? > rows {
            return None;
        }
        let mut part = self.clone();
        *part.shape.first_mut()? = count;
        // Without rows the start is never read; it stays where it was, inside the bytes.
        if count > 0 {
            part.start =
                first.checked_mul(stride)?.checked_mul(self.dtype.size())?.checked_add(self.start)?;
        }
        Some(part)
    }

    /// A matrix with its two dimensions exchanged (a view); `None` for any other rank.
    pub fn transposed(&self) -> Option<Self> {
        let (&[rows, columns], &[row_stride, column_stride]) =
            (self.shape.as_slice(), self.strides.as_slice())
        else {
            return None;
        };
        Some(Self { shape: vec![columns, rows], strides: vec![column_stride, row_stride], ..self.clone() })
    }

    /// The elements' bytes, row-major: borrowed where they lie so in the file.
    pub fn to_contiguous(&self) -> std::borrow::Cow<'_, [u8]> {
        let all = self.bytes.as_slice();
        let size = self.dtype.size();
        let length = self.elements().saturating_mul(size);
        if length == 0 {
            return std::borrow::Cow::Borrowed(&[]);
        }
        if self.is_contiguous() {
            let end = self.start.saturating_add(length);
            return std::borrow::Cow::Borrowed(all.get(self.start..end).unwrap_or(&[]));
        }
        std::borrow::Cow::Owned(gather(all, self.start, size, &self.shape, &self.strides, length))
    }
}

/// Elements a thread widens at a time.
const CHUNK: usize = 1 << 18;

/// The little-endian bytes of f32 values, kept as values so that they are aligned.
struct FloatBytes(Vec<f32>);

impl AsRef<[u8]> for FloatBytes {
    fn as_ref(&self) -> &[u8] {
        bytemuck::cast_slice(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use half::{bf16, f16};

    fn numbers(count: u8) -> SharedBytes {
        SharedBytes::new((0..count).collect::<Vec<u8>>())
    }

    #[test]
    fn every_dtype_widens_to_the_value_it_encodes() {
        let cases: [(Dtype, &[u8], f32); 10] = [
            (Dtype::F64, &(-1.5f64).to_le_bytes(), -1.5),
            (Dtype::F32, &(-1.5f32).to_le_bytes(), -1.5),
            (Dtype::F16, &f16::from_f32(-1.5).to_le_bytes(), -1.5),
            (Dtype::Bf16, &bf16::from_f32(-1.5).to_le_bytes(), -1.5),
            (Dtype::I64, &(-3i64).to_le_bytes(), -3.0),
            (Dtype::I32, &(-3i32).to_le_bytes(), -3.0),
            (Dtype::I16, &(-3i16).to_le_bytes(), -3.0),
            (Dtype::I8, &(-3i8).to_le_bytes(), -3.0),
            (Dtype::U8, &[200], 200.0),
            (Dtype::Bool, &[1], 1.0),
        ];
        for (dtype, element, expected) in cases {
            let bytes = SharedBytes::new(element.repeat(5000));
            let tensor = Tensor::from_bytes(dtype, vec![5000], bytes, 0).unwrap();
            assert_eq!(tensor.to_f32(), vec![expected; 5000], "{dtype:?}");
        }
    }

    #[test]
    fn strided_views_are_read_row_major() {
        let view = |shape: &[usize], strides: &[usize], start| {
            Tensor::from_view(Dtype::U8, shape.to_vec(), strides.to_vec(), numbers(24), start)
                .unwrap()
                .to_f32()
        };
        assert_eq!(view(&[2, 3], &[3, 1], 1), [1., 2., 3., 4., 5., 6.]);
        assert_eq!(view(&[3, 2], &[1, 3], 0), [0., 3., 1., 4., 2., 5.]);
        assert_eq!(view(&[2, 2, 2], &[12, 2, 6], 0), [0., 6., 2., 8., 12., 18., 14., 20.]);
        assert_eq!(view(&[], &[], 7), [7.]);
        assert_eq!(view(&[2, 0], &[1, 1], 0), [0f32; 0]);
    }

    #[test]
    fn transposing_and_reshaping_keep_the_elements() {
        let tensor = Tensor::from_f32(&[2, 3], vec![0., 1., 2., 3., 4., 5.]);
        let transposed = tensor.transposed().unwrap();
        assert_eq!(transposed.to_f32(), [0., 3., 1., 4., 2., 5.]);
        assert_eq!(transposed.reshaped(&[6]).unwrap().to_f32(), [0., 3., 1., 4., 2., 5.]);
        assert!(tensor.reshaped(&[7]).is_none());
        assert_eq!(transposed.rows(1, 2).unwrap().to_f32(), [1., 4., 2., 5.]);
        assert!(transposed.rows(2, 2).is_none());
    }

    #[test]
    fn views_outside_their_bytes_are_refused() {
        let view = |shape: Vec<usize>, strides: Vec<usize>, start| {
            Tensor::from_view(Dtype::U8, shape, strides, numbers(8), start).unwrap_err()
        };
        assert!(matches!(view(vec![9], vec![1], 0), ViewError::OutOfBounds { end: 9, .. }));
        assert!(matches!(view(vec![8], vec![1], 1), ViewError::OutOfBounds { end: 9, .. }));
        assert!(matches!(view(vec![9], vec![0], 0), ViewError::Overlapping { .. }));
        assert!(matches!(view(vec![2, usize::MAX], vec![1, 1], 0), ViewError::Overflow { .. }));
        assert!(matches!(view(vec![3], vec![usize::MAX], 0), ViewError::Overflow { .. }));
        assert!(matches!(view(vec![3], vec![], 0), ViewError::Rank { .. }));
        assert!(matches!(view(vec![0], vec![1], 9), ViewError::OutOfBounds { .. }));
    }
}
