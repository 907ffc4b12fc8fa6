//! Work away from the interpreter: a pool of threads computes, the calling thread watches for
//! Ctrl-C and tells Python of progress.
//!
//! ```text
//! calling thread   let go of the interpreter   wait … signals? … progress …   take it again, return
//! pool             ├──────────────── work ─────────────────┤
//! ```
//!
//! Work that owns all it needs ([`Pool::run_owned`]) is left alone after Ctrl-C: the exception is
//! there at once, the work ends at its next look. Work that borrows ([`Pool::run`]) is waited for.

use std::collections::HashMap;
use std::num::NonZero;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::Duration;

use pyo3::exceptions::{PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use rayon::ThreadPool;

/// How often the calling thread looks for signals.
const SIGNALS_EVERY: Duration = Duration::from_millis(50);
/// Threads, at most; as the program has it.
const MOST_THREADS: usize = 4096;

/// Threads that compute, shared by all models that ask for as many.
#[derive(Clone, Copy)]
pub(crate) struct Pool(NonZero<usize>);

/// What work tells the calling thread, and is told by it.
#[derive(Clone)]
pub(crate) struct Watch {
    interrupted: Arc<AtomicBool>,
    progress: Sender<Message>,
}

/// Why work ended early: the calling thread has the exception.
#[derive(Debug)]
pub(crate) struct Interrupted;

enum Message {
    /// So many more are done.
    Progress(usize),
    /// Something with a name begins, of so many if that is known.
    Begin(String, Option<u64>),
    /// The work has ended.
    End,
}

impl Watch {
    fn new() -> (Watch, Receiver<Message>) {
        let (sender, messages) = channel();
        (Watch { interrupted: Arc::default(), progress: sender }, messages)
    }

    /// Tells that what is counted from now on is `name`: calls `progress.begin(name, total)`.
    pub(crate) fn begin(&self, name: &str, total: Option<u64>) {
        self.send(Message::Begin(name.to_owned(), total));
    }

    /// Tells of `done` more.
    ///
    /// # Errors
    /// [`Interrupted`] after Ctrl-C, or an exception in what hears of progress.
    pub(crate) fn progress(&self, done: usize) -> Result<(), Interrupted> {
        self.send(Message::Progress(done));
        self.check()
    }

    /// # Errors
    /// [`Interrupted`] after Ctrl-C, or an exception in what hears of progress.
    pub(crate) fn check(&self) -> Result<(), Interrupted> {
        if self.interrupted.load(Ordering::Relaxed) { Err(Interrupted) } else { Ok(()) }
    }

    /// Set when the work is to end.
    pub(crate) fn stop(&self) -> &AtomicBool {
        &self.interrupted
    }

    fn send(&self, message: Message) {
        drop(self.progress.send(message)); // who does not listen any more does not want to know
    }
}

impl Pool {
    /// # Errors
    /// `ValueError` for no whole number from 1 to 4096.
    pub(crate) fn of(threads: Option<i64>) -> PyResult<Pool> {
        let Some(threads) = threads else {
            return Ok(Pool(std::thread::available_parallelism().unwrap_or(NonZero::<usize>::MIN)));
        };
        let count = usize::try_from(threads).ok().and_then(NonZero::new);
        count.filter(|count| count.get() <= MOST_THREADS).map(Pool).ok_or_else(|| {
            PyValueError::new_err(format!(
                "threads: {threads} is no whole number from 1 to {MOST_THREADS}"
            ))
        })
    }

    pub(crate) fn threads(self) -> usize {
        self.0.get()
    }

    /// Does `work` on the pool, without the interpreter. `progress` is called on this thread.
    ///
    /// # Errors
    /// `KeyboardInterrupt` and the like; what `progress` raises; threads that cannot be started.
    pub(crate) fn run<T: Send>(
        self,
        py: Python<'_>,
        progress: Option<&Bound<'_, PyAny>>,
        work: impl FnOnce(&Watch) -> T + Send,
    ) -> PyResult<T> {
        let pool = self.pool()?;
        let progress = progress.map(|progress| progress.clone().unbind());
        let (watch, messages) = Watch::new();
        let mut result = None;
        let (watch, place) = (&watch, &mut result);
        let raised = py.detach(move || {
            pool.in_place_scope(|scope| {
                scope.spawn(|_| {
                    let _end = SendAtEnd(watch); // also when the work panics
                    *place = Some(work(watch));
                });
                let mut raised = None;
                while let Some(error) = listen(watch, &messages, progress.as_ref()) {
                    raised.get_or_insert(error);
                }
                raised
            })
        });
        match (raised, result) {
            (Some(error), _) => Err(error),
            (None, Some(result)) => Ok(result),
            (None, None) => Err(without_result()),
        }
    }

    /// [`Pool::run`] of work that owns what it needs, and is not waited for after an exception.
    ///
    /// # Errors
    /// As [`Pool::run`].
    pub(crate) fn run_owned<T: Send + 'static>(
        self,
        py: Python<'_>,
        progress: Option<&Bound<'_, PyAny>>,
        work: impl FnOnce(&Watch) -> T + Send + 'static,
    ) -> PyResult<T> {
        let pool = self.pool()?;
        let progress = progress.map(|progress| progress.clone().unbind());
        let (watch, messages) = Watch::new();
        let watch = Arc::new(watch);
        let (give, result) = channel();
        let raised = py.detach(move || {
            let watched = Arc::clone(&watch);
            pool.spawn(move || {
                let _end = SendAtEnd(&watched);
                // A panic belongs to the caller: in a thread of the pool it would end the process.
                let result = catch_unwind(AssertUnwindSafe(|| work(&watched)));
                drop(give.send(result)); // of work that was left alone nobody waits for it
            });
            listen(&watch, &messages, progress.as_ref())
        });
        match (raised, result.try_recv()) {
            (Some(error), _) => Err(error),
            (None, Ok(Ok(result))) => Ok(result),
            (None, Ok(Err(panic))) => resume_unwind(panic),
            (None, Err(_)) => Err(without_result()),
        }
    }

    /// The threads of this process: a fork has none of its parent's.
    fn pool(self) -> PyResult<&'static ThreadPool> {
        static POOLS: LazyLock<Mutex<HashMap<(u32, usize), &'static ThreadPool>>> =
            LazyLock::new(Mutex::default);
        let mut pools = POOLS.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (std::process::id(), self.threads());
        if let Some(pool) = pools.get(&key) {
            return Ok(pool);
        }
        let pool = rayon::ThreadPoolBuilder::new().num_threads(self.threads()).build();
        let pool = pool.map_err(|error| PyRuntimeError::new_err(format!("threads: {error}")))?;
        let pool: &'static ThreadPool = Box::leak(Box::new(pool)); // one for each number of threads
        pools.insert(key, pool);
        Ok(pool)
    }
}

