//! The mean over classes of the average precision.

use clip_data::Presence;

use super::error::{MetricError, check_scores};
use super::ranking::Ranking;

/// VOC2007's metric: the mean over classes of the 11-point average precision. Sorted once, for
/// resamples too.
#[derive(Debug, Clone)]
pub struct MeanAveragePrecision11 {
    rankings: Vec<Ranking>,
}

impl MeanAveragePrecision11 {
    /// - `scores`: `[items, classes]`
    /// - `labels`: `[items]` rows of `[classes]`
    ///
    /// # Errors
    /// A score that is no number, no items.
    ///
    /// # Panics
    /// When the shapes do not fit together.
    pub fn new(
        scores: &[f32],
        classes: usize,
        labels: &[&[Presence]],
    ) -> Result<Self, MetricError> {
        let items = check_scores(scores, classes)?;
        assert_eq!(labels.len(), items, "labels of {items} items");
        assert!(labels.iter().all(|row| row.len() == classes), "labels of {classes} classes");
        let ranking = |class: usize| {
            let scores: Vec<f32> = scores.iter().skip(class).step_by(classes).copied().collect();
            let presence: Vec<Presence> = labels.iter().map(|row| row[class]).collect();
            Ranking::without_difficult(&scores, &presence)
        };
        Ok(Self { rankings: (0..classes).map(ranking).collect::<Result<_, _>>()? })
    }

    /// Of each class; none where there is nothing to find.
    ///
    /// - `weights`: how often a resample holds each item; once each if none
    pub fn per_class(&self, weights: Option<&[u32]>) -> Vec<Option<f64>> {
        self.rankings.iter().map(|ranking| ranking.average_precision_11(weights).ok()).collect()
    }

    /// Their mean over the classes that occur.
    ///
    /// # Errors
    /// None occurs.
    pub fn mean(&self, weights: Option<&[u32]>) -> Result<f64, MetricError> {
        let values: Vec<f64> = self.per_class(weights).into_iter().flatten().collect();
        match values.len() {
            0 => Err(MetricError::NoPositives { items: 0 }),
            classes => Ok(values.iter().sum::<f64>() / classes as f64),
        }
    }
}
