//! One fit of the probe.

use super::lbfgs::{Minimum, TerminationReason, minimize};
use super::loss::Loss;
use super::model::Model;
use super::objective::ProbeObjective;
use super::options::Options;
use super::targets::TrainingSet;
use clip_kernels::DeviceError;

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
    pub termination: TerminationReason,
}

impl Fit {
    /// False where the objective may be well above its minimum: the iterations allowed were used up,
    /// it was stopped, or nothing led further down. Such a fit is used as it is (PROTOCOL_EVAL 7.2).
    pub fn converged(&self) -> bool {
        matches!(self.termination, TerminationReason::Gradient | TerminationReason::Precision)
    }
}

/// Fits a probe of this strength, from zero or from another model of the same classes.
///
/// Rows of one class only (or none) give a model that always answers it.
///
/// # Errors
/// The device has no room for it.
///
/// # Panics
/// When `c` is not a positive number, when there are no rows, or when targets and features differ
/// in rows.
pub fn fit(
    set: &TrainingSet<'_>,
    c: f64,
    options: &Options<'_>,
    warm: Option<&Model>,
) -> Result<Fit, DeviceError> {
    assert!(c.is_finite() && c > 0.0, "strength C = {c}: a positive number is needed");
    assert!(!set.rows.is_empty() && set.rows.end <= set.features.rows(), "rows of a training set");
    let (width, classes) = (set.features.width(), set.targets.classes());
    let loss = Loss::new(set.targets, &set.features.order()[set.rows.clone()]);
    let mut model = Model::constant(set, classes);
    if !loss.can_be_fitted() {
        return Ok(Fit {
            model,
            objective: 0.0,
            gradient: 0.0,
            iterations: 0,
            evaluations: 0,
            termination: TerminationReason::Gradient,
        });
    }
    let start = match warm {
        Some(warm) => warm.coefficients_of(&loss, set.features.centre()),
        None => vec![0.0; loss.outputs() * (width + 1)],
    };
    let mut objective = ProbeObjective::new(set.clone(), &loss, c);
    let minimum = minimize(&mut objective, start, options)?;
    let Minimum { x, value, gradient, iterations, evaluations, termination } = minimum;
    model.set_coefficients(&loss, set.features.centre(), &x);
    let objective = value * c * set.rows.len() as f64;
    Ok(Fit { model, objective, gradient, iterations, evaluations, termination })
}
