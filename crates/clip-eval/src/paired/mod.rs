//! Two models on the same images, by the metric of their results. PROTOCOL_EVAL 7.9.
//!
//! ```text
//! predictions of A ─┐  by id of the image          ┌─ the metric of each ─▶ difference, paired bootstrap over images
//! predictions of B ─┴─▶ images of equal truth ─────┴─ right or wrong ─────▶ McNemar's exact test (accuracy alone)
//! ```
//!
//! Images that only one of them has, or that are something else in the other file, are counted and
//! left out.

mod measure;

use std::collections::{HashMap, HashSet};

use serde::Serialize;

use crate::results::predictions::Prediction;
pub use measure::Measure;

use crate::statistics::{Bootstrap, Interval, McNemar};

/// What two models have on the same images.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Compared {
    /// Name of the metric, as results have it.
    pub metric: &'static str,
    /// How many images both have with the same truth.
    pub items: usize,
    /// Of the first model on these.
    pub first: f64,
    /// Of the second.
    pub second: f64,
    /// First minus second.
    pub difference: f64,
    /// Of the difference, by drawing images: both models keep or lose an image together.
    pub interval: Option<Interval>,
    /// Why there is no interval.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<&'static str>,
    /// Right and wrong answers, and McNemar's test; of accuracy alone.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub hits: Option<McNemar>,
}

/// Two models by the metric of their results; beside text retrieval by the other direction, too.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Comparison {
    /// By the metric.
    #[serde(flatten)]
    pub score: Compared,
    /// By the other direction of retrieval.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub also: Vec<Compared>,
    /// Images that one of the files alone has.
    pub in_one_alone: usize,
    /// Images whose truth is not the same in both files.
    pub other_truth: usize,
}

impl Comparison {
    /// Of the images of two files.
    ///
    /// # Errors
    /// As [`Pairs::compare`].
    pub fn of(pairs: &Pairs<'_>, measure: Measure, level: f64) -> Result<Comparison, String> {
        let bootstrap = Bootstrap::new(level);
        let other_direction = (measure == Measure::TextRecall1).then_some(Measure::ImageRecall1);
        let also = other_direction.into_iter().map(|measure| pairs.compare(measure, &bootstrap));
        Ok(Comparison {
            also: also.collect::<Result<_, _>>()?,
            score: pairs.compare(measure, &bootstrap)?,
            in_one_alone: pairs.in_one_alone,
            other_truth: pairs.other_truth,
        })
    }
}

/// Images of two files by their ids.
#[derive(Debug, Clone, Default)]
pub struct Pairs<'a> {
    first: Vec<&'a Prediction>,
    second: Vec<&'a Prediction>,
    /// Images that one file alone has.
    pub in_one_alone: usize,
    /// Images whose truth is not the same in both.
    pub other_truth: usize,
}

