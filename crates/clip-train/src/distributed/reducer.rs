//! Gradients of all ranks, summed while the backward pass goes on.

use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread::JoinHandle;

use super::collective::{Collective, CollectiveError};

/// Values of a bucket: 25 MiB, PyTorch's default too. Smaller ones wait for the network more often
/// than they use it.
pub(crate) const BUCKET_VALUES: usize = 25 * (1 << 20) / size_of::<f32>();

/// Gradients that are summed in one call.
#[derive(Debug, Default)]
struct Bucket {
    /// Each gradient's place, and how many values it has.
    members: Vec<(usize, usize)>,
    values: Vec<f32>,
}

/// Collects gradients in buckets as they become whole, and sums each full bucket over the ranks in
/// a thread of its own.
///
/// Buckets fill in the order in which the backward pass ends with its parameters, which is the same
/// on every rank. From the first gradient to the end of [`GradientReducer::finish`] no rank may do
/// anything else with the others.
#[derive(Debug)]
pub struct GradientReducer {
    /// Values that fill a bucket.
    enough: usize,
    filling: Bucket,
    /// Buckets on their way.
    underway: usize,
    /// Memory of buckets that came back.
    free: Vec<Bucket>,
    full: Option<Sender<Bucket>>,
    summed: Receiver<Result<Bucket, CollectiveError>>,
    thread: Option<JoinHandle<()>>,
    ended: CollectiveError,
}

impl GradientReducer {
    /// For these ranks.
    pub fn new(collective: Arc<dyn Collective>) -> GradientReducer {
        GradientReducer::with_bucket(collective, BUCKET_VALUES)
    }

    /// With buckets of at least so many values.
    pub fn with_bucket(collective: Arc<dyn Collective>, values: usize) -> GradientReducer {
        let (full, to_sum) = mpsc::channel::<Bucket>();
        let (done, summed) = mpsc::channel();
        let ended = CollectiveError {
            rank: collective.rank(),
            size: collective.size(),
            operation: "all-reduce of gradients",
            reason: "an earlier one failed".to_owned(),
        };
        let thread = std::thread::spawn(move || {
            for mut bucket in to_sum {
                let result = collective.all_reduce_sum(&mut bucket.values).map(|()| bucket);
                let failed = result.is_err();
                if done.send(result).is_err() || failed {
                    return;
                }
            }
        });
        GradientReducer {
            enough: values,
            filling: Bucket::default(),
            underway: 0,
            free: Vec::new(),
            full: Some(full),
            summed,
            thread: Some(thread),
            ended,
        }
    }

    /// This gradient is whole on this rank. `place` is for the caller to know it by.
    ///
    /// # Errors
    /// The ranks lost each other.
    pub fn ready(&mut self, place: usize, gradient: &[f32]) -> Result<(), CollectiveError> {
        self.filling.members.push((place, gradient.len()));
        self.filling.values.extend_from_slice(gradient);
        if self.filling.values.len() >= self.enough { self.send() } else { Ok(()) }
    }

    /// Gives away what is summed already, without waiting.
    ///
    /// # Errors
    /// The ranks lost each other, or `write` failed.
    pub fn take<E: From<CollectiveError>>(
        &mut self,
        mut write: impl FnMut(usize, &[f32]) -> Result<(), E>,
    ) -> Result<(), E> {
        while let Ok(bucket) = self.summed.try_recv() {
            self.give(bucket?, &mut write)?;
        }
        Ok(())
    }

    /// Waits for all sums and gives away the rest of them; a next pass may begin.
    ///
    /// # Errors
    /// The ranks lost each other, or `write` failed.
    pub fn finish<E: From<CollectiveError>>(
        &mut self,
        mut write: impl FnMut(usize, &[f32]) -> Result<(), E>,
    ) -> Result<(), E> {
        if !self.filling.members.is_empty() {
            self.send()?;
        }
        while self.underway > 0 {
            let bucket = self.summed.recv().map_err(|_| self.ended.clone())??;
            self.give(bucket, &mut write)?;
        }
        Ok(())
    }

    /// Sends the bucket that is being filled on its way.
    fn send(&mut self) -> Result<(), CollectiveError> {
        let bucket = std::mem::replace(&mut self.filling, self.free.pop().unwrap_or_default());
        let sent = self.full.as_ref().map(|full| full.send(bucket));
        match sent {
            Some(Ok(())) => {
                self.underway += 1;
                Ok(())
            }
            // Why is the first that it left behind.
            _ => Err(match self.summed.try_iter().find_map(Result::err) {
                Some(error) => error,
                None => self.ended.clone(),
            }),
        }
    }

    fn give<E>(
        &mut self,
        mut bucket: Bucket,
        write: &mut impl FnMut(usize, &[f32]) -> Result<(), E>,
    ) -> Result<(), E> {
        self.underway -= 1;
        let mut rest = bucket.values.as_slice();
        for &(place, length) in &bucket.members {
            let (gradient, later) = rest.split_at(length);
            write(place, gradient)?;
            rest = later;
        }
        bucket.members.clear();
        bucket.values.clear();
        self.free.push(bucket);
        Ok(())
    }
}

impl Drop for GradientReducer {
    fn drop(&mut self) {
        self.full = None;
        if let Some(thread) = self.thread.take() {
            // A panic there was an error here already.
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::threads::ThreadRank;
    use super::*;

    /// Sums of two passes over gradients of several sizes, on each of two ranks.
    fn sums(bucket: usize) -> Vec<Vec<Vec<f32>>> {
        std::thread::scope(|scope| {
            let ranks = ThreadRank::all(2).into_iter().map(|rank| {
                scope.spawn(move || {
                    let own = rank.rank() as f32;
                    let mut reducer = GradientReducer::with_bucket(Arc::new(rank), bucket);
                    let mut found = vec![Vec::new(); 5];
                    for pass in 0..2 {
                        for place in [4, 0, 3, 2, 1] {
                            let gradient = vec![own + place as f32; 1 + 3 * place + pass];
                            reducer.ready(place, &gradient).expect("all go on");
                            let mut write = |place: usize, values: &[f32]| {
                                found[place] = values.to_vec();
                                Ok::<(), CollectiveError>(())
                            };
                            reducer.take(&mut write).expect("all go on");
                        }
                        let mut write = |place: usize, values: &[f32]| {
                            found[place] = values.to_vec();
                            Ok::<(), CollectiveError>(())
                        };
                        reducer.finish(&mut write).expect("all go on");
                    }
                    found
                })
            });
            let ranks: Vec<_> = ranks.collect();
            ranks.into_iter().map(|rank| rank.join().expect("no panic")).collect()
        })
    }

    #[test]
    fn every_gradient_comes_back_summed_whatever_the_buckets() {
        let expected: Vec<Vec<f32>> =
            (0..5).map(|place| vec![1.0 + 2.0 * place as f32; 2 + 3 * place]).collect();
        for bucket in [1, 8, 1000] {
            assert_eq!(sums(bucket), [expected.clone(), expected.clone()], "{bucket}");
        }
    }

    #[test]
    fn a_rank_that_is_gone_is_an_error_and_no_wait() {
        let mut ranks = ThreadRank::all(2);
        drop(ranks.pop());
        let rank = ranks.pop().expect("the other");
        let mut reducer = GradientReducer::with_bucket(Arc::new(rank), 1);
        // The first is on its way before anybody knows.
        let ready = (0..100).try_for_each(|place| reducer.ready(place, &[1.0]));
        let error = ready.and_then(|()| reducer.finish(|_, _| Ok(()))).expect_err("alone");
        assert_eq!(error.reason, "rank 1 has ended");
    }
}
