//! What training minimises (PROTOCOL 2.3).

mod contrastive;
mod distillation;
mod evaluate;
mod pairs;
mod positives;
mod sigmoid;
mod sums;

pub(crate) use evaluate::{BatchLoss, LogitParameters, Question, Teaching, evaluate};
pub(crate) use pairs::Embeddings;
pub(crate) use positives::Identity;

/// Which loss over the pairs of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Loss {
    /// Symmetric InfoNCE: the mean of both directions' cross-entropies. The paper's.
    Contrastive,
    /// Sigmoid of every pair, with `logit_bias` (SigLIP).
    Sigmoid,
}

/// The loss and what is added to it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Objective {
    /// Over the pairs of the batch.
    pub loss: Loss,
    /// A caption that stands in the batch more than once belongs to all of its pictures, and a
    /// picture that does to all of its captions; otherwise each pair is alone, as in the paper.
    pub multi_positive: bool,
    /// Factor of the distillation loss, where there is a teacher. open_clip's is 1.
    pub distillation: f64,
}

impl Default for Objective {
    fn default() -> Self {
        Self { loss: Loss::Contrastive, multi_positive: false, distillation: 1.0 }
    }
}
