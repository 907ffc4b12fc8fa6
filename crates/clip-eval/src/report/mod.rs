//! One self-contained page of all results.
