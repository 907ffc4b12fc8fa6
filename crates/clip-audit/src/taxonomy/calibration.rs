//! Whether the probability of an answer means what it says.

use clip_eval::metrics::{Bin, expected_calibration_error, reliability};
use clip_eval::results::{Figure, ReliabilityBin, Unit};
use clip_eval::statistics::{Bootstrap, Interval, clopper_pearson};

use super::images::Images;
use super::scores::Look;

/// Bins of equal width, as results of `eval` have them.
const BINS: usize = 15;
/// Names of the figures.
pub(super) const ECE: &str = "expected_calibration_error";
pub(super) const NLL: &str = "negative_log_likelihood";

/// Answers with their probabilities.
pub(super) struct Answered {
    /// Of the answer that was given.
    confidence: Vec<f64>,
    /// Whether it is right.
    correct: Vec<bool>,
    /// −ln p of the true class, of images whose class has a label.
    losses: Vec<f64>,
}

impl Answered {
    /// - `hits`: `[looks]`
    pub(super) fn of(looks: &[Look], hits: &[bool]) -> Answered {
        Answered {
            confidence: looks.iter().map(|look| look.confidence).collect(),
            correct: hits.to_vec(),
            losses: looks.iter().filter_map(|look| look.loss).collect(),
        }
    }

    /// Calibration error and loss, with their intervals.
    pub(super) fn figures(&self, images: &Images) -> Vec<Figure> {
        let bootstrap = images.options.bootstrap();
        vec![self.calibration_error(images, &bootstrap), self.loss(images, &bootstrap)]
    }

    /// The bins that hold images.
    pub(super) fn bins(&self) -> Vec<ReliabilityBin> {
        let bin = |bin: &Bin| {
            Some(ReliabilityBin {
                low: bin.low,
                high: bin.high,
                items: bin.items,
                confidence: bin.confidence?,
                accuracy: bin.accuracy?,
            })
        };
        let bins = reliability(&self.confidence, &self.correct, BINS).unwrap_or_default();
        bins.iter().filter_map(bin).collect()
    }

    fn calibration_error(&self, images: &Images, bootstrap: &Bootstrap) -> Figure {
        let items = self.confidence.len();
        let Some(bins) = reliability(&self.confidence, &self.correct, BINS)
            .ok()
            .filter(|_| items >= images.options.least_group())
        else {
            return Figure::undefined(ECE, Unit::Share, &images.too_few(items));
        };
        let value = expected_calibration_error(&bins);
        let edges: Vec<f64> = bins.iter().map(|bin| bin.high).collect();
        let bin = |confidence: &f64| edges.partition_point(|high| high < confidence).min(BINS - 1);
        let bins: Vec<usize> = self.confidence.iter().map(bin).collect();
        // A bin is worth |Σ correct − Σ confidence|, whatever its size.
        let excess = |item: usize| f64::from(u8::from(self.correct[item])) - self.confidence[item];
        let excesses: Vec<f64> = (0..items).map(excess).collect();
        let sums = |weights: &[u32]| {
            let mut sums = [0.0; BINS];
            for ((&bin, excess), &times) in bins.iter().zip(&excesses).zip(weights) {
                sums[bin] += f64::from(times) * excess;
            }
            sums.map(|sum: f64| sum / items as f64)
        };
        let found = sums(&vec![1; items]);
        let intervals = bootstrap.intervals(items, |weights| {
            let sums = sums(weights);
            let error = sums.iter().map(|sum| sum.abs()).sum();
            let strayed = sums.iter().zip(&found).map(|(sum, found)| (sum - found).abs()).sum();
            vec![error, strayed]
        });
        let interval = match intervals[..] {
            [Some(errors), Some(strayed)] => {
                let least = self.greatest_bias(bootstrap.level);
                Some(around(value, errors, strayed, least))
            }
            _ => None,
        };
        Figure::share(ECE, value).within(interval, "images")
    }

