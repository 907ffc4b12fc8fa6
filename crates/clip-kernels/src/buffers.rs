//! Memory of a forward pass, used again by its next layer and by the next pass.
//!
//! A fresh matrix of some megabytes costs a page fault for every 4 KiB and a pass of zeros: at the
//! speed of int8 a fifth of the time of the product that fills it, and for a pass over one picture
//! of ViT-B/32 in bf16 4 % of its time. A step of training keeps half a gigabyte of activations
//! from its way forward to its way back and as much of gradients: 11 % of its time in f32, 16 % in
//! bf16.

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

/// Beyond this many values a buffer has up to a sixteenth more room than it was asked for, so that
/// it serves again where texts are a little longer. Pages that nobody writes cost nothing.
const ROOMY: usize = 1 << 18;

thread_local! {
    static SPARE: RefCell<Spare> =
        const { RefCell::new(Spare { buffers: Vec::new(), idle: Vec::new(), in_pass: false }) };
}

/// Runs `pass`; matrices that it drops lend their memory to those that it, and the thread's next
/// pass, make later. What that one does not need is freed: a pass drops matrices that it was given
/// as well, and they would pile up.
pub(crate) fn reusing<R>(pass: impl FnOnce() -> R) -> R {
    reusing_up_to(KEPT, pass)
}

/// The same for a step of training with all its passes, and without a bound: the next step will
/// need as much.
pub(crate) fn reusing_all<R>(step: impl FnOnce() -> R) -> R {
    reusing_up_to(usize::MAX, step)
}

fn reusing_up_to<R>(limit: usize, pass: impl FnOnce() -> R) -> R {
    struct End(usize);
    impl Drop for End {
        fn drop(&mut self) {
            SPARE.with_borrow_mut(|spare| {
                spare.in_pass = false;
                let mut kept = 0;
                spare.idle = std::mem::take(&mut spare.buffers);
                spare.idle.retain(|buffer| {
                    let fits = kept + buffer.capacity() <= self.0;
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
    let _end = End(limit);
    pass()
}

/// `length` values of any content; none where there is no memory.
pub(crate) fn take(length: usize) -> Option<Vec<f32>> {
    let spare = SPARE.with_borrow_mut(|spare| {
        if !spare.in_pass {
            return None;
        }
        let found = take_smallest(spare, length);
        if found.is_none() {
            free_largest_below(&mut spare.idle, length);
        }
        found
    });
    let Some(mut buffer) = spare else { return fresh(length) };
    buffer.resize(length, 0.0);
    Some(buffer)
}

/// Zeros, with some room where there are many.
fn fresh(length: usize) -> Option<Vec<f32>> {
    if length < ROOMY {
        return try_zeroed_vec(length).ok();
    }
    let roomy = length.checked_next_multiple_of(1 << (length.ilog2() - 4))?;
    let mut buffer = try_zeroed_vec(roomy).ok()?;
    buffer.truncate(length);
    Some(buffer)
}

/// A fresh buffer takes the place of one that was too small for it: where sizes change from step to
/// step, what is kept does not grow.
fn free_largest_below(idle: &mut Vec<Vec<f32>>, length: usize) {
    let smaller = idle.iter().enumerate().filter(|(_, buffer)| buffer.capacity() < length);
    if let Some((place, _)) = smaller.max_by_key(|(_, buffer)| buffer.capacity()) {
        idle.swap_remove(place);
    }
}

/// The smallest that is large enough; none that is much too large for what it would hold. An idle
/// one only where it fits better: the larger ones are left for those who need them.
fn take_smallest(spare: &mut Spare, length: usize) -> Option<Vec<f32>> {
    let smallest = |buffers: &[Vec<f32>]| {
        let sizes = buffers.iter().map(Vec::capacity).enumerate();
        let fitting = sizes.filter(|&(_, size)| size >= length && size / 4 <= length);
        fitting.min_by_key(|&(_, size)| size)
    };
    let (given_back, idle) = (smallest(&spare.buffers), smallest(&spare.idle));
    match (given_back, idle) {
        (Some((_, size)), Some((place, smaller))) if smaller < size => {
            Some(spare.idle.swap_remove(place))
        }
        (Some((place, _)), _) => Some(spare.buffers.swap_remove(place)),
        (None, Some((place, _))) => Some(spare.idle.swap_remove(place)),
        (None, None) => None,
    }
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
    fn a_step_gets_all_memory_of_the_last_and_what_it_keeps_does_not_grow() {
        let many = KEPT / 2 + 1;
        let step = |lengths: [usize; 3]| {
            reusing_all(|| {
                // A pass of its own changes nothing.
                let buffers = lengths.map(|length| reusing(|| take(length).unwrap()));
                let places = buffers.each_ref().map(|buffer| buffer.as_ptr() as usize);
                buffers.into_iter().for_each(give);
                places
            })
        };
        let first = step([many, many, many]);
        assert!(step([many, many, many]).iter().all(|place| first.contains(place)));
        // A sixteenth of room: not for an eighth more.
        assert!(step([many + many / 20; 3]).iter().all(|place| first.contains(place)));
        for more in 1..5 {
            step([many + more * many / 4; 3]);
            assert!(spare_values() < 3 * (many + more * many / 4) * 17 / 16, "{}", spare_values());
        }
    }

    #[test]
    fn a_thread_keeps_a_bounded_amount() {
        reusing(|| (0..5).for_each(|_| give(Vec::with_capacity(KEPT / 2))));
        assert_eq!(spare_values(), KEPT);
    }
}
