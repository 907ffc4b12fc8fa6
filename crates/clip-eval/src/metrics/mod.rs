//! What is counted: scores in, figures out. PROTOCOL_EVAL 7.9.
//!
//! ```text
//! scores [items, classes] ─┬─▶ top_k: ranks, hits, predictions ─▶ accuracy · per_class · confusion · perturbation
//!                          ├─▶ ranking: 11-point and step-wise average precision, ROC AUC ─▶ rare_actions
//!                          ├─▶ calibration: ECE, reliability, NLL, Brier
//!                          └─▶ temperature: the one of the least NLL
//! ranks of retrieval ───────▶ recall: R@1/5/10, reciprocal rank, median
//! places ───────────────────▶ geolocation: kilometres, shares within radii
//! ```
//!
//! Scores are f32, row by row; higher is better; equal ones go by the lower index. Sums are f64. A
//! score that is NaN or `+inf` is an error, never a class.

mod average_precision;
mod calibration;
mod confusion;
mod error;
mod geolocation;
mod per_class;
mod perturbation;
mod ranking;
mod rare_actions;
mod recall;
mod temperature;
mod top_k;
mod transcription;

pub use average_precision::MeanAveragePrecision11;
pub use calibration::{
    Bin, Calibration, calibration, calibration_at, expected_calibration_error, reliability,
};
pub use confusion::{ConfusedPair, worst_confusions};
pub use error::MetricError;
pub(crate) use error::check_scores;
pub use geolocation::{Place, RADII_KM, distance_km, shares_within};
pub use per_class::{ClassCount, mean_per_class, per_class};
pub use perturbation::{PerturbationScores, perturbation_scores};
pub use ranking::Ranking;
pub use rare_actions::{Annotation, RareActionScore, RareActions, Segment};
pub use recall::{Recalls, recall_at, recalls};
pub use temperature::{TemperatureFit, fit_temperature};
pub use top_k::{accuracy, hits, hits_of_any, mean_top1_top5, predictions, ranks, top_k};
pub use transcription::same_word;
