//! What a source of pairs is, and what is met while it is listed.

use super::captions;
use crate::data::ledger::{BadSample, Unusable};

/// The pairs of one part, by number.
pub(in crate::data) trait Source: Send + Sync {
    /// How many there are.
    fn len(&self) -> u64;

    /// What a pair is called in messages.
    fn key(&self, index: u64) -> String;

    /// The bytes of its image file.
    fn image(&self, index: u64) -> Result<Vec<u8>, Unusable>;

    /// Its captions, one at least.
    fn captions(&self, index: u64) -> Result<Vec<String>, Unusable>;

    /// Bytes of memory that the list takes.
    fn memory(&self) -> usize;
}

/// What was met while a part was listed.
#[derive(Debug, Default)]
pub(in crate::data) struct Found {
    /// A hash of each caption.
    pub(in crate::data) captions: Vec<u64>,
    /// What is in the files and cannot be used.
    pub(in crate::data) bad: Vec<BadSample>,
    /// What had to be guessed, for people.
    pub(in crate::data) notes: Vec<String>,
}

/// Which file an entry is in, and its place in that; `before` counts the entries of the files before
/// each.
pub(super) fn place(before: &[u64], index: u64) -> Option<(usize, usize)> {
    let number = before.partition_point(|before| *before <= index).checked_sub(1)?;
    Some((number, index.checked_sub(*before.get(number)?)? as usize))
}

impl Found {
    /// Notes the captions of a pair that is used.
    pub(super) fn take(&mut self, captions: &[String]) {
        self.captions.extend(captions.iter().map(|caption| captions::hash(caption)));
    }

    pub(super) fn join(&mut self, other: Self) {
        self.captions.extend(other.captions);
        self.bad.extend(other.bad);
        self.notes.extend(other.notes);
    }
}
