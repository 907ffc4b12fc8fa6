//! What is true of items, in the form that a task asks for.

use clip_data::{Presence, Target};

use crate::error::{EvalError, Result};

/// A task and the data set it is asked of, for errors.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked<'a> {
    pub(crate) task: &'a str,
    pub(crate) dataset: &'a str,
}

impl Asked<'_> {
    /// That it cannot be done, and why.
    pub(crate) fn error(&self, reason: impl ToString) -> EvalError {
        EvalError::task(self.task, self.dataset, reason.to_string())
    }

    /// What `of` finds in every target.
    pub(crate) fn all<'t, T>(
        &self,
        targets: &[&'t Target],
        of: impl Fn(&'t Target) -> Option<T>,
    ) -> Result<Vec<T>> {
        let one = |target: &&'t Target| {
            of(target).ok_or_else(|| {
                let met = kind(target);
                self.error(format!("its items have {met}, which the task does not ask for"))
            })
        };
        targets.iter().map(one).collect()
    }

    /// The class of every item.
    pub(crate) fn classes(&self, targets: &[&Target]) -> Result<Vec<u32>> {
        self.all(targets, |target| match target {
            Target::Class(class) => Some(*class),
            _ => None,
        })
    }

    /// The classes of every item, several or none.
    pub(crate) fn presences<'t>(&self, targets: &[&'t Target]) -> Result<Vec<&'t [Presence]>> {
        self.all(targets, |target| match target {
            Target::Labels(labels) => Some(&**labels),
            _ => None,
        })
    }

    /// The classes that are right for every item, any of them.
    pub(crate) fn accepted<'t>(&self, targets: &[&'t Target]) -> Result<Vec<&'t [u32]>> {
        self.all(targets, |target| match target {
            Target::Class(class) => Some(std::slice::from_ref(class)),
            Target::OneOf(classes) => Some(&**classes),
            _ => None,
        })
    }
}

/// What a target is to people.
fn kind(target: &Target) -> &'static str {
    match target {
        Target::Class(_) => "a class each",
        Target::OneOf(_) => "any of some classes",
        Target::Labels(_) => "several classes each",
        Target::Captions(_) => "captions and no class",
        Target::Word { .. } => "words to be chosen among",
        Target::Frame { .. } => "frames around an anchor",
        Target::Segment { .. } => "actions of videos",
        Target::Person { .. } => "people's groups",
        Target::Unknown => "no truth",
    }
}
