//! One fit of the probe.

use super::loss::Loss;
use super::minimize::{Minimum, Stop, minimize};
use super::model::Model;
use super::objective::Objective;
use super::packed::PackedFeatures;
use clip_data::Presence;
use std::ops::Range;

/// What is to be told from the features.
#[derive(Debug, Clone, Copy)]
pub enum Targets<'a> {
    /// One class for each row of the features: one multinomial regression, a binomial one where two
    /// classes occur.
    Class {
        /// `[rows]`, each below `classes`.
        labels: &'a [u32],
        /// Number of classes, whether they occur or not.
        classes: usize,
    },
    /// Any number of classes for each row: one binomial regression for each class, against all rows
    /// without it and leaving out those where it is difficult (VOC2007).
    Presence {
        /// `[rows, classes]`.
        labels: &'a [Presence],
        /// Number of classes.
        classes: usize,
    },
}

impl Targets<'_> {
    /// Number of classes.
    pub fn classes(&self) -> usize {
        match *self {
            Self::Class { classes, .. } | Self::Presence { classes, .. } => classes,
        }
    }
}

/// Rows to learn from.
#[derive(Clone)]
pub struct TrainingSet<'a> {
    /// Features, packed in an order that has these rows side by side.
    pub features: &'a PackedFeatures<'a>,
    /// Places in that order.
    pub rows: Range<usize>,
    /// Of all rows of the features as they were before they were packed.
    pub targets: Targets<'a>,
}

/// When a fit ends.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// The greatest entry of the gradient of `objective / (C · rows)` that is taken for zero.
    pub tolerance: f64,
    /// The most iterations.
    pub most_iterations: usize,
}

impl Default for Options {
    /// 1,000 iterations as in the paper. The tolerance is a tenth of scikit-learn's, so that the
    /// model depends on the data and hardly on where a solver stops.
    fn default() -> Self {
        Self { tolerance: 1e-5, most_iterations: 1000 }
    }
}

/// A fitted probe and how it came about.
#[derive(Debug, Clone)]
pub struct Fit {
    /// The classifier.
    pub model: Model,
    /// `C · Σ cross-entropy + ½ · |W|²`.
    pub objective: f64,
    /// Greatest entry of the gradient of `objective / (C · rows)`.
    pub gradient: f64,
    /// Steps taken.
    pub iterations: usize,
    /// Times that the objective was computed.
    pub evaluations: usize,
    /// Why it ended.
    pub stop: Stop,
}

impl Fit {
    /// False where the iterations allowed were used up; such a fit is used as it is (PROTOCOL_EVAL 7.2).
    pub fn converged(&self) -> bool {
        self.stop != Stop::Iterations
    }
}

/// Fits a probe of this strength, from zero or from another model of the same classes.
///
/// Rows of one class only (or none) give a model that always answers it.
///
/// # Panics
/// When `c` is not a positive number, when there are no rows, or when targets and features differ in rows.
pub fn fit(set: &TrainingSet<'_>, c: f64, options: &Options, warm: Option<&Model>) -> Fit {
    assert!(c.is_finite() && c > 0.0, "strength C = {c}: a positive number is needed");
    assert!(!set.rows.is_empty() && set.rows.end <= set.features.rows(), "rows of a training set");
    let (width, classes) = (set.features.width(), set.targets.classes());
    let loss = Loss::new(set.targets, &set.features.order()[set.rows.clone()]);
    let mut model = Model::constant(set, classes);
    if !loss.can_be_fitted() {
        return Fit {
            model,
            objective: 0.0,
            gradient: 0.0,
            iterations: 0,
            evaluations: 0,
            stop: Stop::Gradient,
        };
    }
    let start = match warm {
        Some(warm) => warm.coefficients_of(&loss),
        None => vec![0.0; loss.outputs() * (width + 1)],
    };
    let mut objective = Objective::new(set.clone(), &loss, c);
    let minimum = minimize(&mut objective, start, options.tolerance, options.most_iterations);
    let Minimum { at, value, gradient, iterations, evaluations, stop } = minimum;
    model.set_coefficients(&loss, &at);
    let objective = value * c * set.rows.len() as f64;
    Fit { model, objective, gradient, iterations, evaluations, stop }
}
