//! The temperature at which probabilities mean most: temperature scaling.

use std::f64::consts::LN_2;

use rayon::prelude::*;

use super::error::{MetricError, check_scores, check_targets};

/// Temperatures that are searched: 2⁻⁶⁴ to 2⁶⁴.
const OCTAVES: f64 = 64.0;

/// A step of ln T after which Newton's next one would be lost in rounding.
const CLOSE: f64 = 1e-12;

/// Items that one thread sums.
const ITEMS_AT_ONCE: usize = 1024;

/// Where the mean negative log-likelihood of logits / T has its minimum.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum TemperatureFit {
    /// At a temperature.
    Minimum {
        /// T.
        temperature: f64,
        /// The mean loss there.
        negative_log_likelihood: f64,
    },
    /// Nowhere: no class is above the true one for any item, and the loss falls for ever as T goes
    /// to 0. These items cannot tell how sure to be.
    Separable,
    /// Nowhere: the true classes have no greater logits than classes have on average, and the loss
    /// is least where T is infinite. The model knows nothing of these items.
    Uninformative,
}

/// Temperature scaling (Guo et al. 2017, section 4.2): T > 0 that minimises the mean over items of
/// −ln softmax(logits / T)\[truth\], in f64.
///
/// The loss is convex in 1 / T; its derivative is brought to zero by Newton's method in ln T, with
/// bisection wherever a step would leave the bracket. Fit it on a held part: on the items that it is
/// judged by, it flatters.
///
/// - `logits`: `[items, classes]`, at the temperature of the checkpoint
/// - `truth`: `[items]`
///
/// # Errors
/// A logit that is no number, a true class whose logit is `-inf` (its loss is infinite at any T), a
/// target that is no class, no items.
///
/// # Panics
/// When the shapes do not fit together.
pub fn fit_temperature(
    logits: &[f32],
    classes: usize,
    truth: &[u32],
) -> Result<TemperatureFit, MetricError> {
    let items = check_scores(logits, classes)?;
    assert_eq!(truth.len(), items, "targets of {items} items");
    check_targets(truth, classes)?;
    let scores = Scores { logits, classes, truth };
    let no_score = |item: usize| MetricError::NotAScore {
        item,
        class: truth[item] as usize,
        value: f32::NEG_INFINITY,
    };
    if let Some(item) = (0..items).find(|&item| scores.of_truth(item).is_infinite()) {
        return Err(no_score(item));
    }
    Ok(scores.minimum())
}

/// `[items, classes]`, and the true class of each item.
struct Scores<'a> {
    logits: &'a [f32],
    classes: usize,
    truth: &'a [u32],
}

/// The loss at a temperature.
#[derive(Clone, Copy)]
struct Point {
    loss: f64,
    /// Derivative by 1 / T: how far above the true logit one is expected.
    slope: f64,
    /// Derivative of `slope` by −ln T.
    curvature: f64,
}

impl Scores<'_> {
    fn of_truth(&self, item: usize) -> f64 {
        f64::from(self.logits[item * self.classes + self.truth[item] as usize])
    }

    fn minimum(&self) -> TemperatureFit {
        let limit = OCTAVES * LN_2;
        let (mut cold, mut hot) = (-limit, limit); // of ln T
        if self.at(hot).slope >= 0.0 {
            return TemperatureFit::Uninformative;
        }
        if self.at(cold).slope <= 0.0 {
            return TemperatureFit::Separable;
        }
        let (mut log_temperature, mut step) = (0.0_f64, f64::INFINITY);
        while step.abs() > CLOSE * log_temperature.abs().max(1.0) {
            let point = self.at(log_temperature);
            *if point.slope > 0.0 { &mut cold } else { &mut hot } = log_temperature;
            let newton = point.slope / point.curvature;
            let inside = (cold..=hot).contains(&(log_temperature + newton));
            // A step that is not half of the one before is no longer Newton's own ground.
            step = match inside && newton.abs() <= step.abs() / 2.0 {
                true => newton,
                false => f64::midpoint(cold, hot) - log_temperature,
            };
            log_temperature += step;
        }
        TemperatureFit::Minimum {
            temperature: log_temperature.exp(),
            negative_log_likelihood: self.at(log_temperature).loss,
        }
    }

    /// Means over the items, summed in one order whatever the threads.
    fn at(&self, log_temperature: f64) -> Point {
        let inverse = (-log_temperature).exp();
        let rows =
            |chunk: usize| chunk * ITEMS_AT_ONCE..self.truth.len().min((chunk + 1) * ITEMS_AT_ONCE);
        let chunks = (0..self.truth.len().div_ceil(ITEMS_AT_ONCE)).into_par_iter();
        let sums: Vec<[f64; 3]> =
            chunks.map(|chunk| sum(rows(chunk).map(|item| self.of_item(item, inverse)))).collect();
        let [loss, slope, variance] =
            sum(sums.into_iter()).map(|sum| sum / self.truth.len() as f64);
        Point { loss, slope, curvature: inverse * variance }
    }

    /// Loss, mean and variance of the logits less the true one, each class as likely as it is said
    /// to be.
    fn of_item(&self, item: usize, inverse: f64) -> [f64; 3] {
        let row = &self.logits[item * self.classes..(item + 1) * self.classes];
        let truth = self.of_truth(item);
        // A class at `-inf` has probability 0 at any temperature.
        let above =
            || row.iter().filter(|logit| logit.is_finite()).map(|&logit| f64::from(logit) - truth);
        let greatest = above().fold(0.0, f64::max);
        let [mut weights, mut mean, mut square] = [0.0; 3];
        for value in above() {
            let weight = ((value - greatest) * inverse).exp();
            weights += weight;
            mean += weight * value;
            square += weight * value * value;
        }
        mean /= weights;
        let variance = (square / weights - mean * mean).max(0.0);
        [weights.ln() + greatest * inverse, mean, variance]
    }
}

