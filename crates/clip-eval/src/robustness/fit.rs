//! Accuracy on the line, and above it.

use crate::statistics::{Bootstrap, Interval};

/// logit(y) = intercept + slope · logit(x), by ordinary least squares over models; logit(p) = ln(p
/// / (1 − p)).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LogitFit {
    /// How many models.
    pub models: usize,
    /// Of the line in logits.
    pub slope: f64,
    /// Of the line in logits.
    pub intercept: f64,
    /// Share of the variance of logit(y) that it explains.
    pub r_squared: f64,
}

impl LogitFit {
    /// - `x`, `y`: `[models]`, accuracies between 0 and 1
    /// - returns none for fewer than two different `x`
    ///
    /// # Panics
    /// When the numbers differ, or an accuracy is not between 0 and 1: it has no logit.
    pub fn new(x: &[f64], y: &[f64]) -> Option<LogitFit> {
        LogitPoints::new(x, y).fit(&vec![1; x.len()])
    }

    /// What an ordinary model of accuracy `x` has under the shift.
    pub fn predict(&self, x: f64) -> f64 {
        self.predict_logit(logit(x))
    }

    fn predict_logit(&self, logit_x: f64) -> f64 {
        1.0 / (1.0 + (-(self.intercept + self.slope * logit_x)).exp())
    }

    /// How far a model is above the line: `y` minus what an ordinary model of the same `x` has.
    pub fn effective_robustness(&self, x: f64, y: f64) -> f64 {
        y - self.predict(x)
    }

    /// The band of the line: for each of `at` the interval of the prediction over resamples of the
    /// models.
    ///
    /// - `x`, `y`: `[models]`, accuracies between 0 and 1
    ///
    /// # Panics
    /// When the numbers differ, or an accuracy is not between 0 and 1.
    pub fn band(x: &[f64], y: &[f64], at: &[f64], bootstrap: &Bootstrap) -> Vec<Option<Interval>> {
        let (points, at) = (LogitPoints::new(x, y), logits(at));
        let predict = |weights: &[u32]| match points.fit(weights) {
            Some(fit) => at.iter().map(|&x| fit.predict_logit(x)).collect(),
            None => vec![f64::NAN; at.len()],
        };
        let resamples: Vec<Vec<f64>> = bootstrap.figures(x.len(), predict);
        let of_point = |point: usize| resamples.iter().map(|figures| figures[point]).collect();
        (0..at.len()).map(|point| bootstrap.percentiles(of_point(point))).collect()
    }
}

/// Logits of models in one setting, for fits to resamples of them.
#[derive(Debug, Clone, PartialEq)]
pub struct LogitPoints {
    x: Vec<f64>,
    y: Vec<f64>,
}

impl LogitPoints {
    /// - `x`, `y`: `[models]`, accuracies between 0 and 1
    ///
    /// # Panics
    /// When the numbers differ, or an accuracy is not between 0 and 1: it has no logit.
    pub fn new(x: &[f64], y: &[f64]) -> LogitPoints {
        assert_eq!(x.len(), y.len(), "accuracies of the same models");
        LogitPoints { x: logits(x), y: logits(y) }
    }

    /// The line through the models, each counted so many times; none for fewer than two different
    /// `x`.
    ///
    /// - `times`: `[models]`
    pub fn fit(&self, times: &[u32]) -> Option<LogitFit> {
        let (x, y) = (&self.x[..], &self.y[..]);
        let models: u32 = times.iter().sum();
        let mean = |values: &[f64]| {
            let sum: f64 =
                values.iter().zip(times).map(|(value, &times)| value * f64::from(times)).sum();
            sum / f64::from(models)
        };
        let (mean_x, mean_y) = (mean(x), mean(y));
        let products = |a: &[f64], mean_a: f64, b: &[f64], mean_b: f64| -> f64 {
            let product = |((a, b), &times): ((&f64, &f64), &u32)| {
                (a - mean_a) * (b - mean_b) * f64::from(times)
            };
            a.iter().zip(b).zip(times).map(product).sum()
        };
        let (xx, xy, yy) = (
            products(x, mean_x, x, mean_x),
            products(x, mean_x, y, mean_y),
            products(y, mean_y, y, mean_y),
        );
        // Also false where there are no models: their mean is NaN.
        (xx > 0.0).then(|| {
            let slope = xy / xx;
            let r_squared = if yy > 0.0 { xy * xy / (xx * yy) } else { 1.0 };
            LogitFit {
                models: models as usize,
                slope,
                intercept: mean_y - slope * mean_x,
                r_squared,
            }
        })
    }
}

fn logits(accuracies: &[f64]) -> Vec<f64> {
    let inside = |accuracy: &f64| *accuracy > 0.0 && *accuracy < 1.0;
    assert!(accuracies.iter().all(inside), "an accuracy of 0 or 1 has no logit: drop it");
    accuracies.iter().map(|&accuracy| logit(accuracy)).collect()
}

fn logit(accuracy: f64) -> f64 {
    (accuracy / (1.0 - accuracy)).ln()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_on_a_line_give_it_back() {
        let line = LogitFit { models: 0, slope: 0.9, intercept: -0.5, r_squared: 1.0 };
        let x = [0.3, 0.55, 0.7, 0.9];
        let y = x.map(|x| line.predict(x));
        let fit = LogitFit::new(&x, &y).unwrap();
        assert!((fit.slope - 0.9).abs() < 1e-12 && (fit.intercept + 0.5).abs() < 1e-12);
        assert!((fit.r_squared - 1.0).abs() < 1e-12);
        assert!(fit.effective_robustness(0.7, y[2] + 0.1) - 0.1 < 1e-12);
        for interval in LogitFit::band(&x, &y, &[0.4, 0.8], &Bootstrap::new(0.95)) {
            let interval = interval.unwrap();
            assert!(interval.high - interval.low < 1e-9, "{interval:?}");
        }
    }

    #[test]
    fn one_model_or_one_accuracy_is_no_line() {
        assert_eq!(LogitFit::new(&[], &[]), None);
        assert_eq!(LogitFit::new(&[0.5], &[0.4]), None);
        assert_eq!(LogitFit::new(&[0.5, 0.5], &[0.4, 0.6]), None);
    }
}
