//! A user's own files as a split: what is known of them is made here, as no catalogue has it.

use std::borrow::Cow;
use std::collections::HashMap;
use std::path::Path;

use serde_json::Value;

use crate::catalogue::{Dataset, Metric, SplitInfo, Task, Validation};
use crate::custom::class_names::{self, Named};
use crate::custom::split_names::{Role, choose, role};
use crate::error::DataError;
use crate::item::{Item, Target};
use crate::listing::entries;
use crate::prompts::PromptSet;
use crate::reader::Listing;
use crate::split::Split;
use crate::text::text;

/// The split of files that are not divided.
pub(super) const ALL: &str = "all";
/// Name of the file of templates.
pub(super) const TEMPLATES: &str = "zeroshot_classification_templates.txt";

/// What a reader of a user's files hands over.
pub(super) struct UserDataset<'a> {
    /// The file or folder the user named.
    pub(super) path: &'a Path,
    pub(super) task: Task,
    /// All splits, and the one read.
    pub(super) splits: Vec<String>,
    pub(super) split: String,
    /// The classes and their names; none for captions.
    pub(super) classes: Option<Named>,
    pub(super) listing: Listing,
}

impl UserDataset<'_> {
    /// The split that was read, with a data set and prompts made for it.
    ///
    /// # Errors
    /// The templates beside the files are none.
    pub(super) fn split(mut self) -> Result<Split, DataError> {
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
            task: self.task,
            metric: match self.task {
                Task::Retrieval => Metric::RetrievalRecall,
                Task::MultiLabel => Metric::MeanAveragePrecision11,
                _ => Metric::Accuracy,
            },
            splits: self.splits.iter().map(info).collect(),
            test: choose(self.path, &self.splits, None).unwrap_or_else(|_| self.split.clone()),
            train: of(Role::Train).cloned().collect(),
            validation,
            licence: "the user's own files".to_owned(),
            ..Dataset::default()
        };
        self.listing.notes.extend(what_captions_share(&self.listing.items));
        let prompts = prompts(id, self.classes, self.task, &mut self.listing)?;
        Ok(Split::of(Cow::Owned(dataset), info(&self.split), prompts, self.listing))
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

/// Names of the classes; templates from their file, or `a photo of a {}.`
fn prompts(
    id: String,
    classes: Option<Named>,
    task: Task,
    listing: &mut Listing,
) -> Result<PromptSet, DataError> {
    let (names, labels) = match classes {
        Some(classes) => {
            listing.notes.extend(classes.labels.notes.iter().cloned());
            (classes.names, classes.labels.classes().to_vec())
        }
        None => Default::default(),
    };
    let listed = !labels.is_empty() && listing.folder.join(class_names::FILE).is_file();
    let source = if listed { class_names::FILE } else { "labels of the files" };
    let path = listing.folder.join(TEMPLATES);
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
