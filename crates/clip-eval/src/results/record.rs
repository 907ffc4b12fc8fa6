//! One JSON file per record: a model, a data set, a task. It holds everything needed to repeat the
//! figure, under the names CLIP_benchmark uses where it has one.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::figure::Figure;
use super::identity::Identity;

/// Raised when a field changes its meaning.
pub const SCHEMA: u32 = 1;

/// Skipped inputs that a result names; the ledger beside it has all.
pub(crate) const SKIPS_NAMED: usize = 100;

/// What one file holds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// Of this layout.
    pub schema: u32,
    /// The program's version.
    pub clip_rs: String,
    /// Id in the catalogue.
    pub dataset: String,
    /// What people call it.
    pub dataset_title: String,
    /// The split that was scored.
    pub split: String,
    /// `zeroshot_classification`, `zeroshot_retrieval`, `linear_probe`, `few_shot`, `robustness`, …
    pub task: String,
    /// Model name as it was asked for.
    pub model: String,
    /// CLIP_benchmark's second half of a model's name: who trained it.
    pub pretrained: String,
    /// What tells it from another result of the same model, data set and task.
    #[serde(default)]
    pub identity: Identity,
    /// Always `en`: the model card rules other languages out.
    pub language: String,
    /// All figures by name, fractions 0..1; names as in CLIP_benchmark (`acc1`, `acc5`,
    /// `mean_per_class_recall`, …).
    pub metrics: BTreeMap<String, Option<f64>>,
    /// The figure that the paper reports for this data set.
    pub score: Figure,
    /// Other figures with an interval.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub figures: Vec<Figure>,
    /// What it was computed from and with.
    pub provenance: Provenance,
    /// How many items.
    pub counts: Counts,
    /// The first inputs left out; the ledger beside the file has all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub skipped: Vec<Skipped>,
    /// What the reader left out, guessed or drew.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// What plots and tables are made of.
    #[serde(default)]
    pub details: Details,
    /// How long it took; the one field that differs between runs.
    pub wall_seconds: f64,
}

/// What a record was computed from and with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Provenance {
    /// SHA-256 over the weights.
    pub weights_sha256: String,
    /// How images became inputs.
    pub recipe: serde_json::Value,
    /// `f32`, `bf16`, `int8`.
    pub precision: String,
    /// Instruction set: bits are the same per instruction set.
    pub isa: String,
    /// BLAKE3 of class names and templates; none where no text is used.
    pub prompts_blake3: Option<String>,
    /// Where names and templates come from.
    pub prompts_source: Option<String>,
    /// BLAKE3 of all item ids and targets in order.
    pub split_blake3: String,
    /// Every split that was read, the scored one first, with what its images were.
    #[serde(default)]
    pub read: Vec<SplitRead>,
    /// Key of the features in the cache.
    pub features_key: Option<String>,
    /// BLAKE3 of the file of predictions beside it, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub predictions_blake3: Option<String>,
    /// Everything chosen: seeds, shots, C, options.
    #[serde(default)]
    pub options: serde_json::Value,
}

/// A split that a record was made from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SplitRead {
    /// Id of the data set.
    pub dataset: String,
    /// Name of the split.
    pub split: String,
    /// BLAKE3 of all item ids, targets and contents in order.
    pub blake3: String,
}

/// How many items.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Counts {
    /// In the complete split, as published.
    pub expected: Option<usize>,
    /// In the split as it lies on disk.
    pub found: usize,
    /// Scored.
    pub scored: usize,
    /// Left out because they could not be used.
    pub skipped: usize,
}

impl Counts {
    /// Whether every item of the split was scored, the published ones that are not on disk
    /// included.
    pub fn is_complete(&self) -> bool {
        self.skipped == 0 && self.expected.is_none_or(|expected| self.scored >= expected)
    }
}

/// An input left out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Skipped {
    /// Its id in the split.
    pub input: String,
    /// `read`, `decode`, …
    pub stage: String,
    /// Why.
    pub reason: String,
}

/// What plots and tables are made of; empty where a task has none.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Details {
    /// One entry per class that occurs, in class order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub per_class: Vec<ClassFigure>,
    /// The pairs most often confused, worst first; at most 200.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub confusions: Vec<Confusion>,
    /// Bins of top-1 probability.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub reliability: Vec<ReliabilityBin>,
    /// Images most confidently wrong, worst first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub wrong: Vec<WrongImage>,
    /// Accuracy against labelled examples per class.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub shots: Vec<ShotPoint>,
    /// Points of a probe's search.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub search: Vec<SearchPoint>,
    /// Accuracy here against accuracy on the matching part of ImageNet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub robustness: Option<RobustnessPoint>,
}

/// One class.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ClassFigure {
    /// Its first name.
    pub class: String,
    /// Items of it.
    pub items: usize,
    /// How many were right.
    pub correct: usize,
}

/// Items of one class taken for another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Confusion {
    /// What they are.
    pub truth: String,
    /// What they were taken for.
    pub prediction: String,
    /// How many.
    pub count: usize,
}

/// Items whose top-1 probability is in `(low, high]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ReliabilityBin {
    /// Lower edge.
    pub low: f64,
    /// Upper edge.
    pub high: f64,
    /// How many.
    pub items: usize,
    /// Their mean top-1 probability.
    pub confidence: f64,
    /// Share that is right.
    pub accuracy: f64,
}

/// An image the model is sure about and wrong.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WrongImage {
    /// Its id in the split.
    pub item: String,
    /// What it is.
    pub truth: String,
    /// What it was taken for.
    pub prediction: String,
    /// With which probability.
    pub probability: f64,
    /// A small PNG of what the model saw, as base64.
    pub thumbnail_png: Option<String>,
}

/// Accuracy with so many labelled examples per class.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ShotPoint {
    /// Examples per class; none for the whole training split.
    pub shots: Option<usize>,
    /// Mean over draws.
    pub mean: f64,
    /// Standard deviation over draws.
    pub sd: f64,
    /// Ends of the 95 % interval of the mean.
    pub interval: Option<(f64, f64)>,
    /// One for each draw.
    pub values: Vec<f64>,
}

/// One fit of a search.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SearchPoint {
    /// Index on the grid λ = 10^(-6 + i / 8).
    pub index: usize,
    /// C = 1 / λ.
    pub c: f64,
    /// On the validation split; none where its items do not define the metric.
    pub score: Option<f64>,
    /// Whether the fit met its tolerance.
    pub converged: bool,
}

/// A point of the robustness plot, fractions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RobustnessPoint {
    /// The shift, as the ImageNet testbed calls it.
    pub setting: String,
    /// Accuracy on the matching part of ImageNet.
    pub x: f64,
    /// Accuracy under the shift.
    pub y: f64,
    /// What ordinary ImageNet models of accuracy `x` have.
    pub predicted: f64,
    /// `y - predicted`.
    pub effective: f64,
}

/// Letters, digits, `.`, `-` and `_` stay; the rest becomes `-`.
pub fn slug(name: &str) -> String {
    let keep = |c: char| if c.is_ascii_alphanumeric() || "-_".contains(c) { c } else { '-' };
    name.chars().map(keep).collect()
}
