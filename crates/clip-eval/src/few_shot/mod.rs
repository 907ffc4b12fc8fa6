//! Accuracy against the number of labelled examples. PROTOCOL_EVAL 7.3; paper figures 6, 7 and 15.
//!
//! ```text
//! each draw:  a random order of every class's images
//!               ├─ first k ──────────────── training rows of the k-shot probe (16 shots contain the 8)
//!               └─ next min(k, 4) ───────── choose its strength
//! all images: hold-out of a fifth, search, fit on everything: the last point of the curve
//! ```

mod labels_to_match;

pub use labels_to_match::{LabelsToMatch, labels_to_match};

use crate::probe::{
    Features, HOLD_OUT_SHARE, HoldOut, Model, Options, PackedFeatures, Problem, Search, Targets,
    TrainingSet, fit, hold_out, rows_of_classes, search,
};
use crate::statistics::{Interval, Method};
use clip_data::random::Seeded;
use clip_kernels::DeviceError;
use clip_rs::InstructionSet;
use statrs::distribution::{ContinuousCDF, StudentsT};

/// The most examples of a class that choose the strength.
const MOST_VALIDATION: usize = 4;
/// Strength where there is nothing to choose it with: that of the published example.
const USUAL_C: f64 = 0.316;

/// What is learned, from what, and how it is tested.
pub struct Study<'a> {
    /// What computes.
    pub device: InstructionSet,
    /// Of the training images.
    pub features: Features<'a>,
    /// Their classes.
    pub labels: &'a [u32],
    /// Number of classes.
    pub classes: usize,
    /// Of the test images.
    pub test_features: Features<'a>,
    /// Their classes.
    pub test_labels: &'a [u32],
    /// Gets scores `[rows, classes]` and the rows' classes; the higher the better.
    pub metric: &'a dyn Fn(&[f32], &[u32]) -> f64,
    /// When each fit ends.
    pub options: Options<'a>,
    /// Numbers of examples; those of figure 6 are 1, 2, 4, 8 and 16, figure 15 goes on to 128.
    pub shots: &'a [usize],
    /// Draws of each number.
    pub draws: usize,
    /// Decides the draws and the hold-out.
    pub seed: u64,
    /// Of the intervals, as 0.95.
    pub level: f64,
}

/// One point of the curve.
#[derive(Debug, Clone, PartialEq)]
pub struct Point {
    /// Examples of each class; none where all images are used.
    pub shots: Option<usize>,
    /// Labelled examples per class that there were, classes without any left out.
    pub labels_per_class: f64,
    /// Test score of each draw.
    pub scores: Vec<f64>,
    /// Strength chosen in each draw.
    pub strengths: Vec<f64>,
    /// Mean of the scores.
    pub mean: f64,
    /// Their standard deviation (of a sample); none for one draw.
    pub deviation: Option<f64>,
    /// Interval of the mean by Student's t; none for one draw.
    pub interval: Option<Interval>,
}

/// Result of one draw.
struct Drawn {
    labels: usize,
    score: f64,
    c: f64,
}

