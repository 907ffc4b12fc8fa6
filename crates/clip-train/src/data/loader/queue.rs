//! Batches on their way: threads fill places, one after the other, never more batches ahead than
//! are wanted.
//!
//! ```text
//! threads    claim a place ─▶ read, decode, draw, tokenize ─▶ the last one of a batch joins it
//! consumer   takes the oldest batch, which makes room for another
//! ```

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// A batch of which places are missing, or that is whole.
struct Pending<P, B> {
    places: Vec<Option<P>>,
    missing: usize,
    ready: Option<B>,
}

struct State<P, B> {
    /// Number of the oldest batch.
    first: u64,
    pending: VecDeque<Pending<P, B>>,
    /// The next place of the newest batch.
    next: usize,
    stopped: bool,
    /// A thread has panicked.
    broken: bool,
}

/// Places `P` that become batches `B`.
pub(super) struct Queue<P, B> {
    state: Mutex<State<P, B>>,
    room: Condvar,
    whole: Condvar,
    places: usize,
    most: usize,
}

impl<P, B> Queue<P, B> {
    /// Of batches of `places`, `most` at a time.
    pub(super) fn new(places: usize, most: usize) -> Self {
        let state = State {
            first: 0,
            pending: VecDeque::new(),
            next: places,
            stopped: false,
            broken: false,
        };
        let (room, whole) = (Condvar::new(), Condvar::new());
        Self { state: Mutex::new(state), room, whole, places, most }
    }

    fn lock(&self) -> MutexGuard<'_, State<P, B>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What a thread does until the queue is stopped: `fill` a place of a batch by its number from
    /// 0, `join` the places of one.
    pub(super) fn work(&self, fill: impl Fn(u64, usize) -> P, join: impl Fn(u64, Vec<P>) -> B) {
        let guard = Broken(self);
        while let Some((batch, place)) = self.claim() {
            let filled = fill(batch, place);
            if let Some(places) = self.put(batch, place, filled) {
                let joined = join(batch, places);
                let mut state = self.lock();
                let at = (batch - state.first) as usize;
                state.pending[at].ready = Some(joined);
                self.whole.notify_all();
            }
        }
        std::mem::forget(guard);
    }

    /// The next place to fill; none when there is nothing to do any more.
    fn claim(&self) -> Option<(u64, usize)> {
        let mut state = self.lock();
        loop {
            if state.stopped || state.broken {
                return None;
            }
            if state.next == self.places && state.pending.len() < self.most {
                let places = std::iter::repeat_with(|| None).take(self.places).collect();
                state.pending.push_back(Pending { places, missing: self.places, ready: None });
                state.next = 0;
            }
            if state.next < self.places {
                let batch = state.first + state.pending.len() as u64 - 1;
                state.next += 1;
                return Some((batch, state.next - 1));
            }
            state = self.room.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Puts a place where it belongs; all of the batch if it was the last.
    fn put(&self, batch: u64, place: usize, filled: P) -> Option<Vec<P>> {
        let mut state = self.lock();
        let at = (batch - state.first) as usize;
        let pending = &mut state.pending[at];
        pending.places[place] = Some(filled);
        pending.missing -= 1;
        (pending.missing == 0).then(|| pending.places.drain(..).flatten().collect())
    }

    /// The oldest batch, as soon as it is whole; none if a thread has panicked.
    pub(super) fn take(&self) -> Option<B> {
        let mut state = self.lock();
        loop {
            if let Some(batch) = state.pending.front_mut().and_then(|first| first.ready.take()) {
                state.pending.pop_front();
                state.first += 1;
                self.room.notify_all();
                return Some(batch);
            }
            if state.broken {
                return None;
            }
            state = self.whole.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Ends the work of all threads.
    pub(super) fn stop(&self) {
        self.lock().stopped = true;
        self.room.notify_all();
    }
}

/// Tells the consumer that a thread is gone, if it goes before its work is done.
struct Broken<'a, P, B>(&'a Queue<P, B>);

impl<P, B> Drop for Broken<'_, P, B> {
    fn drop(&mut self) {
        self.0.lock().broken = true;
        self.0.whole.notify_all();
        self.0.room.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::thread;

    use super::*;

    #[test]
    fn batches_come_in_order_whoever_fills_them_and_never_too_many() {
        for threads in [1, 2, 5] {
            let queue = Queue::<u64, (u64, Vec<u64>)>::new(3, 2);
            let (filled, taken) = (AtomicU64::new(0), AtomicU64::new(0));
            thread::scope(|scope| {
                for _ in 0..threads {
                    scope.spawn(|| {
                        let fill = |batch: u64, place: usize| {
                            filled.fetch_add(1, Ordering::SeqCst);
                            let ahead = batch + 1 - taken.load(Ordering::SeqCst).min(batch + 1);
                            assert!(ahead <= 3, "{ahead} batches ahead"); // one is being taken
                            batch * 10 + place as u64
                        };
                        queue.work(fill, |batch, places| (batch, places));
                    });
                }
                for batch in 0..50 {
                    let expected = (batch, (0..3).map(|place| batch * 10 + place).collect());
                    assert_eq!(queue.take(), Some(expected));
                    taken.store(batch + 1, Ordering::SeqCst);
                }
                queue.stop();
            });
            assert!(filled.load(Ordering::SeqCst) <= 3 * 52);
        }
    }

    #[test]
    fn thread_that_panics_ends_the_wait() {
        let queue = Queue::<(), ()>::new(2, 2);
        thread::scope(|scope| {
            let worker = scope.spawn(|| {
                queue.work(|batch, _| assert!(batch < 1, "the expected panic"), |_, _| ());
            });
            assert_eq!(queue.take(), Some(()));
            assert_eq!(queue.take(), None);
            assert!(worker.join().is_err());
        });
    }
}