    /// How far the share of right answers may be from the mean probability, by its exact interval.
    fn greatest_bias(&self, level: f64) -> f64 {
        let items = self.correct.len();
        let hits = self.correct.iter().filter(|&&correct| correct).count();
        let Interval { low, high, .. } = clopper_pearson(hits as u64, items as u64, level);
        let mean = self.confidence.iter().sum::<f64>() / items as f64;
        (mean - low).abs().max((high - mean).abs())
    }

    fn loss(&self, images: &Images, bootstrap: &Bootstrap) -> Figure {
        let items = self.losses.len();
        if items < images.options.least_group() {
            return Figure::undefined(NLL, Unit::Number, &images.too_few(items));
        }
        let mean = self.losses.iter().sum::<f64>() / items as f64;
        Figure::plain(NLL, Unit::Number, mean).within(bootstrap.mean(&self.losses), "images")
    }
}

/// An interval that is never too narrow. Its upper end is the resamples', as they are less well
/// calibrated than the images they are drawn from; but where all answers are right, or wrong, they
/// know nothing of others, so that it is no less than what the share of right answers allows. Its
/// lower end is as far below the value as all bins together stray from theirs: by the triangle
/// inequality the error of all images cannot be further away.
fn around(value: f64, errors: Interval, strayed: Interval, least: f64) -> Interval {
    let low = (value - strayed.high).clamp(0.0, value);
    Interval { low, high: errors.high.max(value).max(least), ..errors }
}

#[cfg(test)]
mod tests {
    use clip_data::random::Seeded;

    use super::*;
    use crate::options::GroupOptions;

    fn images(items: usize) -> Images {
        let options = GroupOptions { resamples: 300, ..GroupOptions::default() };
        Images::new(vec![0; items], vec!["a".to_owned()], Vec::new(), options)
    }

    /// Answers of a model whose true calibration error is `error`.
    fn answered(items: usize, error: f64, seed: u64) -> Answered {
        let mut generator = Seeded::new(seed);
        let mut uniform = || generator.below(1 << 30) as f64 / f64::from(1 << 30);
        let (mut confidence, mut correct) = (Vec::new(), Vec::new());
        for _ in 0..items {
            let p = 0.5 + 0.4 * uniform();
            confidence.push(p + error);
            correct.push(uniform() < p);
        }
        Answered { confidence, correct, losses: vec![1.0; items] }
    }

    #[test]
    fn interval_holds_the_true_error_where_there_is_one_and_where_there_is_none() {
        for error in [0.0, 0.05, 0.1] {
            let mut held = 0;
            for seed in 0..100 {
                let figure = answered(300, error, seed).figures(&images(300))[0].clone();
                let (low, high) = figure.interval().expect("an interval");
                held += usize::from((low..=high).contains(&error));
                assert!(low <= figure.value.unwrap() && figure.value.unwrap() <= high);
            }
            assert!(held >= 94, "{error}: {held} of 100");
        }
    }

    #[test]
    fn bins_and_error_are_those_of_the_metric_and_few_images_have_none() {
        let answered = answered(200, 0.1, 1);
        let bins = reliability(&answered.confidence, &answered.correct, BINS).unwrap();
        let figures = answered.figures(&images(200));
        assert_eq!(figures[0].value, Some(expected_calibration_error(&bins)));
        assert_eq!(answered.bins().iter().map(|bin| bin.items).sum::<usize>(), 200);
        assert_eq!(figures[1].value, Some(1.0));
        let few = Answered { confidence: vec![0.5; 3], correct: vec![true; 3], losses: vec![] };
        assert!(few.figures(&images(3)).iter().all(|figure| figure.value.is_none()));
    }

    #[test]
    fn right_answers_alone_do_not_show_that_probabilities_are_right() {
        let (items, confidence) = (42, 0.998);
        let answered = Answered {
            confidence: vec![confidence; items],
            correct: vec![true; items],
            losses: vec![0.002; items],
        };
        let figure = answered.figures(&images(items))[0].clone();
        let exact = clopper_pearson(42, 42, 0.95);
        assert!((figure.high.unwrap() - (confidence - exact.low)).abs() < 1e-12, "{figure:?}");
        assert!((figure.value.unwrap() - 0.002).abs() < 1e-12);
    }
}
