//! Ranks that are threads of one process: for tests, and what the other kinds must equal.

use std::any::Any;
use std::collections::BTreeMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use super::collective::{Collective, CollectiveError};
use super::traffic::{Counter, Traffic};

/// One rank of several in this process. Each belongs to one thread at a time.
///
/// A rank that is dropped is gone: whoever waits for it gets an error.
#[derive(Debug)]
pub struct ThreadRank {
    rank: usize,
    meeting: Arc<Meeting>,
    /// Number of calls so far: which round of all ranks the next one belongs to.
    round: Mutex<u64>,
    traffic: Counter,
}

/// Where the ranks meet.
#[derive(Debug)]
struct Meeting {
    ranks: usize,
    rounds: Mutex<Rounds>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Rounds {
    /// Calls that not every rank has made, or whose results not every rank has taken.
    open: BTreeMap<u64, Round>,
    /// Ranks that will call no more, and why.
    gone: BTreeMap<usize, String>,
}

/// What a rank does in a call, and its values.
type Given = (&'static str, Arc<dyn Any + Send + Sync>);

/// One call of all ranks.
#[derive(Debug)]
struct Round {
    /// By rank, as they come.
    given: Vec<Option<Given>>,
    taken: usize,
}

impl ThreadRank {
    /// As many ranks, for as many threads.
    pub fn all(ranks: usize) -> Vec<ThreadRank> {
        let meeting =
            Arc::new(Meeting { ranks, rounds: Mutex::default(), changed: Condvar::default() });
        let rank = |rank| ThreadRank {
            rank,
            meeting: Arc::clone(&meeting),
            round: Mutex::new(0),
            traffic: Counter::default(),
        };
        (0..ranks).map(rank).collect()
    }

    /// What each rank gives, once all have come.
    fn exchange<T: Clone + Send + Sync + 'static>(
        &self,
        operation: &'static str,
        values: &[T],
    ) -> Result<Vec<Arc<Vec<T>>>, CollectiveError> {
        let error = |reason: String| self.error(operation, reason);
        let mut number = self.round.lock().unwrap_or_else(PoisonError::into_inner);
        let all = self.meeting.round(*number, self.rank, operation, Arc::new(values.to_vec()));
        *number += 1;
        let all = all.map_err(error)?;
        let mut found = Vec::with_capacity(all.len());
        for (rank, (theirs, given)) in all.into_iter().enumerate() {
            if theirs != operation {
                return Err(error(format!("rank {rank} does something else: {theirs}")));
            }
            match given.downcast::<Vec<T>>() {
                Ok(given) if given.len() == values.len() => found.push(given),
                Ok(given) => {
                    let (theirs, ours) = (given.len(), values.len());
                    return Err(error(format!("rank {rank} gave {theirs} values, not {ours}")));
                }
                Err(_) => return Err(error(format!("rank {rank} gave another type"))),
            }
        }
        Ok(found)
    }

    fn error(&self, operation: &'static str, reason: String) -> CollectiveError {
        CollectiveError { rank: self.rank, size: self.meeting.ranks, operation, reason }
    }

    fn gather<T: Clone + Send + Sync + 'static>(
        &self,
        values: &[T],
    ) -> Result<Vec<T>, CollectiveError> {
        let all = self.exchange("all-gather", values)?;
        let bytes = (all.len() * size_of_val(values)) as u64;
        self.traffic.count(Traffic { all_gather: bytes, ..Traffic::default() });
        Ok(all.iter().flat_map(|given| given.iter().cloned()).collect())
    }

    fn sum<T>(&self, values: &mut [T]) -> Result<(), CollectiveError>
    where
        T: Copy + std::ops::AddAssign + Send + Sync + 'static,
    {
        let all = self.exchange("all-reduce", values)?;
        self.traffic
            .count(Traffic { all_reduce: size_of_val(values) as u64, ..Traffic::default() });
        add(&all, 0, values);
        Ok(())
    }
}

/// Sums of what the ranks gave from a place on, in the order of the ranks.
fn add<T: Copy + std::ops::AddAssign>(all: &[Arc<Vec<T>>], first: usize, sums: &mut [T]) {
    for (place, sum) in sums.iter_mut().enumerate() {
        let mut given = all.iter().filter_map(|values| values.get(first + place).copied());
        let Some(mut total) = given.next() else { continue };
        given.for_each(|value| total += value);
        *sum = total;
    }
}

