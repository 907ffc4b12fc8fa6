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
    /// Over the pairs of the batch; where nothing is said, SigLIP's for a model with `logit_bias`
    /// and the contrastive one for all others.
    pub loss: Option<Loss>,
    /// A caption that stands in the batch more than once belongs to all of its pictures, and a
    /// picture that does to all of its captions; otherwise each pair is alone, as in the paper.
    pub multi_positive: bool,
    /// Factor of the distillation loss, where there is a teacher. open_clip's is 1.
    pub distillation: f64,
}

impl Default for Objective {
    fn default() -> Self {
        Self { loss: None, multi_positive: false, distillation: 1.0 }
    }
}

impl Objective {
    /// The loss for a model that has a `logit_bias` or not.
    pub(crate) fn loss_for(&self, has_logit_bias: bool) -> Loss {
        let usual = if has_logit_bias { Loss::Sigmoid } else { Loss::Contrastive };
        self.loss.unwrap_or(usual)
    }
}
