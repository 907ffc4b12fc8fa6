//! A user's own table of photos as a split that no catalogue has.

use std::borrow::Cow;
use std::path::Path;

use clip_data::{Dataset, Item, Metric, PromptSet, Split, SplitInfo, Status, Task, Validation};

/// Items of a table; paths from its folder, named after its file.
pub(crate) fn split_of_table(path: &Path, items: Vec<Item>) -> Split {
    let (id, info) = (stem(path), SplitInfo { name: "all".to_owned(), expected: None });
    let dataset = Dataset {
        id: id.clone(),
        title: path.display().to_string(),
        card: None,
        task: Task::Classification,
        metric: Metric::Accuracy,
        prompts: None,
        reader: None,
        marker: String::new(),
        folders: Vec::new(),
        splits: vec![info.clone()],
        test: info.name.clone(),
        train: Vec::new(),
        validation: Validation::HoldOut,
        folds: Vec::new(),
        few_shot: false,
        url: String::new(),
        licence: "the user's own files".to_owned(),
        status: Status::Ready,
        archives: Vec::new(),
        traps: Vec::new(),
        files: Default::default(),
    };
    let prompts = PromptSet {
        id,
        source: "none: no text is used".to_owned(),
        classes: Vec::new(),
        templates: Vec::new(),
        labels: None,
        rest: serde_json::Value::Null,
    };
    Split {
        dataset: Cow::Owned(dataset),
        info,
        prompts,
        items,
        notes: Vec::new(),
        absent: Vec::new(),
        left_out: Vec::new(),
        folder: path.parent().unwrap_or(Path::new("")).to_owned(),
    }
}

/// The name of a file without its ending.
pub(crate) fn stem(path: &Path) -> String {
    path.file_stem().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}