impl Meeting {
    fn lock(&self) -> MutexGuard<'_, Rounds> {
        self.rounds.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives values to a round, waits for all others, and takes what they gave.
    fn round(
        &self,
        number: u64,
        rank: usize,
        operation: &'static str,
        values: Arc<dyn Any + Send + Sync>,
    ) -> Result<Vec<Given>, String> {
        let mut rounds = self.lock();
        let round = rounds
            .open
            .entry(number)
            .or_insert_with(|| Round { given: vec![None; self.ranks], taken: 0 });
        if let Some(place) = round.given.get_mut(rank) {
            *place = Some((operation, values));
        }
        self.changed.notify_all();
        loop {
            let given = rounds.open.get(&number).map(|round| &round.given);
            let missing =
                |rank: usize| given.is_some_and(|all| matches!(all.get(rank), Some(None)));
            if let Some((rank, reason)) = rounds.gone.iter().find(|(rank, _)| missing(**rank)) {
                return Err(format!("rank {rank} {reason}"));
            }
            if let Some(all) = given.and_then(|all| all.iter().cloned().collect::<Option<Vec<_>>>())
            {
                if let Some(round) = rounds.open.get_mut(&number) {
                    round.taken += 1;
                    if round.taken == self.ranks {
                        rounds.open.remove(&number);
                    }
                }
                return Ok(all);
            }
            rounds = self.changed.wait(rounds).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn leave(&self, rank: usize, reason: String) {
        self.lock().gone.entry(rank).or_insert(reason);
        self.changed.notify_all();
    }
}

impl Drop for ThreadRank {
    fn drop(&mut self) {
        let how = if std::thread::panicking() { "panicked" } else { "has ended" };
        self.meeting.leave(self.rank, how.to_owned());
    }
}

impl Collective for ThreadRank {
    fn rank(&self) -> usize {
        self.rank
    }

    fn size(&self) -> usize {
        self.meeting.ranks
    }

    fn all_gather(&self, values: &[f32]) -> Result<Vec<f32>, CollectiveError> {
        self.gather(values)
    }

    fn all_gather_u64(&self, values: &[u64]) -> Result<Vec<u64>, CollectiveError> {
        self.gather(values)
    }

    fn all_reduce_sum(&self, values: &mut [f32]) -> Result<(), CollectiveError> {
        self.sum(values)
    }

    fn all_reduce_sum_f64(&self, values: &mut [f64]) -> Result<(), CollectiveError> {
        self.sum(values)
    }

    fn reduce_scatter_sum(&self, values: &[f32]) -> Result<Vec<f32>, CollectiveError> {
        let all = self.exchange("reduce-scatter", values)?;
        let bytes = size_of_val(values) as u64;
        self.traffic.count(Traffic { reduce_scatter: bytes, ..Traffic::default() });
        let part = values.len() / self.size();
        let mut sums = vec![0.0; part];
        add(&all, self.rank * part, &mut sums);
        Ok(sums)
    }

    fn broadcast(&self, values: &mut [f32], root: usize) -> Result<(), CollectiveError> {
        let all = self.exchange("broadcast", values)?;
        let bytes = size_of_val(values) as u64;
        self.traffic.count(Traffic { broadcast: bytes, ..Traffic::default() });
        let given = all.get(root).ok_or_else(|| self.error("broadcast", format!("no rank {root}")));
        values.copy_from_slice(given?);
        Ok(())
    }

    fn barrier(&self) -> Result<(), CollectiveError> {
        self.exchange::<u8>("barrier", &[])?;
        self.traffic.count(Traffic::default());
        Ok(())
    }

    fn fail(&self, reason: &str) {
        self.meeting.leave(self.rank, format!("gave up: {reason}"));
    }

    fn traffic(&self) -> Traffic {
        self.traffic.so_far()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What each of so many ranks finds.
    fn on_ranks<T: Send>(ranks: usize, run: impl Fn(&ThreadRank) -> T + Sync) -> Vec<T> {
        std::thread::scope(|scope| {
            let run = &run;
            let threads = ThreadRank::all(ranks);
            let threads: Vec<_> =
                threads.into_iter().map(|rank| scope.spawn(move || run(&rank))).collect();
            threads.into_iter().map(|thread| thread.join().expect("no panic")).collect()
        })
    }

    #[test]
    fn operations_give_every_rank_what_all_gave() {
        let found = on_ranks(3, |rank| {
            let own = rank.rank() as f32;
            let gathered = rank.all_gather(&[own, 10.0 + own]).expect("gathers");
            let mut sums = [1.0, own];
            rank.all_reduce_sum(&mut sums).expect("sums");
            let part = rank.reduce_scatter_sum(&[own, 1.0, 10.0 * own]).expect("splits");
            let mut told = [own];
            rank.broadcast(&mut told, 2).expect("tells");
            rank.barrier().expect("all come");
            (gathered, sums, part, told)
        });
        for (rank, (gathered, sums, part, told)) in found.into_iter().enumerate() {
            assert_eq!(gathered, [0.0, 10.0, 1.0, 11.0, 2.0, 12.0]);
            assert_eq!(sums, [3.0, 3.0]);
            assert_eq!(part, [[3.0, 3.0, 30.0][rank]]);
            assert_eq!(told, [2.0]);
        }
    }

    #[test]
    fn traffic_is_what_the_operations_moved() {
        let found = on_ranks(2, |rank| {
            rank.all_gather(&[0.0; 5]).expect("gathers");
            rank.all_reduce_sum(&mut [0.0; 7]).expect("sums");
            rank.traffic()
        });
        let expected = Traffic { calls: 2, all_gather: 40, all_reduce: 28, ..Traffic::default() };
        assert_eq!(found, [expected; 2]);
    }

    #[test]
    fn rank_that_gives_up_or_leaves_holds_nobody_up() {
        let found = on_ranks(3, |rank| match rank.rank() {
            0 => rank.barrier().map_err(|error| error.reason),
            1 => {
                rank.fail("the disk is full");
                Ok(())
            }
            _ => rank.all_reduce_sum(&mut [1.0]).map_err(|error| error.reason),
        });
        assert_eq!(found[0], Err("rank 1 gave up: the disk is full".to_owned()));
        let left = on_ranks(2, |rank| if rank.rank() == 0 { Ok(()) } else { rank.barrier() });
        assert_eq!(
            left[1].as_ref().map_err(|error| error.reason.as_str()),
            Err("rank 0 has ended")
        );
    }

    #[test]
    fn ranks_that_do_something_else_are_told() {
        let found = on_ranks(2, |rank| match rank.rank() {
            0 => rank.all_gather(&[1.0]).map(drop),
            _ => rank.barrier(),
        });
        assert!(found.iter().all(Result::is_err), "{found:?}");
        let found = on_ranks(2, |rank| rank.all_gather(&vec![0.0; 1 + rank.rank()]).map(drop));
        let reasons: Vec<_> = found.into_iter().map(|e| e.expect_err("uneven").reason).collect();
        assert_eq!(reasons, ["rank 1 gave 2 values, not 1", "rank 0 gave 1 values, not 2"]);
    }
}