impl<'a> Pairs<'a> {
    /// Joins two files by the ids of their images, in the order of the first.
    ///
    /// # Errors
    /// An image is twice in one file, or the files have none in common.
    pub fn join(first: &'a [Prediction], second: &'a [Prediction]) -> Result<Pairs<'a>, String> {
        let mut of_second = HashMap::new();
        for prediction in second {
            if of_second.insert(&*prediction.item, prediction).is_some() {
                return Err(format!("`{}` is twice in the second file", prediction.item));
            }
        }
        let (mut pairs, mut encoded) = (Pairs::default(), HashSet::new());
        for prediction in first {
            if !encoded.insert(&*prediction.item) {
                return Err(format!("`{}` is twice in the first file", prediction.item));
            }
            match of_second.get(&*prediction.item) {
                None => pairs.in_one_alone += 1,
                Some(other) if !prediction.has_truth_of(other) => pairs.other_truth += 1,
                Some(other) => {
                    pairs.first.push(prediction);
                    pairs.second.push(other);
                }
            }
        }
        let common = pairs.first.len() + pairs.other_truth;
        pairs.in_one_alone += second.len() - common;
        match (common, pairs.first.len()) {
            (0, _) => Err("the two files have no image in common".to_owned()),
            (_, 0) => {
                Err(format!("the truth of all {common} common images differs: two data sets"))
            }
            _ => Ok(pairs),
        }
    }

    /// Both models by a metric.
    ///
    /// # Errors
    /// The predictions lack what the metric needs, or their images do not define it.
    pub fn compare(&self, measure: Measure, bootstrap: &Bootstrap) -> Result<Compared, String> {
        let (first, second) = (measure.of(&self.first)?, measure.of(&self.second)?);
        let once = vec![1; self.first.len()];
        let (a, b) = (first(&once), second(&once));
        if a.is_nan() || b.is_nan() {
            return Err(format!(
                "{} is undefined on these images: they are of one kind alone",
                measure.name()
            ));
        }
        let difference = |weights: &[u32]| first(weights) - second(weights);
        let interval = match measure {
            Measure::MeanPerClass => {
                bootstrap.interval_within(&measure::classes(&self.first)?, difference)
            }
            _ => bootstrap.interval(once.len(), difference),
        };
        let alike = interval.is_some_and(|interval| interval.high - interval.low < 1e-12);
        let hits = (measure == Measure::Accuracy).then(|| {
            let right =
                |of: &[&Prediction]| of.iter().map(|one| one.is_right()).collect::<Vec<bool>>();
            McNemar::of(&right(&self.first), &right(&self.second))
        });
        Ok(Compared {
            metric: measure.name(),
            items: once.len(),
            first: a,
            second: b,
            difference: a - b,
            interval: interval.filter(|_| !alike),
            note: alike.then_some("no interval: every draw of the images has the same difference"),
            hits,
        })
    }

    /// Whether the predictions are of retrieval.
    pub fn are_of_retrieval(&self) -> bool {
        self.first.iter().all(|prediction| prediction.retrieved.is_some())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::predictions::Retrieved;

    const BOOTSTRAP: Bootstrap = Bootstrap { level: 0.95, resamples: 1000, seed: 0 };

    fn prediction(item: usize, truth: &[u32], best: &[u32]) -> Prediction {
        Prediction {
            item: format!("{item}.jpg"),
            truth: truth.to_vec(),
            best: best.to_vec(),
            ..Prediction::default()
        }
    }

    #[test]
    fn images_of_another_truth_are_counted_and_left_out() {
        let first: Vec<Prediction> =
            (0..12).map(|item| prediction(item, &[item as u32 % 2], &[0])).collect();
        let mut second = first.clone();
        for other in &mut second[..4] {
            other.truth = vec![1 - other.truth[0]];
        }
        second.pop();
        let pairs = Pairs::join(&first, &second).expect("some in common");
        assert_eq!((pairs.first.len(), pairs.other_truth, pairs.in_one_alone), (7, 4, 1));
        let compared = pairs.compare(Measure::Accuracy, &BOOTSTRAP).expect("comparable");
        assert_eq!((compared.difference, compared.interval), (0.0, None));
        assert!(compared.note.is_some() && compared.hits.is_some_and(|hits| hits.p == 1.0));
        assert!(
            Pairs::join(&first[..1], &second[..1])
                .is_err_and(|error| error.contains("all 1 common"))
        );
        assert!(Pairs::join(&first[..1], &second[5..]).is_err());
        let twice = [first[0].clone(), first[0].clone()];
        assert!(Pairs::join(&twice, &second).is_err_and(|error| error.contains("twice")));
    }

    #[test]
    fn average_precision_is_compared_as_such() {
        // The best class is right with both; the order across images is not.
        let of = |item: usize, present: bool, score: f32| Prediction {
            scores: Some(vec![score, 0.0]),
            ..prediction(item, if present { &[0, 1] } else { &[1] }, &[1])
        };
        let model = |scores: [f32; 4]| -> Vec<Prediction> {
            scores.iter().enumerate().map(|(item, &score)| of(item, item < 2, score)).collect()
        };
        let (good, bad) = (model([0.9, 0.8, 0.1, 0.2]), model([0.1, 0.2, 0.9, 0.8]));
        let pairs = Pairs::join(&good, &bad).expect("the same images");
        let compared = pairs.compare(Measure::Map11, &BOOTSTRAP).expect("comparable");
        // 1 for both classes; of the bad one the first class has precision 1/2 at every recall.
        assert!((compared.first - 1.0).abs() < 1e-12 && (compared.second - 0.75).abs() < 1e-12);
        let accuracy = pairs.compare(Measure::Accuracy, &BOOTSTRAP).expect("comparable");
        assert_eq!(accuracy.difference, 0.0);
        let without = [prediction(0, &[0], &[0])];
        let pairs = Pairs::join(&without, &without).expect("itself");
        assert!(
            pairs.compare(Measure::Map11, &BOOTSTRAP).is_err_and(|error| error.contains("lack"))
        );
    }

    #[test]
    fn retrieval_is_compared_by_photo() {
        let of = |item: usize, text_rank: u32, image_ranks: &[u32]| Prediction {
            retrieved: Some(Retrieved {
                captions_blake3: String::new(),
                text_rank,
                image_ranks: image_ranks.to_vec(),
            }),
            ..prediction(item, &[], &[])
        };
        let first = [of(0, 1, &[1, 1]), of(1, 3, &[1, 7])];
        let second = [of(0, 1, &[1, 4]), of(1, 1, &[9, 7])];
        let pairs = Pairs::join(&first, &second).expect("the same photos");
        let by = |measure| pairs.compare(measure, &BOOTSTRAP).expect("comparable").difference;
        assert_eq!((by(Measure::TextRecall1), by(Measure::ImageRecall1)), (-0.5, 0.5));
        assert!(pairs.are_of_retrieval());
    }
}
