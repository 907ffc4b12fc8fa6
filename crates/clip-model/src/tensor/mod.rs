//! One tensor of a checkpoint: views into shared bytes that are read only when asked for.

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

mod shared_bytes;
mod view;
mod widen;

pub use clip_formats::Dtype;
pub(crate) use clip_formats::MAX_DIMENSIONS;
pub use shared_bytes::SharedBytes;
pub(crate) use shared_bytes::Storage;
pub use view::ViewError;

use rayon::prelude::*;
use std::borrow::Cow;
use std::sync::Arc;
use view::{element_count, gather, is_row_major, row_major_strides, view_end};
use widen::widen;

/// A tensor of a checkpoint. Cheap to clone; nothing is read before [`Tensor::to_f32`].
#[derive(Debug, Clone)]
pub struct Tensor {
    dtype: Dtype,
    shape: Vec<usize>,
    elements: Elements,
}

/// Where the elements are.
#[derive(Debug, Clone)]
enum Elements {
    /// In bytes, the first one at byte `start`; strides count elements, and mean nothing where
    /// there are none.
    View { bytes: SharedBytes, start: usize, strides: Vec<usize> },
    /// In tensors of the same type, the rows of one below those of the other.
    Stack(Arc<[Tensor]>),
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
        Ok(Self { dtype, shape, elements: Elements::View { bytes, start, strides } })
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

