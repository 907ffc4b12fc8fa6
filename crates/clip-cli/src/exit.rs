//! What the program ends with.

/// How a run ended; the numbers are a promise to scripts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Everything asked for was done.
    Ok = 0,
    /// The input or the request is wrong.
    Failed = 1,
    /// Done, but some inputs were left out; they are listed.
    Skipped = 3,
    /// A stated threshold was not met.
    BelowThreshold = 4,
    /// A signal ended it; what was done is saved.
    Interrupted = 130,
}

/// Shown at the end of `--help`.
pub(crate) const TABLE: &str = "\
Exit codes:
  0    done
  1    the input or the request is wrong
  2    wrong usage
  3    done, some inputs were skipped (listed on stderr, or in the ledger)
  4    a stated threshold was not met
  130  interrupted";

impl From<Exit> for std::process::ExitCode {
    fn from(exit: Exit) -> Self {
        (exit as u8).into()
    }
}
