//! A fitted probe: a linear classifier with intercepts.

use super::features::Features;
use super::loss::Loss;
use super::targets::{Targets, TrainingSet};
use crate::products::PackedMatrix;
use clip_data::Presence;
use clip_kernels::{DeviceError, Matrix, MatrixView};
use clip_rs::InstructionSet;
use rayon::prelude::*;

/// Rows scored at a time by one thread.
const BLOCK: usize = 1024;

/// Scores of a row: `W · x + intercepts`.
///
/// A class that the training rows do not have scores −∞; with [`Targets::Presence`] one that all of
/// them have scores +∞. Where two classes of one label per row were fitted, the first has zeros.
#[derive(Debug, Clone, PartialEq)]
pub struct Model {
    weights: Vec<f32>,
    intercepts: Vec<f32>,
    width: usize,
    /// The one it was fitted on, and scores on.
    device: InstructionSet,
}

impl Model {
    /// Zeros for the classes that occur, infinities for those that need no features.
    pub(super) fn constant(set: &TrainingSet<'_>, classes: usize) -> Self {
        let rows = &set.features.order()[set.rows.clone()];
        let mut intercepts = vec![f32::NEG_INFINITY; classes];
        match set.targets {
            Targets::Class { labels, .. } => {
                rows.iter().for_each(|&row| intercepts[labels[row] as usize] = 0.0);
            }
            Targets::Presence { labels, .. } => {
                for (class, intercept) in intercepts.iter_mut().enumerate() {
                    let occurs =
                        |presence| rows.iter().any(|row| labels[row * classes + class] == presence);
                    *intercept = match (occurs(Presence::Present), occurs(Presence::Absent)) {
                        (true, true) => 0.0,
                        (true, false) => f32::INFINITY,
                        (false, _) => f32::NEG_INFINITY,
                    };
                }
            }
        }
        let (width, device) = (set.features.width(), set.features.device());
        Self { weights: vec![0.0; classes * width], intercepts, width, device }
    }

    /// A model of these weights `[classes, width]` and intercepts `[classes]`.
    ///
    /// # Panics
    /// Without classes, or when there are no equal numbers of weights for each.
    pub fn new(device: InstructionSet, weights: Vec<f32>, intercepts: Vec<f32>) -> Self {
        let (values, classes) = (weights.len(), intercepts.len());
        assert!(
            classes > 0 && values.is_multiple_of(classes),
            "{values} weights, {classes} classes"
        );
        Self { width: values / classes, weights, intercepts, device }
    }

    /// Number of classes.
    pub fn classes(&self) -> usize {
        self.intercepts.len()
    }

    /// Coefficients, `[classes, width]`.
    pub fn weights(&self) -> &[f32] {
        &self.weights
    }

    /// Intercepts, `[classes]`.
    pub fn intercepts(&self) -> &[f32] {
        &self.intercepts
    }

    /// Scores of the rows of these indices, `[rows, classes]`. A row's do not depend on the others.
    ///
    /// # Errors
    /// The device has no room for them.
    ///
    /// # Panics
    /// When the features have another width.
    pub fn scores(&self, features: Features<'_>, rows: &[usize]) -> Result<Vec<f32>, DeviceError> {
        assert_eq!(features.width(), self.width, "width of the features");
        let weights = MatrixView::output_major(&self.weights, self.classes(), self.width);
        let weights = PackedMatrix::new(self.device, weights)?;
        let blocks: Vec<Matrix> = rows
            .par_chunks(BLOCK)
            .map(|rows| {
                let rows = Matrix::new(features.gather(rows), self.width);
                weights.multiply_and_add(&rows, &self.intercepts)
            })
            .collect::<Result<_, _>>()?;
        Ok(blocks.into_iter().flat_map(Matrix::into_values).collect())
    }

    /// Coefficients and intercepts of a fit's outputs, `[outputs, width + 1]`, for features with
    /// `centre` taken off.
    pub(super) fn coefficients_of(&self, loss: &Loss, centre: &[f32]) -> Vec<f64> {
        assert!(
            loss.classes().iter().all(|&class| (class as usize) < self.classes()),
            "classes of the start"
        );
        let of = |&class: &u32| {
            let weights = &self.weights[class as usize * self.width..][..self.width];
            let intercept = f64::from(self.intercepts[class as usize]);
            let intercept = if intercept.is_finite() { intercept } else { 0.0 };
            let intercept = intercept + dot(weights, centre);
            weights.iter().map(|&value| f64::from(value)).chain([intercept])
        };
        loss.classes().iter().flat_map(of).collect()
    }

    /// The other way round.
    pub(super) fn set_coefficients(&mut self, loss: &Loss, centre: &[f32], coefficients: &[f64]) {
        for (&class, values) in loss.classes().iter().zip(coefficients.chunks_exact(self.width + 1))
        {
            let weights = &mut self.weights[class as usize * self.width..][..self.width];
            weights.iter_mut().zip(values).for_each(|(weight, &value)| *weight = value as f32);
            self.intercepts[class as usize] = (values[self.width] - dot(weights, centre)) as f32;
        }
    }
}

fn dot(left: &[f32], right: &[f32]) -> f64 {
    left.iter().zip(right).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
}
