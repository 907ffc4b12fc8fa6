//! A user's own files: a folder for each class, a table, or shards in CLIP_benchmark's layout.
//!
//! ```text
//! folder:PATH       PATH/CLASS/*.jpg, or PATH/{train,val,test}/CLASS/*.jpg
//! csv:PATH          columns file and label, or file and caption; perhaps split
//! webdataset:PATH   PATH/{train,test}/{nshards.txt,0.tar,1.tar,…}, or one .tar or .tar.gz
//! ```
//!
//! Beside the classes or the table may lie `classnames.txt` (a name a line, in the order of the classes) and
//! `zeroshot_classification_templates.txt` (`{c}` for the name).

#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects
    )
)]

mod npy;
mod shards;
mod table;
mod tree;
mod webdataset;

use std::borrow::Cow;
use std::path::Path;

use serde_json::Value;

use crate::catalogue::{Dataset, Metric, SplitInfo, Status, Task, Validation, find};
use crate::datasets::Found;
use crate::datasets::lists::{entries, text};
use crate::error::DataError;
use crate::prompts::PromptSet;
use crate::split::{ReadOptions, Split};

/// What people call the scored split, best first.
const SPLITS: [&str; 6] = ["test", "val", "valid", "validation", "dev", "train"];

impl Split {
    /// A split of the catalogue by its id, or of a user's own files: `folder:PATH`, `csv:PATH`, `webdataset:PATH`, the
    /// path from `root`. Without `split` the one that is scored.
    ///
    /// # Errors
    /// There is no such data set or split, or it cannot be read.
    pub fn open(
        name: &str,
        root: &Path,
        split: Option<&str>,
        options: &ReadOptions,
    ) -> Result<Split, DataError> {
        match name.split_once(':') {
            Some(("folder", path)) => tree::read(&root.join(path), split),
            Some(("csv", path)) => table::read(&root.join(path), split, options),
            Some(("webdataset", path)) => webdataset::read(&root.join(path), split, options),
            _ => {
                let dataset = find(name)?;
                Split::read(dataset, root, split.unwrap_or(&dataset.test), options)
            }
        }
    }
}

/// What a reader of own files hands over.
struct Own<'a> {
    /// The file or folder the user named.
    path: &'a Path,
    /// What paths of items are relative to.
    folder: &'a Path,
    task: Task,
    /// All splits, and the one read.
    splits: Vec<String>,
    split: String,
    /// The labels of the classes by position; empty for captions.
    labels: Vec<String>,
    found: Found,
}

impl Own<'_> {
    fn split(self) -> Result<Split, DataError> {
        let id = self.path.file_stem().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let info = |name: &String| SplitInfo { name: name.clone(), expected: None };
        let dataset = Dataset {
            id: id.clone(),
            title: self.path.display().to_string(),
            card: None,
            task: self.task,
            metric: match self.task {
                Task::Retrieval => Metric::RetrievalRecall,
                Task::MultiLabel => Metric::MeanAveragePrecision11,
                _ => Metric::Accuracy,
            },
            prompts: None,
            reader: None,
            marker: String::new(),
            folders: Vec::new(),
            splits: self.splits.iter().map(info).collect(),
            test: scored(&self.splits).unwrap_or(&self.split).clone(),
            train: self.splits.iter().filter(|name| *name == "train").cloned().collect(),
            validation: Validation::HoldOut,
            few_shot: false,
            folds: Vec::new(),
            url: String::new(),
            licence: "the user's own files".to_owned(),
            status: Status::Ready,
            archives: Vec::new(),
            traps: Vec::new(),
        };
        let prompts = prompts(id, self.folder, self.labels, self.task)?;
        let (split, folder) = (info(&self.split), self.folder.to_owned());
        Ok(Split::of(Cow::Owned(dataset), split, prompts, folder, self.found))
    }
}

/// Of the splits there are the one that is scored.
fn scored(splits: &[String]) -> Option<&String> {
    SPLITS.iter().find_map(|name| splits.iter().find(|split| split == name)).or(splits.first())
}

/// The split asked for, or the scored one.
fn choose(path: &Path, splits: &[String], asked: Option<&str>) -> Result<String, DataError> {
    let chosen = match asked {
        Some(name) => splits.iter().find(|split| *split == name),
        None => scored(splits),
    };
    chosen.cloned().ok_or_else(|| DataError::UnknownSplit {
        dataset: path.display().to_string(),
        split: asked.unwrap_or("test").to_owned(),
        known: splits.join(", "),
    })
}

/// Names from `classnames.txt`, or the labels with blanks for `_`; templates from their file, or `a photo of a {}.`
fn prompts(id: String, folder: &Path, labels: Vec<String>, task: Task) -> Result<PromptSet, DataError> {
    let lines = |name: &str| -> Result<Option<Vec<String>>, DataError> {
        let path = folder.join(name);
        if !path.is_file() {
            return Ok(None);
        }
        Ok(Some(entries(&text(&path)?).map(|(_, line)| line.to_owned()).collect()))
    };
    let names = if labels.is_empty() { None } else { lines("classnames.txt")? };
    if let Some(names) = names.as_ref().filter(|names| names.len() != labels.len()) {
        let reason = format!("{} names for {} classes", names.len(), labels.len());
        return Err(DataError::malformed(folder.join("classnames.txt"), reason));
    }
    let source = if names.is_some() { "classnames.txt" } else { "labels of the files" };
    let names = names.unwrap_or_else(|| labels.iter().map(|label| label.replace('_', " ")).collect());
    let templates = lines("zeroshot_classification_templates.txt")?;
    let alone = if task == Task::Retrieval { "a photo of {}" } else { "a photo of a {}." };
    let templates = templates.unwrap_or_else(|| vec![alone.to_owned()]);
    let templates: Vec<String> =
        templates.into_iter().map(|template| template.replace("{c}", "{}")).collect();
    if let Some(template) = templates.iter().find(|template| !template.contains("{}")) {
        let path = folder.join("zeroshot_classification_templates.txt");
        return Err(DataError::malformed(path, format!("template `{template}` has no {{c}} for the name")));
    }
    Ok(PromptSet {
        id,
        source: source.to_owned(),
        classes: names.into_iter().map(|name| vec![name]).collect(),
        templates,
        labels: Some(labels),
        rest: Value::Null,
    })
}

/// Labels in the order of their classes: as numbers if all are, else by bytes.
fn in_order(labels: impl IntoIterator<Item = String>) -> Vec<String> {
    let mut labels: Vec<String> = labels.into_iter().collect();
    labels.sort();
    labels.dedup();
    if labels.iter().all(|label| label.parse::<u64>().is_ok()) {
        labels.sort_by_key(|label| label.parse::<u64>().unwrap_or(u64::MAX));
    }
    labels
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_not_sorted_as_text() {
        let numbers = ["10", "2", "0", "2"].map(str::to_owned);
        assert_eq!(in_order(numbers), ["0", "2", "10"]);
        let words = ["b", "10", "a"].map(str::to_owned);
        assert_eq!(in_order(words), ["10", "a", "b"]);
    }
}
