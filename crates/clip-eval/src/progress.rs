//! What a task tells of its steps while it runs.

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

/// Told of every step.
pub type Progress<'a> = dyn FnMut(Step) + 'a;
