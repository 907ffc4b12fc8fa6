//! How sure a figure is: intervals, tests, comparisons. PROTOCOL_EVAL 7.9.
//!
//! ```text
//! k of n ─────────▶ clopper_pearson ──────────────────┐
//! two shares ─────▶ proportions: difference, ratio ───┤
//! before, after ──▶ paired_proportions: difference ───┤
//! values, ranks ──▶ bootstrap ────────────────────────┴─▶ Interval {level, low, high, method}
//! tables ─────────▶ chi_squared, permutation, fisher ─┐
//! two models ─────▶ McNemar: right with both, alone ──┴─▶ p ─▶ holm
//! overlap ────────▶ binomial_greater
//! ```

mod binomial;
mod bootstrap;
mod chi_squared;
mod clopper_pearson;
mod fisher;
mod holm;
mod interval;
mod mcnemar;
mod paired_proportions;
mod permutation;
mod proportions;

pub use binomial::binomial_greater;
pub use bootstrap::Bootstrap;
pub use chi_squared::{ChiSquared, chi_squared};
pub use clopper_pearson::clopper_pearson;
pub use fisher::fisher_exact;
pub use holm::holm;
pub use interval::{Interval, Method};
pub use mcnemar::{McNemar, mcnemar_exact};
pub use paired_proportions::paired_difference_interval;
pub use permutation::{Permutation, permutation_test};
pub use proportions::{Proportion, difference_interval, ratio_interval};

fn check_level(level: f64) {
    assert!(level > 0.0 && level < 1.0, "an interval has a level between 0 and 1, not {level}");
}