fn sum(rows: impl Iterator<Item = [f64; 3]>) -> [f64; 3] {
    rows.fold([0.0; 3], |all, row| [all[0] + row[0], all[1] + row[1], all[2] + row[2]])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn temperature(fit: TemperatureFit) -> f64 {
        match fit {
            TemperatureFit::Minimum { temperature, .. } => temperature,
            other => panic!("{other:?}"),
        }
    }

    /// Three of four right, each two apart: p = 3/4 where 2 / T = ln 3.
    const LOGITS: [f32; 8] = [2.0, 0.0, 0.0, 2.0, 5.0, 3.0, 1.0, -1.0];
    const TRUTH: [u32; 4] = [0, 1, 0, 1];

    #[test]
    fn two_classes_have_the_temperature_of_their_accuracy() {
        let found = fit_temperature(&LOGITS, 2, &TRUTH).unwrap();
        let expected = 2.0 / 3_f64.ln();
        assert!((temperature(found) / expected - 1.0).abs() < 1e-12, "{found:?}");
        let TemperatureFit::Minimum { negative_log_likelihood, .. } = found else { unreachable!() };
        let loss = -(0.75 * 0.75_f64.ln() + 0.25 * 0.25_f64.ln());
        assert!((negative_log_likelihood - loss).abs() < 1e-14);
    }

    #[test]
    fn logits_a_million_times_as_great_have_a_temperature_a_million_times_as_great() {
        for scale in [1e-6_f32, 1024.0, 1e6, 1e12] {
            let scaled = LOGITS.map(|logit| logit * scale);
            let found = temperature(fit_temperature(&scaled, 2, &TRUTH).unwrap());
            let expected = 2.0 / 3_f64.ln() * f64::from(scale);
            assert!((found / expected - 1.0).abs() < 1e-6, "{scale}: {found}"); // of f32 inputs
        }
    }

    #[test]
    fn what_has_no_minimum_says_which_way_it_falls() {
        use TemperatureFit::{Separable, Uninformative};
        assert_eq!(fit_temperature(&LOGITS, 2, &[0, 1, 0, 0]), Ok(Separable));
        assert_eq!(fit_temperature(&LOGITS, 2, &[1, 0, 1, 0]), Ok(Uninformative));
        assert_eq!(fit_temperature(&[7.0; 4], 2, &[1, 0]), Ok(Uninformative));
        assert_eq!(fit_temperature(&[7.0; 4], 1, &[0; 4]), Ok(Uninformative));
        // One tie among right answers: still better the colder.
        assert_eq!(fit_temperature(&[1.0, 0.0, 3.0, 3.0], 2, &[0, 1]), Ok(Separable));
    }

    #[test]
    fn impossible_classes_count_for_nothing_and_impossible_truths_are_errors() {
        let with: Vec<f32> =
            LOGITS.chunks(2).flat_map(|row| [row[0], row[1], f32::NEG_INFINITY]).collect();
        assert_eq!(fit_temperature(&with, 3, &TRUTH), fit_temperature(&LOGITS, 2, &TRUTH));
        let error = fit_temperature(&with, 3, &[0, 1, 2, 0]).unwrap_err();
        assert!(matches!(error, MetricError::NotAScore { item: 2, class: 2, .. }), "{error}");
        assert_eq!(fit_temperature(&[], 3, &[]), Err(MetricError::NoItems));
        assert!(fit_temperature(&LOGITS, 2, &[0, 1, 2, 0]).is_err());
    }

    #[test]
    fn one_wrong_item_of_thousands_is_found() {
        // p = 1 − 1/5000 of logits one apart.
        let logits: Vec<f32> = (0..5000).flat_map(|_| [1.0, 0.0]).collect();
        let mut truth = vec![0; 5000];
        truth[17] = 1;
        let found = temperature(fit_temperature(&logits, 2, &truth).unwrap());
        assert!((found * 4999_f64.ln() - 1.0).abs() < 1e-11, "{found}");
    }
}
