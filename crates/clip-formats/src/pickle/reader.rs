//! The bytes of a pickle, taken from the front.

use crate::cursor::Cursor;
use crate::error::FormatError;
use std::path::Path;

pub(super) type Outcome<T> = Result<T, FormatError>;

/// Longest line (a name, or a number in digits) in bytes.
pub(super) const LINE_LIMIT: usize = 1000;

/// Where in which pickle.
pub(super) struct Reader<'a, 'p> {
    pub(super) path: &'p Path,
    /// The entry's name, for messages; empty where the file is the pickle.
    place: &'p str,
    limit: usize,
    cursor: Cursor<'a>,
}

impl<'a, 'p> Reader<'a, 'p> {
    pub(super) fn new(path: &'p Path, place: &'p str, bytes: &'a [u8], limit: usize) -> Self {
        let cursor = Cursor::new(bytes.get(..limit).unwrap_or(bytes));
        Self { path, place, limit, cursor }
    }

    /// Bytes taken so far.
    pub(super) fn at(&self) -> usize {
        self.cursor.at()
    }

    pub(super) fn byte(&mut self) -> Outcome<u8> {
        self.array().map(|[byte]| byte)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Outcome<[u8; N]> {
        self.cursor.array().ok_or_else(|| self.ends_early())
    }

    pub(super) fn take(&mut self, length: u64) -> Outcome<&'a [u8]> {
        let taken = usize::try_from(length).ok().and_then(|length| self.cursor.take(length));
        taken.ok_or_else(|| self.ends_early())
    }

    /// Up to the next newline, which is skipped.
    pub(super) fn line(&mut self) -> Outcome<&'a [u8]> {
        let mut bytes = self.cursor.rest().iter().take(LINE_LIMIT);
        let Some(length) = bytes.position(|&byte| byte == b'\n') else {
            return Err(self.malformed("a line that does not end"));
        };
        let line = self.take(length as u64)?;
        self.byte()?;
        Ok(line)
    }

    /// Bytes not taken yet.
    pub(super) fn left(&self) -> usize {
        self.cursor.rest().len()
    }

    fn ends_early(&self) -> FormatError {
        match self.at().saturating_add(self.left()) {
            length if length == self.limit => FormatError::Limit {
                path: self.path.to_path_buf(),
                what: "length of the pickle in bytes".to_owned(),
                claimed: self.limit.saturating_add(1) as u64,
                limit: self.limit as u64,
            },
            length => {
                self.malformed(format!("the pickle ends at byte {length} before it is complete"))
            }
        }
    }

    pub(super) fn malformed(&self, problem: impl Into<String>) -> FormatError {
        let problem = problem.into();
        if self.place.is_empty() {
            return FormatError::malformed(self.path, format!("{problem} (at byte {})", self.at()));
        }
        FormatError::malformed_at(
            self.path,
            format!("{} at byte {}", self.place, self.at()),
            problem,
        )
    }
}
