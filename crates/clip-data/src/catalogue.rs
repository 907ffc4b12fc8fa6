//! What is known of every data set before its files are seen: `assets/datasets/ID.toml`.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

use crate::assets::DESCRIPTIONS;
use crate::error::DataError;

/// One data set of the catalogue.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Dataset {
    /// Its name on the command line and in results.
    pub id: String,
    /// Its name among people.
    pub title: String,
    /// How the model card calls it; none for sets that the card does not name.
    pub card: Option<String>,
    /// What is asked of the model.
    pub task: Task,
    /// What is counted.
    pub metric: Metric,
    /// Prompt file, if not that of `id`.
    pub prompts: Option<String>,
    /// The reader (`datasets/*.rs`), if not that of `id`.
    pub reader: Option<String>,
    /// A file or folder that shows where the data set lies, relative to its own folder;
    /// alternatives between `|`.
    pub marker: String,
    /// Names its folder may have.
    #[serde(default)]
    pub folders: Vec<String>,
    /// Splits in the authors' words, with published counts.
    pub splits: Vec<SplitInfo>,
    /// The split that is scored.
    pub test: String,
    /// Splits that a probe is fitted on; the validation split is not among them.
    #[serde(default)]
    pub train: Vec<String>,
    /// Where the regularisation is chosen.
    #[serde(default)]
    pub validation: Validation,
    /// Pairs of training and test splits whose scores are averaged; none where `train` and `test`
    /// are all.
    #[serde(default)]
    pub folds: Vec<Fold>,
    /// Whether the paper's few-shot average counts it.
    #[serde(default)]
    pub few_shot: bool,
    /// Where to get it.
    pub url: String,
    /// On what terms, in few words.
    pub licence: String,
    /// Whether it can be had.
    pub status: Status,
    /// What is published as files.
    #[serde(default)]
    pub archives: Vec<Archive>,
    /// What trips readers up, and what is done about it (PROTOCOL_EVAL 6).
    #[serde(default)]
    pub traps: Vec<String>,
    /// How its files are given, beyond the authors' layout.
    #[serde(default)]
    pub files: Files,
}

/// How the files of a data set are given, beyond its authors' layout.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Files {
    /// Names that copies have for its folder.
    pub folders: Vec<String>,
    /// What shows a copy that has nothing of the data set's marker.
    pub markers: Vec<String>,
    /// Paths of the authors' layout, and where copies keep the same thing.
    pub places: BTreeMap<String, Vec<String>>,
    /// By split: what shows the folder that holds it, where splits lie apart.
    pub shown_by: BTreeMap<String, String>,
    /// By split: folders of class folders, in which copies keep the authors' split.
    pub class_folders: BTreeMap<String, Vec<String>>,
    /// How those class folders are called, by position, if neither by label nor by name.
    pub class_labels: Vec<String>,
    /// Copies that are known but cannot be read as they are.
    pub recognised: Vec<Recognised>,
    /// Splits that nobody publishes: drawn, or taken from a file of the user.
    pub drawn: Vec<String>,
    /// Whether its items vanish from the web one by one, so that a part of them counts as whole.
    pub vanishing: bool,
}

/// A copy that is known but cannot be read as it is.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Recognised {
    /// Files or folders that show it; any of them does.
    pub shows: Vec<String>,
    /// Whose copy it is, and what it lacks.
    pub what: String,
    /// What to fetch or to move.
    pub way: String,
}

/// One of several pairs of splits.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Fold {
    /// Splits that a probe is fitted on.
    pub train: Vec<String>,
    /// The split that it is scored on.
    pub test: String,
}

/// A split and its published count.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct SplitInfo {
    /// `train`, `val`, `test`, `test-1`, ...
    pub name: String,
    /// Items in the complete distribution; none where nobody says.
    pub expected: Option<usize>,
}

/// A published file.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Archive {
    /// Name of the file.
    pub file: String,
    /// Of its bytes, in hexadecimal.
    pub md5: Option<String>,
}

/// What is asked of the model.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Task {
    /// One class of many.
    #[default]
    Classification,
    /// Any number of classes.
    MultiLabel,
    /// Captions and images find each other.
    Retrieval,
    /// A text is chosen among candidates.
    Ocr,
    /// Frames near an anchor.
    FrameRobustness,
    /// Verb and noun of a segment.
    RareActions,
    /// Groups of people are compared; for the audit alone.
    Audit,
}

/// What is counted. PROTOCOL_EVAL 7.9.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Metric {
    /// Share of items whose best class is right.
    #[default]
    Accuracy,
    /// Mean over classes of the share that is right.
    MeanPerClass,
    /// Mean over classes of the 11-point average precision.
    MeanAveragePrecision11,
    /// Area under the receiver's curve.
    RocAuc,
    /// Mean of top-1 and top-5 accuracy.
    MeanTop1Top5,
    /// Recall at 1, 5, 10 in both directions.
    RetrievalRecall,
    /// Mean of pm-0 and pm-10.
    MeanPm0Pm10,
    /// Weighted average precision over verbs and nouns.
    MeanWeightedAveragePrecision,
}

/// Where the regularisation of a probe is chosen.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Validation {
    /// A fifth of the training split, stratified and seeded (PROTOCOL_EVAL 7.2).
    #[default]
    HoldOut,
    /// A split that its authors publish for it.
    Split(String),
}

/// Whether a data set can be had.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// At its `url`.
    #[default]
    Ready,
    /// After asking, or registering.
    NeedsManualDownload,
    /// Its links are dead; copies exist.
    DeadLinks,
}

impl Dataset {
    /// Name of its prompt file.
    pub fn prompts_id(&self) -> &str {
        self.prompts.as_deref().unwrap_or(&self.id)
    }

    /// What is published of a split.
    ///
    /// # Errors
    /// It has no such split.
    pub fn split(&self, name: &str) -> Result<&SplitInfo, DataError> {
        self.splits.iter().find(|split| split.name == name).ok_or_else(|| DataError::UnknownSplit {
            dataset: self.id.clone(),
            split: name.to_owned(),
            known: self
                .splits
                .iter()
                .map(|split| split.name.as_str())
                .collect::<Vec<_>>()
                .join(", "),
        })
    }
}

/// All data sets, by id.
#[allow(clippy::panic, reason = "a description of the program itself that a test reads")]
pub fn catalogue() -> &'static [Dataset] {
    static ALL: LazyLock<Vec<Dataset>> = LazyLock::new(|| {
        let parse = |(name, text): &(&str, &str)| {
            toml::from_str(text).unwrap_or_else(|error| panic!("{name}.toml: {error}"))
        };
        let mut all: Vec<Dataset> = DESCRIPTIONS.iter().map(parse).collect();
        all.sort_by(|a, b| a.id.cmp(&b.id));
        all
    });
    &ALL
}

/// The data set called `id`.
///
/// # Errors
/// There is none.
pub fn find(id: &str) -> Result<&'static Dataset, DataError> {
    let found = catalogue().iter().find(|dataset| dataset.id == id);
    found.ok_or_else(|| DataError::UnknownDataset { name: id.to_owned() })
}
