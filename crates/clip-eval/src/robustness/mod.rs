//! Accuracy under natural shifts. PROTOCOL_EVAL 7.4.
//!
//! ```text
//! testbed: 338 models ─▶ ordinary ones ─▶ LogitFit: logit(y) = intercept + slope · logit(x) ─▶ effective robustness
//! logits of ImageNet's 1000 classes ─▶ ClassSubset: the matching part of ImageNet, or the shift's own classes (x and y)
//! ```
//!
//! Accuracies are fractions 0..1.

mod class_subset;
mod corruptions;
mod fit;
mod testbed;

pub use class_subset::ClassSubset;
pub(crate) use corruptions::corruption_figures;
pub use fit::{LogitFit, LogitPoints};
pub use testbed::{
    Points, SETTINGS, Setting, TestbedModel, ordinary_points, setting, settings_of, testbed,
};
