//! Parallel work inside of one forward pass.
//!
//! A forward pass is a hundred short products one after the other, each of them split over threads.
//! Waking a sleeping thread for each costs more than a small product takes, so the threads of
//! rayon's current pool that are free join a *team* for as long as the pass lasts
//! ([`parallel_region`]) and wait for work without sleeping.
//!
//! ```text
//! leader   publish(job of n tasks) ─ claim 0 ─ claim 2 ─ … ─ all done? ─ next job
//! helper           claim 1 ─ claim 3 ─ …       (whoever is late finds nothing left to claim)
//! ```
//!
//! Tasks are claimed one by one, so a helper that comes late or not at all costs time, never an
//! answer; and no task's arithmetic depends on who does it.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU64, AtomicUsize, Ordering};

/// Looks at the board before a waiting helper offers its core to others.
const SPINS: usize = 1 << 12;

/// A task of a job: called with its index.
type Job<'a> = &'a (dyn Fn(usize) + Sync + 'a);

/// Where the leader writes what is to be done.
struct Team {
    /// The leader among them.
    threads: usize,
    /// Generation of the job, its tasks, the next one to be claimed: 24, 20 and 20 bits. One word,
    /// so that a claim always says what of.
    board: AtomicU64,
    /// The job: a pointer to the leader's `Job`, valid while one of its tasks is not done.
    job: AtomicPtr<()>,
    done: AtomicUsize,
    panicked: AtomicBool,
    closed: AtomicBool,
}

const INDEX_BITS: u32 = 20;
const INDEX_MASK: u64 = (1 << INDEX_BITS) - 1;
/// The most tasks of one job: claims beyond the last one, one per thread, still fit.
const MAX_TASKS: usize = 1 << (INDEX_BITS - 1);

/// What a thread is to teams.
#[derive(Clone, Copy)]
enum Role {
    None,
    /// Leads this one.
    Leader(*const Team),
    /// Does a task: what it starts runs on this thread alone.
    Worker,
}

thread_local! {
    static ROLE: Cell<Role> = const { Cell::new(Role::None) };
}

/// Runs `pass` with the free threads of rayon's current pool at hand for every [`for_each`] in it.
pub(super) fn parallel_region<R>(pass: impl FnOnce() -> R) -> R {
    let threads = rayon::current_num_threads();
    if threads == 1 || !matches!(ROLE.get(), Role::None) {
        return pass();
    }
    let team = Team {
        threads,
        board: AtomicU64::new(0),
        job: AtomicPtr::new(std::ptr::null_mut()),
        done: AtomicUsize::new(0),
        panicked: AtomicBool::new(false),
        closed: AtomicBool::new(false),
    };
    rayon::in_place_scope(|scope| {
        (1..threads).for_each(|_| scope.spawn(|_| team.help()));
        let _leave = Leave(&team);
        ROLE.set(Role::Leader(&team));
        pass()
    })
}

/// Closes the team when the pass ends, also by a panic.
struct Leave<'a>(&'a Team);

impl Drop for Leave<'_> {
    fn drop(&mut self) {
        ROLE.set(Role::None);
        self.0.closed.store(true, Ordering::Release);
    }
}

/// Calls `task` with `0..tasks`, on the threads of this thread's team; one is called together where
/// there is none.
///
/// # Panics
/// When a task panics, after all others are done.
pub(super) fn for_each(tasks: usize, task: impl Fn(usize) + Sync) {
    match ROLE.get() {
        Role::Leader(team) if (2..=MAX_TASKS).contains(&tasks) => {
            // SAFETY: set by `parallel_region` on this thread, and taken back before the team is
            // dropped.
            unsafe { &*team }.lead(tasks, &task);
        }
        Role::None if tasks > 1 && rayon::current_num_threads() > 1 => {
            parallel_region(|| for_each(tasks, task));
        }
        _ => (0..tasks).for_each(task),
    }
}

/// Calls `work` here and on every other thread of [`size`] that comes free before this one is done
/// with it; what it starts runs on its thread alone. Whoever is done goes on with what else stands
/// in rayon's queue.
pub(super) fn side_by_side(work: impl Fn() + Sync) {
    let alone = || {
        let _role = Restore(ROLE.replace(Role::Worker));
        work();
    };
    rayon::in_place_scope(|scope| {
        (1..size()).for_each(|_| scope.spawn(|_| alone()));
        alone();
    });
}

/// Gives a thread its role back, also after a panic.
struct Restore(Role);

impl Drop for Restore {
    fn drop(&mut self) {
        ROLE.set(self.0);
    }
}

