//! Rows that a probe learns from and is chosen with: of the training images, and the validation
//! images behind them.

use std::sync::Arc;

use clip_data::{Dataset, Items, Metric, Presence, Split, Target, Validation};
use clip_rs::Features as Rows;
use clip_rs::model::ImageArchitecture;

use super::learned_rows::{Collector, LearnedRows};
use super::scoring::ClassScores;
use super::task::Request;
use crate::context::{EvalContext, ItemList};
use crate::error::{EvalError, Result};
use crate::features::{SplitFeatures, content_fingerprint};
use crate::metrics::MeanAveragePrecision11;
use crate::options::ProbeFeatures;
use crate::probe::{self, Features, HOLD_OUT_SHARE, Targets};
use crate::progress::Step;
use crate::results::SplitRead;

/// Name in results of the task that rows are learned for.
pub(super) const TASK: &str = "linear_probe";
/// Images whose rows are in memory at a time where a split has too many.
const BLOCK: usize = 16_384;

/// Labels of rows, in the form that the fit and the metrics take.
pub(super) enum Labels {
    /// One class for each row.
    Class(Vec<u32>),
    /// `[rows, classes]`
    Presence(Vec<Presence>),
}

/// Rows to learn from and to choose with.
pub(super) struct TrainValSplit {
    pub(super) rows: LearnedRows,
    pub(super) width: usize,
    pub(super) labels: Labels,
    pub(super) train: Vec<usize>,
    pub(super) validation: Vec<usize>,
    /// How they were split, in words.
    pub(super) note: String,
    /// The splits they are from.
    pub(super) read: Vec<SplitRead>,
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
        let folder = context.cache.folder().to_owned();
        let mut learned = Learned {
            kind,
            width: 0,
            labels: None,
            rows: Collector::new(&folder, context.probe_memory),
            read: Vec::new(),
        };
        let mut images = 0;
        for name in train {
            images += learned.add(context, request.open(Some(name))?)?;
        }
        let kept = match &dataset.validation {
            Validation::Split(name) => learned.add(context, request.open(Some(name))?)?,
            Validation::HoldOut => 0,
        };
        let labels = learned
            .labels
            .ok_or_else(|| EvalError::task(TASK, &dataset.id, "no training split"))?;
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
        let (rows, width, read) = (learned.rows.finish()?, learned.width, learned.read);
        Ok(TrainValSplit { rows, width, labels, train, validation, note, read })
    }

    /// All rows, in memory or mapped.
    pub(super) fn features(&self) -> Features<'_> {
        Features::new(self.rows.values(), self.width)
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

/// Rows and labels as splits are added.
struct Learned<'a> {
    kind: ProbeFeatures,
    width: usize,
    labels: Option<Labels>,
    rows: Collector<'a>,
    read: Vec<SplitRead>,
}

impl Learned<'_> {
    /// Adds a split, at once where its rows fit in the memory of a probe, else block by block;
    /// returns its images.
    fn add(&mut self, context: &mut EvalContext, split: Split) -> Result<usize> {
        let clip = &context.clip;
        let width = clip.embed_dim() + clip.architecture().image.penultimate_width();
        if size_of::<f32>() * width * split.items.len() <= context.probe_memory {
            let encoded = context.encode_split(split)?;
            self.read.push(encoded.read());
            return self.push(context, &encoded.list.dataset, &encoded.list.items, &encoded.rows);
        }
        context.tell(Step::Images(split.items.len()));
        let list = ItemList::from(split);
        let blake3 = content_fingerprint(&list.items);
        let mut usable = 0;
        for block in list.items.chunks(BLOCK) {
            let folder = list.items.folder.clone();
            let block = Arc::new(Items { list: block.to_vec(), folder });
            let rows = context.features_of(&block)?;
            usable += self.push(context, &list.dataset, &block, &rows)?;
        }
        if usable == 0 {
            let reason = "no item of its split can be used";
            return Err(EvalError::task("features", &list.dataset, reason));
        }
        self.read.push(SplitRead { dataset: list.dataset, split: list.split, blake3 });
        Ok(usable)
    }

    fn push(
        &mut self,
        context: &EvalContext,
        dataset: &str,
        items: &Items,
        rows: &SplitFeatures,
    ) -> Result<usize> {
        let targets = rows.usable.iter().map(|&item| &items[item].target);
        Labels::extend(&mut self.labels, targets)
            .map_err(|reason| EvalError::task(TASK, dataset, reason))?;
        let rows = probe_rows(context, rows, self.kind);
        self.width = rows.embed_dim();
        self.rows.push(rows.as_slice())?;
        Ok(rows.len())
    }
}

/// The rows a probe sees of a split.
pub(super) fn probe_rows(context: &EvalContext, rows: &SplitFeatures, kind: ProbeFeatures) -> Rows {
    let image = &context.clip.architecture().image;
    let is_vit = matches!(image, ImageArchitecture::VisionTransformer { .. });
    match kind {
        ProbeFeatures::Paper if is_vit => rows.penultimate.clone(),
        ProbeFeatures::PreProjection => rows.penultimate.clone(),
        ProbeFeatures::Paper | ProbeFeatures::Projected => rows.features.clone(),
        ProbeFeatures::Normalized => {
            let rows = rows.features.clone().normalize();
            Rows::new(rows.embed_dim(), rows.as_slice().to_vec())
        }
    }
}

impl Labels {
    /// Appends the labels of items; the reason where they have none.
    fn extend<'t>(
        labels: &mut Option<Labels>,
        targets: impl Iterator<Item = &'t Target>,
    ) -> Result<(), &'static str> {
        for target in targets {
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
