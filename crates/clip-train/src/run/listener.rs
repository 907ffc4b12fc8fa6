//! Whom a run tells of what it does.

use std::path::Path;

use crate::evaluation::EvaluationMetrics;
use crate::metrics::{StepMetrics, StepTiming};

/// Whom a run tells of what it does. Only the main rank tells.
pub trait Listener {
    /// A step was made.
    fn step(&mut self, metrics: &StepMetrics, timing: &StepTiming);
    /// Something was measured.
    fn measured(&mut self, metrics: &EvaluationMetrics);
    /// A checkpoint was written.
    fn saved(&mut self, path: &Path);
    /// Something that a person should know.
    fn warn(&mut self, message: &str);
}
