//! What a fit learns from: the targets, and which rows of the features.

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
