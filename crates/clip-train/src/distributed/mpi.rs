//! Ranks that are processes on one or many machines: Open MPI.

use std::sync::{Mutex, MutexGuard, PoisonError};

use mpi::Threading;
use mpi::collective::SystemOperation;
use mpi::environment::Universe;
use mpi::topology::SimpleCommunicator;
use mpi::traits::{Communicator, CommunicatorCollectives, Root};

use super::collective::{Collective, CollectiveError};
use super::traffic::{Counter, Traffic};

/// Exit code of all ranks when one gives up.
const FAILED: i32 = 1;

/// This process among those that `mpirun` started.
///
/// Calls come from several threads, one at a time, as the thread level says that was asked for.
/// Errors of MPI itself end all processes (`MPI_ERRORS_ARE_FATAL`, its default).
pub(super) struct Mpi {
    rank: usize,
    size: usize,
    one_at_a_time: Mutex<()>,
    traffic: Counter,
    /// Ends MPI when it is dropped.
    _universe: Universe,
}

impl Mpi {
    /// Starts MPI.
    ///
    /// # Errors
    /// It was started before, or lets one thread alone speak.
    pub(super) fn join() -> Result<Mpi, &'static str> {
        let (universe, level) =
            mpi::initialize_with_threading(Threading::Serialized).ok_or("it was started before")?;
        if level < Threading::Serialized {
            return Err(
                "this build of it lets one thread alone speak (MPI_THREAD_SERIALIZED is needed)",
            );
        }
        let world = SimpleCommunicator::world();
        let number = |value: i32| usize::try_from(value).map_err(|_| "a rank below zero");
        Ok(Mpi {
            rank: number(world.rank())?,
            size: number(world.size())?,
            one_at_a_time: Mutex::new(()),
            traffic: Counter::default(),
            _universe: universe,
        })
    }

    /// All ranks, for one call.
    fn world(&self) -> (MutexGuard<'_, ()>, SimpleCommunicator) {
        let turn = self.one_at_a_time.lock().unwrap_or_else(PoisonError::into_inner);
        (turn, SimpleCommunicator::world())
    }

    fn error(&self, operation: &'static str, reason: String) -> CollectiveError {
        CollectiveError { rank: self.rank, size: self.size, operation, reason }
    }

    fn gather<T: mpi::traits::Equivalence + Default + Clone>(
        &self,
        values: &[T],
    ) -> Result<Vec<T>, CollectiveError> {
        let mut all = vec![T::default(); values.len() * self.size];
        let (_turn, world) = self.world();
        world.all_gather_into(values, &mut all);
        let bytes = size_of_val(all.as_slice()) as u64;
        self.traffic.count(Traffic { all_gather: bytes, ..Traffic::default() });
        Ok(all)
    }

    fn sum<T: mpi::traits::Equivalence + Clone>(&self, values: &mut [T]) {
        let own = values.to_vec();
        let (_turn, world) = self.world();
        world.all_reduce_into(own.as_slice(), values, SystemOperation::sum());
        let bytes = size_of_val(values) as u64;
        self.traffic.count(Traffic { all_reduce: bytes, ..Traffic::default() });
    }
}

impl Drop for Mpi {
    fn drop(&mut self) {
        // The others would wait for this rank, and it in turn for them to end.
        if std::thread::panicking() {
            self.fail("it panicked");
        }
    }
}

impl std::fmt::Debug for Mpi {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "rank {} of {} over MPI", self.rank, self.size)
    }
}

impl Collective for Mpi {
    fn rank(&self) -> usize {
        self.rank
    }

    fn size(&self) -> usize {
        self.size
    }

    fn all_gather(&self, values: &[f32]) -> Result<Vec<f32>, CollectiveError> {
        self.gather(values)
    }

    fn all_gather_u64(&self, values: &[u64]) -> Result<Vec<u64>, CollectiveError> {
        self.gather(values)
    }

    fn all_reduce_sum(&self, values: &mut [f32]) -> Result<(), CollectiveError> {
        self.sum(values);
        Ok(())
    }

    fn all_reduce_sum_f64(&self, values: &mut [f64]) -> Result<(), CollectiveError> {
        self.sum(values);
        Ok(())
    }

    fn reduce_scatter_sum(&self, values: &[f32]) -> Result<Vec<f32>, CollectiveError> {
        if !values.len().is_multiple_of(self.size) {
            let reason = format!("{} values for {} ranks", values.len(), self.size);
            return Err(self.error("reduce-scatter", reason));
        }
        let mut part = vec![0.0; values.len() / self.size];
        let (_turn, world) = self.world();
        world.reduce_scatter_block_into(values, part.as_mut_slice(), SystemOperation::sum());
        let bytes = size_of_val(values) as u64;
        self.traffic.count(Traffic { reduce_scatter: bytes, ..Traffic::default() });
        Ok(part)
    }

    fn broadcast(&self, values: &mut [f32], root: usize) -> Result<(), CollectiveError> {
        let process = i32::try_from(root).ok().filter(|_| root < self.size);
        let process =
            process.ok_or_else(|| self.error("broadcast", format!("there is no rank {root}")))?;
        let (_turn, world) = self.world();
        world.process_at_rank(process).broadcast_into(values);
        let bytes = size_of_val(values) as u64;
        self.traffic.count(Traffic { broadcast: bytes, ..Traffic::default() });
        Ok(())
    }

    fn barrier(&self) -> Result<(), CollectiveError> {
        let (_turn, world) = self.world();
        world.barrier();
        self.traffic.count(Traffic::default());
        Ok(())
    }

    fn fail(&self, reason: &str) {
        if self.size == 1 {
            return;
        }
        eprintln!("rank {} of {} ends the run: {reason}", self.rank, self.size);
        SimpleCommunicator::world().abort(FAILED)
    }

    fn traffic(&self) -> Traffic {
        self.traffic.so_far()
    }
}
