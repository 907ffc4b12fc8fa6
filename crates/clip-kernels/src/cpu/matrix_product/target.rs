//! A matrix that several threads write at once, each its own rectangle.

use std::marker::PhantomData;
use std::ops::Range;

/// A row-major matrix whose parts are handed out without the compiler's proof that they are apart.
#[derive(Clone, Copy)]
pub(in crate::cpu) struct Target<'a> {
    start: *mut f32,
    values: usize,
    stride: usize,
    lifetime: PhantomData<&'a mut [f32]>,
}

// SAFETY: the pointer comes from a `&mut [f32]`, which may be sent; what keeps threads apart is
// the contract of `part`.
unsafe impl Send for Target<'_> {}
// SAFETY: as above; a shared `Target` gives access only through `part`.
unsafe impl Sync for Target<'_> {}

impl<'a> Target<'a> {
    /// The matrix `[values.len() / stride, stride]`.
    pub(in crate::cpu) fn new(values: &'a mut [f32], stride: usize) -> Self {
        Self { start: values.as_mut_ptr(), values: values.len(), stride, lifetime: PhantomData }
    }

    /// Some columns of one row.
    ///
    /// # Safety
    /// While the slice lives, nobody else may read or write these columns of this row.
    #[inline]
    #[allow(clippy::mut_from_ref, reason = "that the parts are apart is the caller's promise")]
    pub(in crate::cpu) unsafe fn part(&self, row: usize, columns: Range<usize>) -> &'a mut [f32] {
        let start = row * self.stride + columns.start;
        assert!(
            columns.end <= self.stride && start + columns.len() <= self.values,
            "part outside of the target"
        );
        // SAFETY: the part lies within the slice this was made from (asserted), which is borrowed
        // for 'a, and nobody else uses it (the caller's promise).
        unsafe { std::slice::from_raw_parts_mut(self.start.add(start), columns.len()) }
    }
}
