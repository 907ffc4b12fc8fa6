//! A user's own table of photos as a split that no catalogue has.

use std::borrow::Cow;
use std::path::Path;

use clip_data::{Dataset, Item, Items, PromptSet, Split, SplitInfo};

/// Items of a table; paths from its folder, named after its file.
pub(crate) fn split_of_table(path: &Path, items: Vec<Item>) -> Split {
    let (id, info) = (stem(path), SplitInfo { name: "all".to_owned(), expected: None });
    let dataset = Dataset {
        id: id.clone(),
        title: path.display().to_string(),
        splits: vec![info.clone()],
        test: info.name.clone(),
        licence: "the user's own files".to_owned(),
        ..Dataset::default()
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
        items: Items { list: items, folder: path.parent().unwrap_or(Path::new("")).to_owned() },
        notes: Vec::new(),
        missing: Vec::new(),
        left_out: Vec::new(),
    }
}

/// The name of a file without its ending.
pub(crate) fn stem(path: &Path) -> String {
    path.file_stem().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}
