//! What a model says of every image under one list of labels: a score an answer, of which the
//! softmax is a probability.

use clip_eval::metrics::{MetricError, predictions};

/// Scores of images for the answers of a list, `[images, answers]`.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Scores {
    pub(super) answers: usize,
    pub(super) rows: Vec<f32>,
}

/// What becomes of one image.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Look {
    /// The answer with the highest score, the first of equal ones.
    pub(super) answer: u32,
    /// Its probability.
    pub(super) confidence: f64,
    /// The best of the other answers.
    pub(super) second: u32,
    /// −ln p of the true class; none where no label stands for it.
    pub(super) loss: Option<f64>,
    /// The best answer once the labels of the true class are gone.
    pub(super) absent: u32,
    /// Its probability over what is left.
    pub(super) absent_confidence: f64,
}

impl Scores {
    /// Of the labels' logits `[images, labels]`: a class with several labels has the logarithm of
    /// the sum of their exponentials, so that its probability is the sum of theirs.
    ///
    /// - `answer_of_label`: `[labels]`; every answer occurs
    pub(super) fn of_labels(logits: Vec<f32>, answer_of_label: &[u32], answers: usize) -> Scores {
        let in_order = |(label, &answer): (usize, &u32)| label == answer as usize;
        if answer_of_label.iter().enumerate().all(in_order) {
            return Scores { answers, rows: logits };
        }
        let labels = answer_of_label.len();
        let mut rows = Vec::with_capacity(logits.len() / labels * answers);
        for logits in logits.chunks_exact(labels) {
            let from = rows.len();
            rows.resize(from + answers, f32::NEG_INFINITY);
            for (&logit, &answer) in logits.iter().zip(answer_of_label) {
                let score = &mut rows[from + answer as usize];
                *score = log_sum(*score, logit);
            }
        }
        Scores { answers, rows }
    }

    /// Images.
    pub(super) fn images(&self) -> impl ExactSizeIterator<Item = &[f32]> {
        self.rows.chunks_exact(self.answers)
    }

    /// The best answer of every image, the first of equal ones.
    ///
    /// # Errors
    /// A score that is no number.
    pub(super) fn best(&self) -> Result<Vec<u32>, MetricError> {
        predictions(&self.rows, self.answers)
    }

    /// Everything there is to know of every image.
    ///
    /// - `truth`: `[images]`: the answer that is right; none where no label stands for it
    /// - `temperature`: what scores are divided by
    ///
    /// # Errors
    /// A score that is no number.
    pub(super) fn looks(
        &self,
        truth: &[Option<u32>],
        temperature: f64,
    ) -> Result<Vec<Look>, MetricError> {
        let best = self.best()?;
        let images = self.images().zip(truth).zip(best);
        Ok(images.map(|((row, &truth), best)| look(row, truth, best, temperature)).collect())
    }

    /// The best answer where a label is added: `None` is the answer that it makes by itself.
    ///
    /// - `added`: `[images]`, its logits
    /// - `answer`: that it stands for, if it is one already
    pub(super) fn best_with(&self, added: &[f32], answer: Option<u32>) -> Vec<Option<u32>> {
        let best = |(row, &added): (&[f32], &f32)| match answer {
            None => {
                let best = first_best(row, None);
                (added <= row[best as usize]).then_some(best)
            }
            Some(answer) => {
                let joined = log_sum(row[answer as usize], added);
                let other = first_best(row, Some(answer));
                let is_ahead = match joined == row[other as usize] {
                    true => answer < other,
                    false => joined > row[other as usize],
                };
                Some(if is_ahead { answer } else { other })
            }
        };
        self.images().zip(added).map(best).collect()
    }
}

fn look(row: &[f32], truth: Option<u32>, best: u32, temperature: f64) -> Look {
    let second = first_best(row, Some(best));
    let absent = if truth == Some(best) { second } else { best };
    let score = |answer: u32| f64::from(row[answer as usize]) / temperature;
    let sum = |over: u32, without: Option<u32>| -> f64 {
        let others = (0..).zip(row).filter(|(answer, _)| Some(*answer) != without);
        others.map(|(answer, _)| (score(answer) - score(over)).exp()).sum()
    };
    let whole = sum(best, None);
    Look {
        answer: best,
        confidence: 1.0 / whole,
        second,
        loss: truth.map(|truth| whole.ln() - (score(truth) - score(best))),
        absent,
        absent_confidence: match truth {
            Some(_) => 1.0 / sum(absent, truth),
            None => 1.0 / whole,
        },
    }
}