impl Study<'_> {
    /// Measures the curve: every number of examples that some class has, then all images.
    ///
    /// - `progress`: called after each draw with the draws done and all there will be
    ///
    /// # Errors
    /// The device has no room for a fit; the first error of `progress`.
    ///
    /// # Panics
    /// When labels and features differ in rows, or there are none.
    pub fn curve<E: From<DeviceError>>(
        &self,
        progress: &mut dyn FnMut(usize, usize) -> Result<(), E>,
    ) -> Result<Vec<Point>, E> {
        assert_eq!(self.labels.len(), self.features.rows(), "labels and rows of features");
        assert_eq!(
            self.test_labels.len(),
            self.test_features.rows(),
            "labels and rows of test features"
        );
        let by_class = rows_of_classes(self.labels);
        let classes = by_class.iter().filter(|rows| !rows.is_empty()).count();
        let largest = by_class.iter().map(Vec::len).max().unwrap_or(0);
        let mut shots: Vec<usize> =
            self.shots.iter().copied().filter(|&shots| shots <= largest).collect();
        shots.sort_unstable();
        shots.dedup();
        let (mut done, all) = (0, shots.len() * self.draws + 1);
        let mut count = |drawn: Result<Drawn, DeviceError>| -> Result<Drawn, E> {
            done += 1;
            progress(done, all)?;
            Ok(drawn?)
        };
        let mut points = Vec::new();
        for shots in shots {
            let draws = (0..self.draws).map(|draw| count(self.draw(&by_class, shots, draw)));
            let draws = draws.collect::<Result<_, E>>()?;
            points.push(Point::new(Some(shots), draws, classes, self.level));
        }
        let everything = count(self.everything(&by_class))?;
        points.push(Point::new(None, vec![everything], classes, self.level));
        Ok(points)
    }

    fn draw(
        &self,
        by_class: &[Vec<usize>],
        shots: usize,
        draw: usize,
    ) -> Result<Drawn, DeviceError> {
        let (mut train, mut validation) = (Vec::new(), Vec::new());
        for (class, rows) in by_class.iter().enumerate() {
            let order = Seeded::named(self.seed, &format!("few-shot/{draw}/{class}"))
                .permutation(rows.len());
            let mut order = order.into_iter().map(|place| rows[place]);
            train.extend(order.by_ref().take(shots));
            validation.extend(order.take(shots.min(MOST_VALIDATION)));
        }
        self.learn(&train, &validation, |found| Ok(found.on_train.model.clone()))
    }

    /// The standard protocol on all images: the only point that validation images are learned from
    /// too.
    fn everything(&self, by_class: &[Vec<usize>]) -> Result<Drawn, DeviceError> {
        let HoldOut { train, validation } = hold_out(self.labels, HOLD_OUT_SHARE, self.seed);
        let drawn = self.learn(&train, &validation, |found| Ok(found.fit_on_all()?.model))?;
        Ok(Drawn { labels: by_class.iter().map(Vec::len).sum(), ..drawn })
    }

    /// Searches the strength, where there are images to choose it with, and tests the model taken.
    fn learn(
        &self,
        train: &[usize],
        validation: &[usize],
        take: impl FnOnce(&Search<'_>) -> Result<Model, DeviceError>,
    ) -> Result<Drawn, DeviceError> {
        let targets = Targets::Class { labels: self.labels, classes: self.classes };
        let (device, features, options) = (self.device, self.features, self.options);
        let memory = PackedFeatures::MEMORY;
        let (model, c) = if validation.is_empty() {
            let packed = PackedFeatures::new(device, features, train.to_vec(), memory)?;
            let set = TrainingSet { features: &packed, rows: 0..train.len(), targets };
            (fit(&set, USUAL_C, &options, None)?.model, USUAL_C)
        } else {
            let labels: Vec<u32> = validation.iter().map(|&row| self.labels[row]).collect();
            let metric = |scores: &[f32]| (self.metric)(scores, &labels);
            let problem = Problem {
                device,
                features,
                targets,
                train,
                validation,
                metric: &metric,
                options,
                memory,
            };
            let found = search(&problem, &mut |_, _| Ok::<(), DeviceError>(()))?;
            (take(&found)?, found.best.c)
        };
        let rows: Vec<usize> = (0..self.test_features.rows()).collect();
        let scores = model.scores(self.test_features, &rows)?;
        let score = (self.metric)(&scores, self.test_labels);
        Ok(Drawn { labels: train.len(), score, c })
    }
}

impl Point {
    fn new(shots: Option<usize>, draws: Vec<Drawn>, classes: usize, level: f64) -> Self {
        let scores: Vec<f64> = draws.iter().map(|draw| draw.score).collect();
        let count = scores.len() as f64;
        let mean = scores.iter().sum::<f64>() / count;
        let squares: f64 = scores.iter().map(|score| (score - mean) * (score - mean)).sum();
        let deviation = (scores.len() > 1).then(|| (squares / (count - 1.0)).sqrt());
        let interval = deviation.and_then(|deviation| {
            let student = StudentsT::new(0.0, 1.0, count - 1.0).ok()?;
            let reach = student.inverse_cdf((1.0 + level) / 2.0) * deviation / count.sqrt();
            let method = Method::Student { draws: scores.len() as u32 };
            Some(Interval { level, low: mean - reach, high: mean + reach, method })
        });
        let labels: usize = draws.iter().map(|draw| draw.labels).sum();
        let labels_per_class = labels as f64 / (count * classes as f64);
        let strengths = draws.iter().map(|draw| draw.c).collect();
        Self { shots, labels_per_class, scores, strengths, mean, deviation, interval }
    }
}