/// Threads that [`for_each`] may use here.
pub(super) fn size() -> usize {
    match ROLE.get() {
        // SAFETY: as in `for_each`.
        Role::Leader(team) => unsafe { &*team }.threads,
        Role::Worker => 1,
        Role::None => rayon::current_num_threads(),
    }
}

impl Team {
    fn lead(&self, tasks: usize, job: Job<'_>) {
        let generation = (self.board.load(Ordering::Relaxed) >> (2 * INDEX_BITS)).wrapping_add(1);
        self.done.store(0, Ordering::Relaxed);
        self.job.store((&raw const job).cast_mut().cast(), Ordering::Relaxed);
        let board = generation << (2 * INDEX_BITS) | (tasks as u64) << INDEX_BITS;
        self.board.store(board, Ordering::Release);
        while self.work() {}
        while self.done.load(Ordering::Acquire) < tasks {
            std::hint::spin_loop();
        }
        assert!(!self.panicked.load(Ordering::Relaxed), "a task of a parallel job panicked");
    }

    fn help(&self) {
        let mut idle = 0;
        while !self.closed.load(Ordering::Acquire) {
            if self.work() {
                idle = 0;
                continue;
            }
            idle += 1;
            if idle < SPINS { std::hint::spin_loop() } else { std::thread::yield_now() }
        }
    }

    /// Claims a task and does it; false when there is none.
    fn work(&self) -> bool {
        // Looking first keeps waiting helpers from counting the claims up.
        let (tasks, index) = claim_of(self.board.load(Ordering::Relaxed));
        if index >= tasks {
            return false;
        }
        let (tasks, index) = claim_of(self.board.fetch_add(1, Ordering::AcqRel));
        if index >= tasks {
            return false;
        }
        // SAFETY: the task just claimed is not done, so the leader is still in `lead` of the job
        // that the claim was taken from, and what it published before the board stands.
        let job = unsafe { *self.job.load(Ordering::Relaxed).cast::<Job<'_>>() };
        let role = ROLE.replace(Role::Worker);
        if catch_unwind(AssertUnwindSafe(|| job(index))).is_err() {
            self.panicked.store(true, Ordering::Relaxed);
        }
        ROLE.set(role);
        self.done.fetch_add(1, Ordering::AcqRel);
        true
    }
}

/// Tasks and index that stand on the board.
fn claim_of(board: u64) -> (usize, usize) {
    ((board >> INDEX_BITS & INDEX_MASK) as usize, (board & INDEX_MASK) as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_task_runs_once_in_every_job() {
        for threads in [1, 2, 5] {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| {
                parallel_region(|| {
                    for tasks in (0..200).chain([10_000]) {
                        let counts: Vec<_> = (0..tasks).map(|_| AtomicUsize::new(0)).collect();
                        for_each(tasks, |task| {
                            counts[task].fetch_add(1, Ordering::Relaxed);
                        });
                        assert!(counts.iter().all(|count| count.load(Ordering::Relaxed) == 1));
                    }
                });
            });
        }
    }

    #[test]
    fn jobs_within_jobs_and_teams_within_teams_run_too() {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(3).build().unwrap();
        let count = AtomicUsize::new(0);
        pool.install(|| {
            parallel_region(|| {
                for_each(7, |_| {
                    parallel_region(|| for_each(5, |_| _ = count.fetch_add(1, Ordering::Relaxed)));
                });
            });
        });
        assert_eq!(count.load(Ordering::Relaxed), 35);
    }

    #[test]
    fn work_side_by_side_is_done_by_each_thread_alone() {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(3).build().unwrap();
        let (calls, next) = (AtomicUsize::new(0), AtomicUsize::new(0));
        pool.install(|| {
            side_by_side(|| {
                assert_eq!(size(), 1);
                calls.fetch_add(1, Ordering::Relaxed);
                while next.fetch_add(1, Ordering::Relaxed) < 100 {
                    parallel_region(|| for_each(5, |_| assert_eq!(size(), 1)));
                }
            });
            assert_eq!(size(), 3);
            let broken = catch_unwind(AssertUnwindSafe(|| side_by_side(|| panic!("as asked"))));
            assert!(broken.is_err());
            assert_eq!(size(), 3);
        });
        assert_eq!(calls.load(Ordering::Relaxed), 3);
    }

    #[test]
    fn a_panic_in_a_task_reaches_the_leader() {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(2).build().unwrap();
        let result = catch_unwind(AssertUnwindSafe(|| {
            pool.install(|| parallel_region(|| for_each(9, |task| assert_ne!(task, 4))));
        }));
        assert!(result.is_err());
    }
}