/// The first of the highest scores but that of one answer.
fn first_best(row: &[f32], without: Option<u32>) -> u32 {
    let mut best: Option<(u32, f32)> = None;
    for (answer, &score) in (0..).zip(row) {
        let is_better = best.is_none_or(|(_, highest)| score > highest);
        if Some(answer) != without && is_better {
            best = Some((answer, score));
        }
    }
    best.map_or(0, |(answer, _)| answer)
}

/// ln(eᵃ + eᵇ).
fn log_sum(a: f32, b: f32) -> f32 {
    let (high, low) = (f64::from(a.max(b)), f64::from(a.min(b)));
    (high + (low - high).exp().ln_1p()) as f32
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn probability(row: &[f32], of: &[usize], among: &[usize]) -> f64 {
        let sum = |labels: &[usize]| labels.iter().map(|&at| f64::from(row[at]).exp()).sum::<f64>();
        sum(of) / sum(among)
    }

    proptest! {
        #[test]
        fn a_look_is_the_softmax_by_its_definition(
            row in prop::collection::vec(-8.0_f32..8.0, 3..8),
            truth in prop::option::of(0_u32..3),
        ) {
            let all: Vec<usize> = (0..row.len()).collect();
            let others: Vec<usize> =
                all.iter().copied().filter(|&at| Some(at as u32) != truth).collect();
            let scores = Scores { answers: row.len(), rows: row.clone() };
            let look = scores.looks(&[truth], 1.0).unwrap()[0];
            let near = |a: f64, b: f64| (a - b).abs() < 1e-9;
            prop_assert!(near(look.confidence, probability(&row, &[look.answer as usize], &all)));
            let absent = probability(&row, &[look.absent as usize], &others);
            prop_assert!(near(look.absent_confidence, absent));
            prop_assert_ne!(Some(look.absent), truth);
            prop_assert_ne!(look.answer, look.second);
            if let Some(truth) = truth {
                let p = probability(&row, &[truth as usize], &all);
                prop_assert!(near(look.loss.unwrap(), -p.ln()));
            }
        }

        /// The probability of a class is that of its labels together.
        #[test]
        fn labels_of_a_class_add_up(row in prop::collection::vec(-8.0_f32..8.0, 4)) {
            let scores = Scores::of_labels(row.clone(), &[0, 1, 0, 2], 3);
            let look = scores.looks(&[None], 1.0).unwrap()[0];
            let labels = [&[0, 2][..], &[1], &[3]][look.answer as usize];
            prop_assert!((look.confidence - probability(&row, labels, &[0, 1, 2, 3])).abs() < 1e-6);
        }

        #[test]
        fn a_label_takes_exactly_the_images_it_beats(
            row in prop::collection::vec(-8.0_f32..8.0, 2..6), added in -8.0_f32..8.0,
        ) {
            let scores = Scores { answers: row.len(), rows: row.clone() };
            let before = scores.best().unwrap()[0];
            let after = scores.best_with(&[added], None)[0];
            let expected = (added <= row[before as usize]).then_some(before);
            prop_assert_eq!(after, expected);
            // For a class that is there, it is as if the list had held it from the beginning.
            let labels: Vec<u32> = (0..row.len() as u32).chain([1]).collect();
            let mut longer = row.clone();
            longer.push(added);
            let whole = Scores::of_labels(longer, &labels, row.len());
            prop_assert_eq!(scores.best_with(&[added], Some(1))[0], Some(whole.best().unwrap()[0]));
        }
    }

    #[test]
    fn equal_scores_go_by_the_first_also_for_a_label_that_is_added() {
        let scores = Scores { answers: 3, rows: vec![1.0, 2.0, 2.0] };
        let look = scores.looks(&[Some(1)], 1.0).unwrap()[0];
        assert_eq!((look.answer, look.second, look.absent), (1, 2, 2));
        assert_eq!(scores.best_with(&[2.0], None), [Some(1)]);
        assert_eq!(scores.best_with(&[2.1], None), [None]);
    }

    #[test]
    fn a_temperature_divides_scores_and_a_score_that_is_none_is_an_error() {
        let scores = Scores { answers: 2, rows: vec![4.0, 0.0] };
        let look = scores.looks(&[Some(0)], 2.0).unwrap()[0];
        assert!((look.confidence - 1.0 / (1.0 + (-2.0_f64).exp())).abs() < 1e-12);
        assert_eq!(look.absent_confidence, 1.0, "one answer is left");
        let broken = Scores { answers: 2, rows: vec![f32::NAN, 0.0] };
        assert!(broken.looks(&[None], 1.0).is_err());
    }
}
