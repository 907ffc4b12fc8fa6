//! What a task tells of its steps while it runs, and how it is ended early.

use std::ops::ControlFlow;

/// What a task is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// So many texts will be encoded.
    Texts(usize),
    /// So many images will be looked at.
    Images(usize),
    /// So many fits at most.
    Fits(usize),
    /// So many more are done.
    Done(usize),
}

/// Told of every step; `Break` ends the work with
/// [`EvalError::Interrupted`](crate::EvalError::Interrupted).
pub type Progress<'a> = dyn FnMut(Step) -> ControlFlow<()> + 'a;

/// Hears of nothing, and lets the work go on.
pub fn silent() -> Box<Progress<'static>> {
    Box::new(|_| ControlFlow::Continue(()))
}
