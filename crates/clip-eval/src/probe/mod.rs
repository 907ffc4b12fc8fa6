//! The linear probe: logistic regression on frozen features. PROTOCOL_EVAL 7.2; paper appendix A.3.
//!
//! ```text
//! Features [rows, width] ── PackedFeatures: packed once for both products, shared by every fit
//!                                │
//!   per evaluation, chunk by chunk:   logitsᵀ = W · chunkᵀ ─ Loss: logitsᵀ become their gradient ─ + gradient · chunk
//!                                │
//!   minimize (L-BFGS, preconditioned by how the features scatter) ─▶ Model
//!                                │
//!   search: at most 15 strengths of the regularization, each started from the nearest one's model
//! ```
//!
//! A fit ends where the gradient is small and the duality gap is, which bounds what the objective is
//! above its minimum: where few rows can be told apart without an error, the gradient alone says
//! nothing (C = 1e6, 200 digits: 10 % were right, 81 % are at the minimum).
//!
//! Objective: `C · Σ cross-entropy + ½ · |W|²`, intercepts free, features as they are; the same
//! optimum as scikit-learn's `LogisticRegression(C)`, also where there are two classes (one vector)
//! and where classes do not occur (they are left out of the fit and score −∞).
//!
//! Where the time goes (10,000 x 512 features, 100 classes): seven tenths are the two products of
//! the evaluations, at nine tenths of the processor's peak. What saves time is therefore fewer
//! evaluations: 16 where scikit-learn's plain L-BFGS takes 69 steps (see `preconditioner`). Nothing
//! depends on the number of threads: sums over chunks have a fixed order.

mod cholesky;
mod features;
mod fit;
mod hold_out;
mod lbfgs;
mod lbfgs_history;
mod line_search;
mod loss;
mod loss_sums;
mod model;
mod objective;
mod options;
mod packed;
mod preconditioner;
mod search;
mod softmax;
mod targets;

pub use features::Features;
pub use fit::{Fit, fit};
pub(crate) use hold_out::rows_of_classes;
pub use hold_out::{HOLD_OUT_SHARE, HoldOut, hold_out};
pub use lbfgs::TerminationReason;
pub use model::Model;
pub use options::Options;
pub use packed::PackedFeatures;
pub use search::{
    Evaluation, GRID_POINTS, Problem, Search, Selected, c_of, lambda_of, parametric_search, search,
    select,
};
pub use targets::{Targets, TrainingSet};
