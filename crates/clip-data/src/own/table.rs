//! A table of files with labels or captions.

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

use std::collections::HashMap;
use std::path::Path;

use super::{Own, choose, in_order};
use crate::catalogue::Task;
use crate::datasets::Found;
use crate::datasets::lists::{columns, text};
use crate::error::DataError;
use crate::item::Target;
use crate::prompts::Classes;
use crate::split::{ReadOptions, Split};

/// Columns `file,label` or `file,caption` (a row each), perhaps `split`; paths from the table's folder.
pub(super) fn read(path: &Path, split: Option<&str>, options: &ReadOptions) -> Result<Split, DataError> {
    let text = text(path)?;
    let header: Vec<&str> =
        text.lines().next().unwrap_or_default().split([',', '\t']).map(str::trim).collect();
    let separator = if text.lines().next().unwrap_or_default().contains('\t') { b'\t' } else { b',' };
    let has = |name: &str| header.iter().any(|column| column.trim_matches('"') == name);
    let (value, task) = match (has("label"), has("caption")) {
        (true, _) => ("label", Task::Classification),
        (false, true) => ("caption", Task::Retrieval),
        _ => {
            return Err(DataError::malformed(
                path,
                "the header needs `file` and `label`, or `file` and `caption`",
            ));
        }
    };
    let malformed = |reason| DataError::malformed(path, reason);
    let rows: Vec<[String; 3]> = if has("split") {
        columns(&text, separator, ["file", value, "split"]).map_err(malformed)?
    } else {
        let rows = columns(&text, separator, ["file", value]).map_err(malformed)?;
        rows.into_iter().map(|[file, value]| [file, value, "all".to_owned()]).collect()
    };
    let splits = in_order(rows.iter().map(|[.., split]| split.clone()));
    let split = choose(path, &splits, split)?;
    let folder = path.parent().unwrap_or(Path::new(""));
    let labels = match task {
        Task::Retrieval => Vec::new(),
        _ => in_order(rows.iter().map(|[_, label, _]| label.clone())),
    };
    let of_split = rows.into_iter().filter(|[.., of]| *of == split).map(|[file, value, _]| (file, value));
    let mut found = Found::default();
    if task == Task::Retrieval {
        with_captions(&mut found, folder, of_split, options.captions.unwrap_or(usize::MAX))?;
    } else {
        let id = path.display().to_string();
        let classes = Classes::new(&id, labels.iter().map(String::as_str))?;
        for (file, label) in of_split {
            found.file(folder, file, Target::Class(classes.position(&label, path)?))?;
        }
    }
    Own { path, folder, task, splits, split, labels, found }.split()
}

/// Captions of the same file together, in the order of its first.
fn with_captions(
    found: &mut Found,
    folder: &Path,
    rows: impl Iterator<Item = (String, String)>,
    most: usize,
) -> Result<(), DataError> {
    let mut places: HashMap<String, usize> = HashMap::new();
    let mut images: Vec<(String, Vec<Box<str>>)> = Vec::new();
    for (file, caption) in rows {
        let place = *places.entry(file.clone()).or_insert(images.len());
        match images.get_mut(place) {
            Some((_, captions)) => captions.push(caption.into()),
            None => images.push((file, vec![caption.into()])),
        }
    }
    for (file, mut captions) in images {
        captions.truncate(most);
        found.file(folder, file, Target::Captions(captions.into()))?;
    }
    Ok(())
}
