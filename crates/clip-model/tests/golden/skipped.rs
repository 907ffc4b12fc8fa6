//! Saying that a test was skipped.

/// Says so where the test runner does not hide it: it keeps back what passing tests print.
pub(crate) fn skipped(what: &str) {
    let _ = std::io::Write::write_fmt(&mut std::io::stderr(), format_args!("skipped: {what}\n"));
}
