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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::distributed::{Solo, ThreadRank};
    use clip_kernels::{Device, Reference};
    use std::ops::Range;

    const WIDTH: usize = 6;
    const PAIRS: usize = 8;

    /// Unit vectors by a hash.
    fn unit(seed: u32, pairs: Range<usize>) -> Vec<f32> {
        let mut values = clip_testing::values(PAIRS * WIDTH, seed);
        for row in values.chunks_exact_mut(WIDTH) {
            let norm = row.iter().map(|value| value * value).sum::<f32>().sqrt();
            row.iter_mut().for_each(|value| *value /= norm);
        }
        values[pairs.start * WIDTH..pairs.end * WIDTH].to_vec()
    }

    /// Pairs 1 and 6 share a caption, 2 and 3 a sample.
    fn identities(pairs: Range<usize>) -> Vec<Identity> {
        let identity = |pair: usize| match pair {
            6 => Identity::new(6, &[1]),
            3 => Identity::new(2, &[3]),
            pair => Identity::new(pair as u64, &[pair as u32]),
        };
        pairs.map(identity).collect()
    }

    struct Answer {
        loss: f64,
        d_images: Vec<f32>,
        d_texts: Vec<f32>,
        d_logit_scale: f64,
        d_logit_bias: f64,
        accuracies: [f64; 2],
    }

    fn ask(
        objective: &Objective,
        collective: &dyn Collective,
        pairs: Range<usize>,
        (bias, has_teacher): (Option<f32>, bool),
    ) -> Answer {
        let device = &Reference;
        let rows = |seed| device.to_device(unit(seed, pairs.clone()), WIDTH).unwrap();
        let (images, texts) = (rows(1), rows(2));
        let teaching = Teaching { images: rows(3), texts: rows(4), width: WIDTH, scale: 5.0 };
        let question = Question {
            device,
            collective,
            own: Embeddings { images: &images, texts: &texts },
            width: WIDTH,
            identities: &identities(pairs),
            logits: LogitParameters { scale: 1.5, bias },
            teaching: has_teacher.then_some(&teaching),
        };
        let loss = evaluate(objective, &question).unwrap();
        assert_eq!(loss.pairs, PAIRS);
        Answer {
            loss: loss.loss,
            d_images: device.read(&loss.d_images).unwrap(),
            d_texts: device.read(&loss.d_texts).unwrap(),
            d_logit_scale: loss.d_logit_scale,
            d_logit_bias: loss.d_logit_bias,
            accuracies: [loss.image_to_text_accuracy, loss.text_to_image_accuracy],
        }
    }

    fn assert_near(found: &[f32], expected: &[f32]) {
        let is_near = |(a, b): (&f32, &f32)| (a - b).abs() < 1e-6;
        assert_eq!(found.len(), expected.len());
        assert!(found.iter().zip(expected).all(is_near), "{found:?}, expected {expected:?}");
    }

    #[test]
    fn ranks_with_a_part_each_equal_one_with_all() {
        let plain = Objective::default();
        let multi = Objective { multi_positive: true, ..plain };
        let half = Objective { distillation: 0.5, ..plain };
        for (objective, with) in [
            (plain, (None, false)),
            (multi, (None, false)),
            (half, (None, true)),
            (plain, (Some(-2.0), false)),
            (multi, (Some(-2.0), true)),
        ] {
            let whole = ask(&objective, &Solo, 0..PAIRS, with);
            let ranks: Vec<Answer> = std::thread::scope(|scope| {
                let ranks = ThreadRank::all(2).into_iter().enumerate().map(|(number, rank)| {
                    let pairs = number * 4..(number + 1) * 4;
                    scope.spawn(move || ask(&objective, &rank, pairs, with))
                });
                let ranks: Vec<_> = ranks.collect();
                ranks.into_iter().map(|rank| rank.join().unwrap()).collect()
            });
            for rank in &ranks {
                assert!((rank.loss - whole.loss).abs() < 1e-9 * whole.loss);
                assert!((rank.d_logit_scale - whole.d_logit_scale).abs() < 1e-9);
                assert!((rank.d_logit_bias - whole.d_logit_bias).abs() < 1e-9);
                assert_eq!(rank.accuracies, whole.accuracies);
            }
            let [first, second] = ranks.as_slice() else { panic!("two ranks") };
            assert_near(&[&first.d_images[..], &second.d_images].concat(), &whole.d_images);
            assert_near(&[&first.d_texts[..], &second.d_texts].concat(), &whole.d_texts);
        }
    }

    #[test]
    fn several_positives_share_the_target() {
        let objective = Objective { multi_positive: true, ..Objective::default() };
        let found = ask(&objective, &Solo, 0..PAIRS, (None, false)).loss;
        let (images, texts) = (unit(1, 0..PAIRS), unit(2, 0..PAIRS));
        let scale = f64::from(1.5f64.exp() as f32);
        let logit = |image: usize, text: usize| {
            let rows = [&images[image * WIDTH..], &texts[text * WIDTH..]];
            scale * (0..WIDTH).map(|i| f64::from(rows[0][i]) * f64::from(rows[1][i])).sum::<f64>()
        };
        let positives = |pair| match pair {
            1 | 6 => vec![1, 6],
            2 | 3 => vec![2, 3],
            pair => vec![pair],
        };
        let mut expected = 0.0;
        for pair in 0..PAIRS {
            for logits in [
                (0..PAIRS).map(|other| logit(pair, other)).collect::<Vec<_>>(),
                (0..PAIRS).map(|other| logit(other, pair)).collect(),
            ] {
                let total = logits.iter().map(|logit| logit.exp()).sum::<f64>().ln();
                let own = positives(pair);
                let mean = own.iter().map(|&key| total - logits[key]).sum::<f64>();
                expected += mean / own.len() as f64 / (2 * PAIRS) as f64;
            }
        }
        assert!((found - expected).abs() < 1e-6, "{found}, expected {expected}");
        let one_each = ask(&Objective::default(), &Solo, 0..PAIRS, (None, false)).loss;
        assert!((found - one_each).abs() > 1e-3);
    }

    #[test]
    fn a_teacher_without_weight_changes_nothing() {
        let objective = Objective { distillation: 0.0, ..Objective::default() };
        let with = ask(&objective, &Solo, 0..PAIRS, (None, true));
        let without = ask(&objective, &Solo, 0..PAIRS, (None, false));
        assert_eq!(with.loss, without.loss);
        assert_near(&with.d_images, &without.d_images);
    }
}
