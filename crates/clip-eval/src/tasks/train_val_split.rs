//! Rows that a probe learns from and is chosen with: of the training images, and the validation
//! images behind them.

use clip_data::{Dataset, Metric, Presence, Target, Validation};

use super::probe_rows::{ProbeRows, RowCollector};
use super::scoring::ClassScores;
use super::task::Request;
use crate::context::EvalContext;
use crate::error::{EvalError, Result};
use crate::metrics::MeanAveragePrecision11;
use crate::options::ProbeFeatures;
use crate::probe::{self, Features, HOLD_OUT_SHARE, Targets};

/// Name in results of the task that rows are learned for.
pub(super) const TASK: &str = "linear_probe";

/// Labels of rows, in the form that the fit and the metrics take.
pub(super) enum Labels {
    /// One class for each row.
    Class(Vec<u32>),
    /// `[rows, classes]`
    Presence(Vec<Presence>),
}

/// Rows to learn from and to choose with.
pub(super) struct TrainValSplit {
    pub(super) rows: ProbeRows,
    pub(super) labels: Labels,
    pub(super) train: Vec<usize>,
    pub(super) validation: Vec<usize>,
    /// How they were split, in words.
    pub(super) note: String,
}

impl TrainValSplit {
    /// Rows of the training splits of a data set, and of its validation split or those held out.
    ///
    /// # Errors
    /// A split is missing, no item of it can be used, or its items have no classes.
    pub(super) fn load(
        context: &mut EvalContext,
        request: &Request,
        dataset: &Dataset,
        train: &[String],
        kind: ProbeFeatures,
        seed: u64,
    ) -> Result<TrainValSplit> {
        let (mut rows, mut labels) = (RowCollector::new(context, kind), None);
        let mut images = 0;
        for name in train {
            let split = request.open(Some(name))?;
            images += rows.add(context, split, &mut |target| Labels::push(&mut labels, target))?;
        }
        let kept = match &dataset.validation {
            Validation::Split(name) => {
                let split = request.open(Some(name))?;
                rows.add(context, split, &mut |target| Labels::push(&mut labels, target))?
            }
            Validation::HoldOut => 0,
        };
        let labels =
            labels.ok_or_else(|| EvalError::task(TASK, &dataset.id, "no training split"))?;
        let (train, validation, note) = match &dataset.validation {
            Validation::Split(name) => (
                (0..images).collect(),
                (images..images + kept).collect(),
                format!("C chosen on split `{name}` ({kept} images), {images} to learn from"),
            ),
            Validation::HoldOut => {
                let held = probe::hold_out(&labels.strata(images), HOLD_OUT_SHARE, seed);
                let kept = held.validation.len();
                let note = format!(
                    "C chosen on {kept} of {images} training images held out (stratified, seed {seed})"
                );
                (held.train, held.validation, note)
            }
        };
        Ok(TrainValSplit { rows: rows.finish()?, labels, train, validation, note })
    }

    /// All rows, in memory or mapped.
    pub(super) fn features(&self) -> Features<'_> {
        self.rows.features()
    }

    /// The data set's metric on the validation rows; what cannot be computed is worst.
    pub(super) fn score(&self, scores: &[f32], classes: usize, metric: Metric) -> f64 {
        let value = match &self.labels {
            Labels::Class(labels) => {
                let truth: Vec<u32> = self.validation.iter().map(|&row| labels[row]).collect();
                let names = vec![String::new(); classes];
                ClassScores { scores, names: &names, truth: &truth }.value(metric)
            }
            Labels::Presence(labels) => {
                let rows: Vec<&[Presence]> = self
                    .validation
                    .iter()
                    .map(|&row| &labels[row * classes..][..classes])
                    .collect();
                MeanAveragePrecision11::new(scores, classes, &rows)
                    .and_then(|precision| precision.mean(None))
            }
        };
        value.unwrap_or(f64::NEG_INFINITY)
    }
}

impl Labels {
    /// Appends the labels of an item; the reason where it has none.
    fn push(labels: &mut Option<Labels>, target: &Target) -> Result<(), &'static str> {
        match (labels.as_mut(), target) {
            (None, Target::Class(class)) => *labels = Some(Labels::Class(vec![*class])),
            (None, Target::Labels(presence)) => {
                *labels = Some(Labels::Presence(presence.to_vec()));
            }
            (Some(Labels::Class(labels)), Target::Class(class)) => labels.push(*class),
            (Some(Labels::Presence(labels)), Target::Labels(presence)) => {
                labels.extend_from_slice(presence);
            }
            _ => return Err("a probe needs items with classes"),
        }
        Ok(())
    }

    pub(super) fn targets(&self, classes: usize) -> Targets<'_> {
        match self {
            Labels::Class(labels) => Targets::Class { labels, classes },
            Labels::Presence(labels) => Targets::Presence { labels, classes },
        }
    }

    /// What a hold-out is stratified by: the class, or the first class that is present.
    fn strata(&self, rows: usize) -> Vec<u32> {
        match self {
            Labels::Class(labels) => labels.clone(),
            Labels::Presence(labels) => {
                let classes = labels.len() / rows.max(1);
                let first = |row: &[Presence]| {
                    row.iter().position(|&presence| presence == Presence::Present)
                };
                labels
                    .chunks_exact(classes.max(1))
                    .map(|row| first(row).unwrap_or(classes) as u32)
                    .collect()
            }
        }
    }
}
