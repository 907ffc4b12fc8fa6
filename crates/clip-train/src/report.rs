//! What a step tells.

use std::fmt;

/// What one [`Trainer::step`](crate::Trainer::step) did, the same on every rank but for what is said
/// to be a rank's own.
#[derive(Debug, Clone, PartialEq)]
pub struct StepReport {
    /// Updates made before this one, from 0; steps that were skipped do not count.
    pub step: u64,
    /// Over the batch of all ranks.
    pub loss: f64,
    /// What the loss is made of.
    pub parts: LossParts,
    /// Pairs of all ranks.
    pub pairs: usize,
    /// Share of the images whose most similar text of the batch is theirs.
    pub image_to_text_accuracy: f64,
    /// Share of the texts whose most similar image of the batch is theirs.
    pub text_to_image_accuracy: f64,
    /// L2 norm over the gradients of everything that is trained, before clipping.
    pub gradient_norm: f64,
    /// What every gradient was multiplied with: 1, or less where the norm was clipped.
    pub gradient_factor: f64,
    /// What the step was made with.
    pub learning_rate: f64,
    /// The parameter `logit_scale`, a logarithm, before the step.
    pub logit_scale_before: f64,
    /// The same after the step and its clamp.
    pub logit_scale: f64,
    /// In how many directions this rank's image features point: their effective rank, from 1 to the
    /// number of pairs.
    pub image_rank: f64,
    /// The same of its text features.
    pub text_rank: f64,
    /// Why the step was skipped: something was NaN or infinite. Nothing has changed then. Each rank
    /// names what it found itself.
    pub not_finite: Option<NotFinite>,
}

/// Parts of a loss, each a mean as PROTOCOL 2.3 has it, before its factor.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct LossParts {
    /// Cross-entropy of images against all texts.
    pub image_to_text: Option<f64>,
    /// Cross-entropy of texts against all images.
    pub text_to_image: Option<f64>,
    /// SigLIP's loss.
    pub sigmoid: Option<f64>,
    /// Cross-entropy against a teacher, mean of both directions.
    pub distillation: Option<f64>,
}

/// The first thing that was NaN or infinite, in the order of the forward pass.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotFinite {
    /// Pixels of the sample with this key, as they came from the data.
    Pixels(String),
    /// A parameter was so before the step.
    Parameter(String),
    /// The features, first seen behind this block or layer: `visual.transformer.resblocks.3`.
    Output(String),
    /// The loss, where all features were finite.
    Loss,
    /// The gradient of this parameter.
    Gradient(String),
    /// The norm, where every gradient was finite: their squares are too large.
    GradientNorm,
    /// Found on another rank.
    OtherRank,
}

impl fmt::Display for NotFinite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pixels(key) => write!(f, "the pixels of {key}"),
            Self::Parameter(name) => write!(f, "parameter `{name}`"),
            Self::Output(name) => write!(f, "what comes out of `{name}`"),
            Self::Loss => write!(f, "the loss"),
            Self::Gradient(name) => write!(f, "the gradient of `{name}`"),
            Self::GradientNorm => write!(f, "the norm of the gradients"),
            Self::OtherRank => write!(f, "something on another rank"),
        }
    }
}
