//! Work that cannot change an answer, and switches to do it nevertheless.

/// Which work that cannot change a feature is left out. All of it by default.
///
/// The switches are for tests and measurements: a feature has the same bits with any of them on or
/// off, it only comes sooner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shortcuts {
    /// Texts are as long as they are. Off: each is filled up with rows of token 0 to the context
    /// length, as in the reference.
    pub ragged: bool,
    /// Texts of a call that begin alike share the rows of their beginning.
    pub prefixes: bool,
    /// Identical texts of a call are encoded once.
    pub duplicates: bool,
    /// The last block (of a ResNet: the attention pool) computes only the row of each item that is
    /// read. Off: every row, of which one is taken.
    pub pooled_rows_only: bool,
}

impl Shortcuts {
    /// All of them.
    pub const ALL: Self =
        Self { ragged: true, prefixes: true, duplicates: true, pooled_rows_only: true };
    /// None of them: everything that the reference computes.
    pub const NONE: Self =
        Self { ragged: false, prefixes: false, duplicates: false, pooled_rows_only: false };
}

impl Default for Shortcuts {
    fn default() -> Self {
        Self::ALL
    }
}
