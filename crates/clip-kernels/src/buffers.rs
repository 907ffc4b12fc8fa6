//! Memory of a forward pass, used again by its next layer and by the next pass.
//!
//! A fresh matrix of some megabytes costs a page fault for every 4 KiB and a pass of zeros: at the
//! speed of int8 a fifth of the time of the product that fills it, and for a pass over one picture
//! of ViT-B/32 in bf16 4 % of its time.

use bytemuck::allocation::try_zeroed_vec;
use std::cell::RefCell;

/// Values a thread keeps from one pass to the next: 64 MiB.
const KEPT: usize = 1 << 24;

/// Buffers that no matrix holds at the moment.
struct Spare {
    /// Given back in this pass.
    buffers: Vec<Vec<f32>>,
    /// Given back in the last one, and not needed since.
    idle: Vec<Vec<f32>>,
    /// Outside of a pass none are lent and none are taken back.
    in_pass: bool,
}

thread_local! {
    static SPARE: RefCell<Spare> =
        const { RefCell::new(Spare { buffers: Vec::new(), idle: Vec::new(), in_pass: false }) };
}

/// Runs `pass`; matrices that it drops lend their memory to those that it, and the thread's next
/// pass, make later. What that one does not need is freed: a pass drops matrices that it was given
/// as well, and they would pile up.
pub(crate) fn reusing<R>(pass: impl FnOnce() -> R) -> R {
    struct End;
    impl Drop for End {
        fn drop(&mut self) {
            SPARE.with_borrow_mut(|spare| {
                spare.in_pass = false;
                let mut kept = 0;
                spare.idle = std::mem::take(&mut spare.buffers);
                spare.idle.retain(|buffer| {
                    let fits = kept + buffer.capacity() <= KEPT;
                    kept += if fits { buffer.capacity() } else { 0 };
                    fits
                });
            });
        }
    }
    if SPARE.with_borrow(|spare| spare.in_pass) {
        return pass();
    }
    SPARE.with_borrow_mut(|spare| spare.in_pass = true);
    let _end = End;
    pass()
}

/// `length` values of any content; none where there is no memory.
pub(crate) fn take(length: usize) -> Option<Vec<f32>> {
    let spare = SPARE.with_borrow_mut(|spare| {
        if !spare.in_pass {
            return None;
        }
        take_from(&mut spare.buffers, length).or_else(|| take_from(&mut spare.idle, length))
    });
    let Some(mut buffer) = spare else { return try_zeroed_vec(length).ok() };
    buffer.resize(length, 0.0);
    Some(buffer)
}

/// The smallest that is large enough; none that is much too large for what it would hold.
fn take_from(buffers: &mut Vec<Vec<f32>>, length: usize) -> Option<Vec<f32>> {
    let fitting = buffers
        .iter()
        .enumerate()
        .filter(|(_, buffer)| buffer.capacity() >= length && buffer.capacity() / 4 <= length);
    let (place, _) = fitting.min_by_key(|(_, buffer)| buffer.capacity())?;
    Some(buffers.swap_remove(place))
}

/// Gives a buffer back.
pub(crate) fn give(buffer: Vec<f32>) {
    SPARE.with_borrow_mut(|spare| {
        if spare.in_pass && buffer.capacity() > 0 {
            spare.buffers.push(buffer);
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spare_values() -> usize {
        SPARE.with_borrow(|spare| spare.buffers.iter().chain(&spare.idle).map(Vec::capacity).sum())
    }

    #[test]
    fn next_pass_gets_the_memory_of_the_last_and_nobody_else_does() {
        let place = |buffer: &Vec<f32>| buffer.as_ptr() as usize;
        let first = reusing(|| {
            let buffer = take(1000).unwrap();
            let first = place(&buffer);
            give(buffer);
            first
        });
        assert_ne!(place(&take(1000).unwrap()), first, "outside of a pass");
        reusing(|| assert_eq!(place(&take(900).unwrap()), first));
        assert_eq!(spare_values(), 0, "taken and not given back");
    }

    #[test]
    fn what_the_next_pass_does_not_need_is_freed() {
        for _ in 0..9 {
            reusing(|| {
                give(Vec::with_capacity(100)); // made outside, never taken
                give(take(1000).unwrap());
            });
        }
        assert_eq!(spare_values(), 1100);
    }

    #[test]
    fn a_thread_keeps_a_bounded_amount() {
        reusing(|| (0..5).for_each(|_| give(Vec::with_capacity(KEPT / 2))));
        assert_eq!(spare_values(), KEPT);
    }
}
