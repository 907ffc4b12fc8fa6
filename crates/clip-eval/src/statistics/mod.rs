//! How sure a figure is: intervals, tests, comparisons. PROTOCOL_EVAL 7.9.
//!
//! ```text
//! k of n ─────────▶ clopper_pearson ─┐
//! values, ranks ──▶ bootstrap ───────┴─▶ Interval {level, low, high, method}
//! two models ─────▶ McNemar: right with both, with one alone, exact p
//! overlap ────────▶ binomial_greater
//! ```

mod binomial;
mod bootstrap;
mod clopper_pearson;
mod interval;
mod mcnemar;

pub use binomial::binomial_greater;
pub use bootstrap::Bootstrap;
pub use clopper_pearson::clopper_pearson;
pub use interval::{Interval, Method};
pub use mcnemar::{McNemar, mcnemar_exact};

fn check_level(level: f64) {
    assert!(level > 0.0 && level < 1.0, "an interval has a level between 0 and 1, not {level}");
}
