//! A matrix that several threads write at once, each its own rectangle.

use super::thread_team;
use std::marker::PhantomData;
use std::ops::Range;

/// A row-major matrix whose parts are handed out without the compiler's proof that they are apart.
#[derive(Clone, Copy)]
pub(super) struct Target<'a, T = f32> {
    start: *mut T,
    values: usize,
    stride: usize,
    lifetime: PhantomData<&'a mut [T]>,
}

// SAFETY: the pointer comes from a `&mut [T]`, which may be sent; what keeps threads apart is
// the contract of `part`.
unsafe impl<T: Send> Send for Target<'_, T> {}
// SAFETY: as above; a shared `Target` gives access only through `part`.
unsafe impl<T: Send> Sync for Target<'_, T> {}

impl<'a, T> Target<'a, T> {
    /// The matrix `[values.len() / stride, stride]`.
    pub(super) fn new(values: &'a mut [T], stride: usize) -> Self {
        Self { start: values.as_mut_ptr(), values: values.len(), stride, lifetime: PhantomData }
    }

    /// Some columns of one row.
    ///
    /// # Safety
    /// While the slice lives, nobody else may read or write these columns of this row.
    #[inline]
    #[allow(clippy::mut_from_ref, reason = "that the parts are apart is the caller's promise")]
    pub(super) unsafe fn part(&self, row: usize, columns: Range<usize>) -> &'a mut [T] {
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

impl Target<'_> {
    /// Asks for some columns of one row to be written soon.
    #[inline]
    pub(super) fn prefetch(&self, row: usize, columns: Range<usize>) {
        /// Values of a cache line.
        const LINE: usize = 16;
        #[cfg(target_arch = "x86_64")]
        for column in columns.step_by(LINE) {
            use std::arch::x86_64::{_MM_HINT_ET0, _mm_prefetch};
            // SAFETY: a prefetch may have any address.
            unsafe {
                _mm_prefetch::<_MM_HINT_ET0>(
                    self.start.wrapping_add(row * self.stride + column).cast(),
                );
            };
        }
        #[cfg(not(target_arch = "x86_64"))]
        let _ = (row, columns, LINE);
    }
}

/// Calls `task` with every chunk of so many values (the last may be shorter) and its index, on the
/// threads of the team.
pub(super) fn for_each_chunk<T: Send>(
    values: &mut [T],
    length: usize,
    task: impl Fn(usize, &mut [T]) + Sync,
) {
    if values.is_empty() {
        return;
    }
    let count = values.len();
    let target = Target::new(values, count);
    thread_team::for_each(count.div_ceil(length), |index| {
        let chunk = index * length..count.min((index + 1) * length);
        // SAFETY: the chunks do not overlap, and each is one task's.
        task(index, unsafe { target.part(0, chunk) });
    });
}
