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

use half::slice::HalfFloatSliceExt;
use half::{bf16, f16};
use rayon::prelude::*;
use std::ops::Range;
use std::sync::Arc;

/// Element type of a tensor in a file. Always little-endian.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Dtype {
    F64,
    F32,
    F16,
    Bf16,
    I64,
    I32,
    I16,
    I8,
    U8,
    Bool,
}

impl Dtype {
    /// Bytes of one element.
    pub fn size(self) -> usize {
        match self {
            Self::F64 | Self::I64 => 8,
            Self::F32 | Self::I32 => 4,
            Self::F16 | Self::Bf16 | Self::I16 => 2,
            Self::I8 | Self::U8 | Self::Bool => 1,
        }
    }

    /// Whether the elements are floating point.
    pub fn is_float(self) -> bool {
        matches!(self, Self::F64 | Self::F32 | Self::F16 | Self::Bf16)
    }

    /// The name people read: `f32`, `bf16`, `i64`, `bool`.
    pub fn name(self) -> &'static str {
        match self {
            Self::F64 => "f64",
            Self::F32 => "f32",
            Self::F16 => "f16",
            Self::Bf16 => "bf16",
            Self::I64 => "i64",
            Self::I32 => "i32",
            Self::I16 => "i16",
            Self::I8 => "i8",
            Self::U8 => "u8",
            Self::Bool => "bool",
        }
    }
}

/// Bytes that several tensors look into: a mapped file, a vector, data of the program itself, or a
/// part of one of these.
#[derive(Clone)]
pub struct SharedBytes {
    bytes: Arc<dyn AsRef<[u8]> + Send + Sync>,
    range: Range<usize>,
}

impl SharedBytes {
    /// Shares `bytes`: a `Vec<u8>`, a `&'static [u8]` or a memory map.
    pub fn new(bytes: impl AsRef<[u8]> + Send + Sync + 'static) -> Self {
        let range = 0..bytes.as_ref().len();
        Self { bytes: Arc::new(bytes), range }
    }

    /// All of them.
    pub fn as_slice(&self) -> &[u8] {
        (*self.bytes).as_ref().get(self.range.clone()).unwrap_or(&[])
    }

    /// `length` bytes from `start` on; `None` where there are fewer.
    pub fn slice(&self, start: usize, length: usize) -> Option<Self> {
        let start = self.range.start.checked_add(start)?;
        let end = start.checked_add(length)?;
        (end <= self.range.end).then(|| Self { bytes: self.bytes.clone(), range: start..end })
    }
}

impl std::fmt::Debug for SharedBytes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SharedBytes({} bytes)", self.as_slice().len())
    }
}

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

/// Dimensions a tensor may have; a CLIP has four at most.
pub(crate) const MAX_DIMENSIONS: usize = 16;

/// Elements a thread widens at a time.
const CHUNK: usize = 1 << 18;

/// The little-endian bytes of f32 values, kept as values so that they are aligned.
struct FloatBytes(Vec<f32>);

impl AsRef<[u8]> for FloatBytes {
    fn as_ref(&self) -> &[u8] {
        bytemuck::cast_slice(&self.0)
    }
}

fn element_count(shape: &[usize]) -> Option<usize> {
    // A zero anywhere means no elements, even where the other sizes would overflow.
    if shape.contains(&0) {
        return Some(0);
    }
    shape.iter().try_fold(1usize, |product, &size| product.checked_mul(size))
}

fn row_major_strides(shape: &[usize]) -> Vec<usize> {
    let mut strides = vec![0; shape.len()];
    let mut stride = 1usize;
    for (slot, &size) in strides.iter_mut().zip(shape).rev() {
        *slot = stride;
        stride = stride.saturating_mul(size);
    }
    strides
}

/// One past the last byte the view touches; `None` on overflow.
fn view_end(
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
fn gather(
    all: &[u8],
    start: usize,
    size: usize,
    shape: &[usize],
    strides: &[usize],
    length: usize,
) -> Vec<u8> {
    let mut out = Vec::with_capacity(length);
    let (Some((&columns, outer)), Some((&step, outer_strides))) = (shape.split_last(), strides.split_last())
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

fn widen(dtype: Dtype, bytes: &[u8], out: &mut [f32]) {
    match dtype {
        Dtype::F32 => fill(bytes, out, f32::from_le_bytes),
        Dtype::F64 => fill(bytes, out, |b| f64::from_le_bytes(b) as f32),
        Dtype::F16 => widen_half(bytes, out, f16::from_le_bytes, |from, to| {
            from.convert_to_f32_slice(to);
        }),
        Dtype::Bf16 => widen_half(bytes, out, bf16::from_le_bytes, |from, to| {
            from.convert_to_f32_slice(to);
        }),
        Dtype::I64 => fill(bytes, out, |b| i64::from_le_bytes(b) as f32),
        Dtype::I32 => fill(bytes, out, |b| i32::from_le_bytes(b) as f32),
        Dtype::I16 => fill(bytes, out, |b| i16::from_le_bytes(b).into()),
        Dtype::I8 => fill(bytes, out, |b| i8::from_le_bytes(b).into()),
        Dtype::U8 | Dtype::Bool => fill(bytes, out, |[b]: [u8; 1]| b.into()),
    }
}

fn fill<const N: usize>(bytes: &[u8], out: &mut [f32], value: impl Fn([u8; N]) -> f32) {
    for (slot, &element) in out.iter_mut().zip(bytes.as_chunks().0) {
        *slot = value(element);
    }
}

/// Half-width elements through a small aligned buffer, so that whole slices are converted at once
/// (with the processor's instruction for it where there is one).
fn widen_half<H: Copy + Default>(
    bytes: &[u8],
    out: &mut [f32],
    value: impl Fn([u8; 2]) -> H,
    convert: impl Fn(&[H], &mut [f32]),
) {
    let mut buffer = [H::default(); 1024];
    for (out, bytes) in out.chunks_mut(1024).zip(bytes.chunks(2048)) {
        for (slot, &element) in buffer.iter_mut().zip(bytes.as_chunks().0) {
            *slot = value(element);
        }
        if let Some(from) = buffer.get(..out.len()) {
            convert(from, out);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
