//! How sure a figure is: intervals, tests, comparisons. PROTOCOL_EVAL 7.9.
//!
//! ```text
//! k of n ─────────▶ clopper_pearson ─┐
//! values, ranks ──▶ bootstrap ───────┴─▶ Interval {level, low, high, method}
//! two models ─────▶ mcnemar_exact, Bootstrap::paired_difference ─▶ compare
//! several p ──────▶ holm, bonferroni
//! tables ─────────▶ chi_squared (with or without Yates), goodness_of_fit
//! overlap ────────▶ binomial_greater
//! ```

mod binomial;
mod bootstrap;
mod chi_squared;
mod clopper_pearson;
mod comparison;
mod interval;
mod multiple;

pub use binomial::binomial_greater;
pub use bootstrap::Bootstrap;
pub use chi_squared::{ChiSquared, chi_squared, chi_squared_upper_tail, goodness_of_fit};
pub use clopper_pearson::clopper_pearson;
pub use comparison::{Comparison, compare, mcnemar_exact};
pub use interval::{Interval, Method};
pub use multiple::{bonferroni, holm};

/// What intervals are made at unless asked otherwise.
pub const DEFAULT_LEVEL: f64 = 0.95;
/// What the paper's tables use (α = 0.005).
pub const PAPER_LEVEL: f64 = 0.995;

fn check_level(level: f64) {
    assert!(level > 0.0 && level < 1.0, "an interval has a level between 0 and 1, not {level}");
}