struct SendAtEnd<'a>(&'a Watch);

impl Drop for SendAtEnd<'_> {
    fn drop(&mut self) {
        self.0.send(Message::End);
    }
}

/// Waits for the end of the work, which is nothing, or for an exception, which ends the work.
fn listen(
    watch: &Watch,
    messages: &Receiver<Message>,
    progress: Option<&Py<PyAny>>,
) -> Option<PyErr> {
    loop {
        let message = match messages.recv_timeout(SIGNALS_EVERY) {
            Ok(Message::End) | Err(RecvTimeoutError::Disconnected) => return None,
            Ok(message) => Some(message),
            Err(RecvTimeoutError::Timeout) => None,
        };
        if let Err(error) = Python::attach(|py| look_and_tell(py, progress, message)) {
            watch.interrupted.store(true, Ordering::Relaxed);
            return Some(error);
        }
    }
}

/// Looks for signals, and tells of what was heard meanwhile.
fn look_and_tell(
    py: Python<'_>,
    progress: Option<&Py<PyAny>>,
    message: Option<Message>,
) -> PyResult<()> {
    py.check_signals()?;
    let Some(progress) = progress else { return Ok(()) };
    match message {
        Some(Message::Progress(done)) => progress.call1(py, (done,)).map(drop),
        Some(Message::Begin(name, total)) => {
            progress.call_method1(py, "begin", (name, total)).map(drop)
        }
        Some(Message::End) | None => Ok(()),
    }
}

fn without_result() -> PyErr {
    PyRuntimeError::new_err("the work ended without a result")
}
