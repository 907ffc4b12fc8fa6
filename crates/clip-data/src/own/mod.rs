//! A user's own files: a folder for each class, a table, or shards in CLIP_benchmark's layout.
//!
//! ```text
//! folder:PATH       PATH/CLASS/*.jpg, or PATH/{train,val,test}/CLASS/*.jpg     tree
//! csv:PATH          columns file and label, or file and caption; perhaps split  table ◀── header ◀── dialect
//! webdataset:PATH   PATH/{train,test}/{nshards.txt,0.tar,1.tar,…}, or tars      webdataset ◀── shards ◀── sample, npy
//! ```
//!
//! Beside the classes or the table may lie `classnames.txt` and `zeroshot_classification_templates.txt` (`{c}` for the
//! name). Labels and names are joined by what they say; splits go by what people call them. What is left out is counted,
//! and what is guessed is a note.

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

mod class_names;
mod dialect;
mod header;
mod labels;
mod npy;
mod sample;
mod shards;
mod split_names;
mod table;
mod tree;
mod webdataset;

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use serde_json::Value;

use self::class_names::{ClassNames, Named};
use self::labels::{Labels, Spelling};
use self::split_names::{Role, choose, role};
use crate::catalogue::{Dataset, Metric, SplitInfo, Status, Task, Validation, find};
use crate::datasets::Found;
use crate::datasets::folders::named;
use crate::datasets::lists::{entries, text};
use crate::error::DataError;
use crate::item::{Item, Target};
use crate::prompts::PromptSet;
use crate::split::{ReadOptions, Split};

/// The split of files that are not divided.
const ALL: &str = "all";
/// Name of the file of templates.
const TEMPLATES: &str = "zeroshot_classification_templates.txt";

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
        if let (Some((_, path)), Some(list)) = (name.split_once(':'), &options.split_file) {
            let reason = format!("is of no use: the splits of {path} are its own, not drawn");
            return Err(DataError::malformed(list, reason));
        }
        if let (Some(list), true) = (&options.split_file, name.contains(':')) {
            let reason = "is of no use: splits of files of one's own are folders, or a column";
            return Err(DataError::malformed(list, reason));
        }
        let own = match name.split_once(':') {
            Some(("folder", path)) => tree::read(&root.join(path), split),
            Some(("csv", path)) => table::read(&root.join(path), split, options),
            Some(("webdataset", path)) => webdataset::read(&root.join(path), split, options),
            _ => {
                let dataset = find(name)?;
                return Split::read(dataset, root, split.unwrap_or(&dataset.test), options);
            }
        }?;
        match (options.task, own.dataset.task) {
            (Some(Task::Retrieval), Task::Retrieval) | (None, _) => Ok(own),
            (Some(Task::Retrieval), _) => Err(DataError::malformed(
                Path::new(&*own.dataset.title),
                "has labels and no captions: `eval zeroshot` scores labels; a table with a column `caption` has captions",
            )),
            (Some(_), Task::Retrieval) => Err(DataError::malformed(
                Path::new(&*own.dataset.title),
                "has captions and no labels: `eval retrieval` scores captions; a table with a column `label` has labels",
            )),
            _ => Ok(own),
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
    /// The classes and their names; none for captions.
    classes: Option<Named>,
    found: Found,
}

impl Own<'_> {
    fn split(mut self) -> Result<Split, DataError> {
        let id = id_of(self.path);
        let info = |name: &String| SplitInfo { name: name.clone(), expected: None };
        let of = |wanted: Role| self.splits.iter().filter(move |name| role(name) == Some(wanted));
        let validation = match of(Role::Validation).collect::<Vec<_>>()[..] {
            [only] if *only != self.split => Validation::Split(only.clone()),
            _ => Validation::HoldOut,
        };
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
            test: choose(self.path, &self.splits, None).unwrap_or_else(|_| self.split.clone()),
            train: of(Role::Train).cloned().collect(),
            validation,
            few_shot: false,
            folds: Vec::new(),
            url: String::new(),
            licence: "the user's own files".to_owned(),
            status: Status::Ready,
            archives: Vec::new(),
            traps: Vec::new(),
            files: Default::default(),
        };
        self.found.notes.extend(what_captions_share(&self.found.items));
        let prompts = prompts(id, self.folder, self.classes, self.task, &mut self.found)?;
        let (split, folder) = (info(&self.split), self.folder.to_owned());
        Ok(Split::of(Cow::Owned(dataset), split, prompts, folder, self.found))
    }
}