    /// Tensors one below the other, joined along the first dimension; nothing is copied before it
    /// is read. `None` where element types or rows differ, and of nothing or of scalars.
    pub fn stacked(parts: Vec<Self>) -> Option<Self> {
        let first = parts.first()?;
        let (_, row) = first.shape.split_first()?;
        let mut rows = 0usize;
        for part in &parts {
            let (&count, of_part) = part.shape.split_first()?;
            if part.dtype != first.dtype || of_part != row {
                return None;
            }
            rows = rows.checked_add(count)?;
        }
        let shape: Vec<usize> = [rows].into_iter().chain(row.iter().copied()).collect();
        element_count(&shape)?;
        Some(Self { dtype: first.dtype, shape, elements: Elements::Stack(parts.into()) })
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
            elements: Elements::View {
                bytes: SharedBytes::new(FloatBytes(values)),
                start: 0,
                strides: row_major_strides(shape),
            },
        }
    }

    /// A tensor of these integers, row-major.
    ///
    /// # Panics
    /// When `values` does not have as many elements as `shape` says: a mistake of the caller.
    pub fn from_i64(shape: &[usize], values: &[i64]) -> Self {
        assert_eq!(element_count(shape), Some(values.len()), "values for shape {shape:?}");
        let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        Self {
            dtype: Dtype::I64,
            shape: shape.to_vec(),
            elements: Elements::View {
                bytes: SharedBytes::new(bytes),
                start: 0,
                strides: row_major_strides(shape),
            },
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
        match &self.elements {
            Elements::View { strides, .. } => is_row_major(&self.shape, strides),
            Elements::Stack(_) => false,
        }
    }

    /// The values widened (f64: rounded) to f32, row-major. Integers are converted.
    pub fn to_f32(&self) -> Vec<f32> {
        let mut values = vec![0f32; self.elements()];
        self.widen_into(&mut values);
        values
    }

    /// As [`Tensor::to_f32`]; borrowed where the values lie so in the file.
    pub fn f32_values(&self) -> Cow<'_, [f32]> {
        if cfg!(target_endian = "little")
            && self.dtype == Dtype::F32
            && let Cow::Borrowed(bytes) = self.to_contiguous()
            && let Ok(values) = bytemuck::try_cast_slice(bytes)
        {
            return Cow::Borrowed(values);
        }
        Cow::Owned(self.to_f32())
    }

    /// Writes the values, row-major, to `out`, which has room for all of them.
    fn widen_into(&self, out: &mut [f32]) {
        if let Elements::Stack(parts) = &self.elements {
            let mut rest = out;
            for part in parts.iter() {
                let Some((of_part, behind)) = rest.split_at_mut_checked(part.elements()) else {
                    return;
                };
                part.widen_into(of_part);
                rest = behind;
            }
            return;
        }
        let bytes = self.to_contiguous();
        // Chunks of a megabyte of output: small tensors stay on this thread.
        out.par_chunks_mut(CHUNK)
            .zip(bytes.par_chunks(CHUNK.saturating_mul(self.dtype.size())))
            .for_each(|(out, bytes)| widen(self.dtype, bytes, out));
    }

    /// Lets the system take the memory of the elements away where they lie in a mapped file: for
    /// tensors that will hardly be read again. Reading them brings them back.
    pub(crate) fn release(&self) {
        match &self.elements {
            Elements::Stack(parts) => parts.iter().for_each(Self::release),
            Elements::View { bytes, start, strides } => {
                let elements = self.elements();
                if let Some(end) = view_end(self.dtype, &self.shape, strides, elements, *start) {
                    bytes.release(*start, end.saturating_sub(*start));
                }
            }
        }
    }

    /// The values as i64, row-major; `None` for floating-point elements.
    pub fn to_i64(&self) -> Option<Vec<i64>> {
        let bytes = self.to_contiguous();
        Some(match self.dtype {
            Dtype::I64 => bytes.as_chunks().0.iter().map(|&b| i64::from_le_bytes(b)).collect(),
            Dtype::I32 => {
                bytes.as_chunks().0.iter().map(|&b| i32::from_le_bytes(b).into()).collect()
            }
            Dtype::I16 => {
                bytes.as_chunks().0.iter().map(|&b| i16::from_le_bytes(b).into()).collect()
            }
            Dtype::I8 => bytes.iter().map(|&b| i8::from_le_bytes([b]).into()).collect(),
            Dtype::U8 | Dtype::Bool => bytes.iter().map(|&b| b.into()).collect(),
            Dtype::F64 | Dtype::F32 | Dtype::F16 | Dtype::Bf16 => return None,
        })
    }

    /// The same elements under another shape of as many elements; `None` where that does not fit.
    pub fn reshaped(&self, shape: &[usize]) -> Option<Self> {
        if element_count(shape)? != self.elements() {
            return None;
        }
        let (bytes, start) = match &self.elements {
            Elements::View { bytes, start, .. } if self.is_contiguous() => (bytes.clone(), *start),
            _ => (SharedBytes::new(self.to_contiguous().into_owned()), 0),
        };
        let elements = Elements::View { bytes, start, strides: row_major_strides(shape) };
        Some(Self { dtype: self.dtype, shape: shape.to_vec(), elements })
    }

    /// `count` rows of the first dimension from row `first` on (a view, or a copy of a stack's);
    /// `None` where there are fewer.
    pub fn rows(&self, first: usize, count: usize) -> Option<Self> {
        let mut part = self.as_view()?;
        let rows = part.shape.first_mut()?;
        if first.checked_add(count)? > *rows {
            return None;
        }
        *rows = count;
        // Without rows the start is never read; it stays where it was, inside the bytes.
        if count > 0
            && let Elements::View { start, strides, .. } = &mut part.elements
        {
            let before = first.checked_mul(*strides.first()?)?.checked_mul(self.dtype.size())?;
            *start = start.checked_add(before)?;
        }
        Some(part)
    }

    /// A matrix with its two dimensions exchanged (a view, or a copy of a stack); `None` for any
    /// other rank.
    pub fn transposed(&self) -> Option<Self> {
        if self.shape.len() != 2 {
            return None;
        }
        let mut tensor = self.as_view()?;
        tensor.shape.reverse();
        if let Elements::View { strides, .. } = &mut tensor.elements {
            strides.reverse();
        }
        Some(tensor)
    }

    /// The same tensor with its elements in one place.
    fn as_view(&self) -> Option<Self> {
        match &self.elements {
            Elements::View { .. } => Some(self.clone()),
            Elements::Stack(_) => self.reshaped(&self.shape),
        }
    }

    /// The elements' bytes, row-major: borrowed where they lie so in the file.
    pub fn to_contiguous(&self) -> Cow<'_, [u8]> {
        let (bytes, start, strides) = match &self.elements {
            Elements::View { bytes, start, strides } => (bytes.as_slice(), *start, strides),
            Elements::Stack(parts) => {
                let parts: Vec<_> = parts.iter().map(Self::to_contiguous).collect();
                return Cow::Owned(parts.concat());
            }
        };
        let size = self.dtype.size();
        let length = self.elements().saturating_mul(size);
        if length == 0 {
            return Cow::Borrowed(&[]);
        }
        if self.is_contiguous() {
            let end = start.saturating_add(length);
            return Cow::Borrowed(bytes.get(start..end).unwrap_or(&[]));
        }
        Cow::Owned(gather(bytes, start, size, &self.shape, strides, length))
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
    fn a_stack_reads_like_one_tensor() {
        let part =
            |first: f32| Tensor::from_f32(&[2, 2], (0..4).map(|i| first + i as f32).collect());
        let stack =
            Tensor::stacked(vec![part(0.), part(4.).transposed().unwrap(), part(8.)]).unwrap();
        assert_eq!(stack.shape(), [6, 2]);
        let values = [0., 1., 2., 3., 4., 6., 5., 7., 8., 9., 10., 11.];
        assert_eq!(stack.to_f32(), values);
        assert_eq!(*stack.f32_values(), values);
        assert_eq!(*stack.to_contiguous(), *values.map(f32::to_le_bytes).as_flattened());
        assert_eq!(stack.rows(1, 3).unwrap().to_f32(), values[2..8]);
        assert_eq!(stack.reshaped(&[12]).unwrap().to_f32(), values);
        assert_eq!(stack.transposed().unwrap().to_f32()[..6], [0., 2., 4., 5., 8., 10.]);
        stack.release();
        assert_eq!(stack.to_f32(), values);
    }

    #[test]
    fn what_does_not_fit_is_not_stacked() {
        let [wide, narrow] =
            [3, 2].map(|columns| Tensor::from_f32(&[1, columns], vec![0.0; columns]));
        let bytes = Tensor::from_bytes(Dtype::U8, vec![1, 3], numbers(3), 0).unwrap();
        let scalar = Tensor::from_f32(&[], vec![1.0]);
        let rows = |rows| Tensor::from_bytes(Dtype::U8, vec![rows, 0], numbers(3), 0).unwrap();
        assert!(Tensor::stacked(vec![wide.clone(), narrow]).is_none());
        assert!(Tensor::stacked(vec![wide, bytes]).is_none());
        assert!(Tensor::stacked(vec![scalar.clone(), scalar]).is_none());
        assert!(Tensor::stacked(vec![rows(usize::MAX), rows(1)]).is_none());
        assert!(Tensor::stacked(Vec::new()).is_none());
    }

    #[test]
    fn f32_values_are_borrowed_only_where_they_can_be() {
        let whole = Tensor::from_f32(&[2, 2], vec![1., 2., 3., 4.]);
        assert!(matches!(whole.f32_values(), Cow::Borrowed([1., 2., 3., 4.])));
        assert_eq!(*whole.transposed().unwrap().f32_values(), [1., 3., 2., 4.]);
        let bytes: Vec<u8> = [0u8].into_iter().chain(1.5f32.to_le_bytes()).collect();
        let shifted = Tensor::from_bytes(Dtype::F32, vec![1], SharedBytes::new(bytes), 1).unwrap();
        assert_eq!(*shifted.f32_values(), [1.5]);
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
