//! The loss of a batch and its gradients with respect to the features.

use super::contrastive::contrastive;
use super::distillation::{TeacherPairs, distillation};
use super::pairs::{Embeddings, Gathered, Pairs};
use super::positives::{Identity, positives};
use super::sigmoid::sigmoid;
use super::sums::Sums;
use super::{Loss, Objective};
use crate::distributed::Collective;
use crate::error::TrainError;
use crate::report::LossParts;
use clip_kernels::Train;

/// The two parameters that stand between cosines and the loss.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct LogitParameters {
    /// A logarithm.
    pub(crate) scale: f32,
    /// SigLIP's.
    pub(crate) bias: Option<f32>,
}

impl LogitParameters {
    /// What cosines are multiplied with.
    fn scale(self) -> f32 {
        f64::from(self.scale).exp() as f32
    }
}

/// What a teacher makes of this rank's pairs: unit vectors, and the scale of its own cosines.
pub(crate) struct Teaching<D: Train> {
    pub(crate) images: D::Rows,
    pub(crate) texts: D::Rows,
    pub(crate) width: usize,
    pub(crate) scale: f32,
}

/// The loss over the pairs of all ranks, and gradients.
pub(crate) struct BatchLoss<D: Train> {
    pub(crate) loss: f64,
    pub(crate) parts: LossParts,
    /// Pairs of all ranks.
    pub(crate) pairs: usize,
    pub(crate) image_to_text_accuracy: f64,
    pub(crate) text_to_image_accuracy: f64,
    /// Of this rank's unit vectors, `[pairs, width]`.
    pub(crate) d_images: D::Rows,
    /// Of this rank's unit vectors, `[pairs, width]`.
    pub(crate) d_texts: D::Rows,
    /// With respect to the parameter `logit_scale`, over all ranks.
    pub(crate) d_logit_scale: f64,
    /// With respect to the parameter `logit_bias`, over all ranks.
    pub(crate) d_logit_bias: f64,
}

/// What a loss is asked about: this rank's pairs.
pub(crate) struct Question<'a, D: Train> {
    pub(crate) device: &'a D,
    pub(crate) collective: &'a dyn Collective,
    /// Unit vectors, `[pairs, width]`.
    pub(crate) own: Embeddings<'a, D>,
    pub(crate) width: usize,
    /// Of each pair.
    pub(crate) identities: &'a [Identity],
    pub(crate) logits: LogitParameters,
    pub(crate) teaching: Option<&'a Teaching<D>>,
}

/// The loss over the pairs of all ranks.
pub(crate) fn evaluate<D: Train>(
    objective: &Objective,
    question: &Question<'_, D>,
) -> Result<BatchLoss<D>, TrainError> {
    let &Question { device, collective, own, width, identities, .. } = question;
    let gathered = Gathered::new(device, collective, own, width)?;
    let positives = match objective.multi_positive {
        true => Some(positives(identities, collective)?),
        false => None,
    };
    let pairs = Pairs {
        device,
        own,
        all: gathered.as_ref().map_or(own, Gathered::embeddings),
        count: identities.len() * collective.size(),
        first: identities.len() * collective.rank(),
        positives: positives.as_deref(),
    };
    let mut sums = Sums::new();
    let scale = question.logits.scale();
    match objective.loss_for(question.logits.bias.is_some()) {
        Loss::Contrastive => contrastive(&pairs, scale, &mut sums)?,
        Loss::Sigmoid => {
            sigmoid(&pairs, scale, question.logits.bias.unwrap_or(0.0), &mut sums)?;
        }
    }
    if let Some(teaching) = question.teaching {
        let own = Embeddings { images: &teaching.images, texts: &teaching.texts };
        let gathered = Gathered::new(device, collective, own, teaching.width)?;
        let all = gathered.as_ref().map_or(own, Gathered::embeddings);
        let teacher = TeacherPairs { own, all, scale: teaching.scale };
        distillation(&pairs, &teacher, scale, objective.distillation, &mut sums)?;
    }
    answer(objective, question, sums)
}

/// Sums over the ranks, and each part by its name.
fn answer<D: Train>(
    objective: &Objective,
    question: &Question<'_, D>,
    sums: Sums<D>,
) -> Result<BatchLoss<D>, TrainError> {
    let &Question { device, collective, width, identities, .. } = question;
    let (sums, d_images, d_texts) = sums.over_ranks(device, collective, width)?;
    let pairs = identities.len() * collective.size();
    let is_contrastive = objective.loss_for(question.logits.bias.is_some()) == Loss::Contrastive;
    Ok(BatchLoss {
        loss: 0.5 * (sums.image_to_text + sums.text_to_image)
            + sums.sigmoid
            + objective.distillation * sums.distillation,
        parts: LossParts {
            image_to_text: is_contrastive.then_some(sums.image_to_text),
            text_to_image: is_contrastive.then_some(sums.text_to_image),
            sigmoid: (!is_contrastive).then_some(sums.sigmoid),
            distillation: question.teaching.map(|_| sums.distillation),
        },
        pairs,
        image_to_text_accuracy: sums.correct_images / pairs as f64,
        text_to_image_accuracy: sums.correct_texts / pairs as f64,
        d_images,
        d_texts,
        d_logit_scale: sums.d_scale * f64::from(question.logits.scale()),
        d_logit_bias: sums.d_bias,
    })
}