/// The last name of a path; of a file without its ending.
fn id_of(path: &Path) -> String {
    let whole = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let name =
        whole.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    if whole.is_dir() {
        return name;
    }
    let name =
        [".tar.gz", ".tgz"].iter().find_map(|ending| name.strip_suffix(ending)).unwrap_or(&name);
    Path::new(name).file_stem().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

/// Classes of the labels that occur: named by `classnames.txt` in `folder`, or by themselves.
fn classes_of<'a>(
    folder: &Path,
    labels: impl Iterator<Item = &'a str> + Clone,
    numbered: bool,
) -> Result<Named, DataError> {
    match ClassNames::read(folder)? {
        Some(names) => {
            let wrong = |reason| DataError::malformed(folder.join(class_names::FILE), reason);
            names.join(labels, numbered).map_err(wrong)
        }
        None => class_names::without_file(Labels::new(labels, Spelling::Loose)),
    }
}

/// Names of the classes; templates from their file, or `a photo of a {}.`
fn prompts(
    id: String,
    folder: &Path,
    classes: Option<Named>,
    task: Task,
    found: &mut Found,
) -> Result<PromptSet, DataError> {
    let (names, labels) = match classes {
        Some(classes) => {
            found.notes.extend(classes.notes);
            (classes.names, classes.labels.classes().to_vec())
        }
        None => Default::default(),
    };
    let listed = !labels.is_empty() && folder.join(class_names::FILE).is_file();
    let source = if listed { class_names::FILE } else { "labels of the files" };
    let path = folder.join(TEMPLATES);
    let alone = if task == Task::Retrieval { "a photo of {}" } else { "a photo of a {}." };
    let templates = if path.is_file() {
        entries(&text(&path)?).map(|(_, line)| line.replace("{c}", "{}")).collect()
    } else {
        vec![alone.to_owned()]
    };
    if let Some(template) = templates.iter().find(|template| !template.contains("{}")) {
        return Err(DataError::malformed(
            path,
            format!("template `{template}` has no {{c}} for the name"),
        ));
    }
    if templates.is_empty() {
        return Err(DataError::malformed(path, "holds no template"));
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

/// A note for every split that lacks classes, from the split and the label of each item.
fn what_splits_lack<'a>(
    items: impl Iterator<Item = (&'a str, &'a str)>,
    labels: &Labels,
) -> Vec<String> {
    let mut present: BTreeMap<&str, Vec<bool>> = BTreeMap::new();
    for (split, label) in items {
        let of_split = present.entry(split).or_insert_with(|| vec![false; labels.len()]);
        let place = labels.position(label).and_then(|class| of_split.get_mut(class as usize));
        place.into_iter().for_each(|place| *place = true);
    }
    let note = |(split, present): (&str, Vec<bool>)| {
        let lacking = labels.classes().iter().zip(&present).filter(|(_, present)| !**present);
        let lacking: Vec<String> = lacking.map(|(label, _)| label.clone()).collect();
        let (count, of) = (lacking.len(), labels.len());
        (count > 0).then(|| {
            format!("split {split} has no picture of {count} of {of} classes: {}", named(&lacking))
        })
    };
    present.into_iter().filter_map(note).collect()
}

/// A note on captions that stand at several pictures.
fn what_captions_share(items: &[Item]) -> Option<String> {
    let mut pictures: HashMap<&str, usize> = HashMap::new();
    for item in items {
        let Target::Captions(captions) = &item.target else { continue };
        for caption in captions {
            let count = pictures.entry(caption).or_default();
            *count = count.saturating_add(1);
        }
    }
    let shared = pictures.values().filter(|count| **count > 1).count();
    (shared > 0).then(|| {
        format!(
            "captions that stand at more than one picture: {shared}; each counts as its own picture's alone"
        )
    })
}
