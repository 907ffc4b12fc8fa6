//! Memory of one forward pass, used again by the next layer.
//!
//! A fresh matrix of some megabytes costs a page fault for every 4 KiB and a pass of zeros: at the
//! speed of int8 a fifth of the time of the product that fills it.

use std::cell::RefCell;

thread_local! {
    /// Buffers that no matrix holds at the moment; nothing is kept outside of [`reusing`].
    static SPARE: RefCell<Option<Vec<Vec<f32>>>> = const { RefCell::new(None) };
}

/// Runs `pass`; matrices that it drops lend their memory to those that it makes later.
pub(crate) fn reusing<R>(pass: impl FnOnce() -> R) -> R {
    struct Forget;
    impl Drop for Forget {
        fn drop(&mut self) {
            SPARE.with_borrow_mut(|spare| *spare = None);
        }
    }
    if SPARE.with_borrow(Option::is_some) {
        return pass();
    }
    SPARE.with_borrow_mut(|spare| *spare = Some(Vec::new()));
    let _forget = Forget;
    pass()
}

/// `length` values of any content.
pub(crate) fn take(length: usize) -> Vec<f32> {
    let spare = SPARE.with_borrow_mut(|spare| {
        let spare = spare.as_mut()?;
        // The smallest that is large enough; none that is much too large for what it would hold.
        let fitting = spare
            .iter()
            .enumerate()
            .filter(|(_, buffer)| buffer.capacity() >= length && buffer.capacity() / 4 <= length);
        let (place, _) = fitting.min_by_key(|(_, buffer)| buffer.capacity())?;
        Some(spare.swap_remove(place))
    });
    let Some(mut buffer) = spare else { return vec![0.0; length] };
    buffer.resize(length, 0.0);
    buffer
}

/// Gives a buffer back.
pub(crate) fn give(buffer: Vec<f32>) {
    SPARE.with_borrow_mut(|spare| {
        if let Some(spare) = spare
            && buffer.capacity() > 0
        {
            spare.push(buffer);
        }
    });
}
