//! Stanford Cars: a struct array of MATLAB for each part. PROTOCOL_EVAL 6.1.
//!
//! Classes count from 1. The labels of the test part are not in the devkit but in a file of their
//! own. Copies on data hubs renumber or rename classes: where `cars_meta.mat` is there, its names
//! are compared with ours.

use std::path::{Path, PathBuf};

use crate::error::DataError;
use crate::formats::matlab::{self, Value};
use crate::item::Target;
use crate::names::comparable;
use crate::reader::{Listing, Source};

pub(super) fn read(source: &Source<'_>) -> Result<Listing, DataError> {
    let count = source.prompts.classes.len();
    check_names(source, &source.path("devkit/cars_meta.mat"))?;
    let (images, path) = if source.split == "train" {
        ("cars_train", source.path("devkit/cars_train_annos.mat"))
    } else {
        ("cars_test", labels_of_test(source)?)
    };
    let images = source.place(images);
    let variables = matlab::read(&path, &["annotations"])?;
    let annotations = variables.get("annotations").and_then(Value::structs);
    let annotations = annotations
        .ok_or_else(|| DataError::malformed(&path, "`annotations` is no struct array"))?;
    let mut found = source.listing();
    for (number, index) in (1..).zip(0..annotations.len()) {
        let wrong =
            |what: &str| DataError::malformed(&path, format!("annotation {number}: {what}"));
        let name = annotations.field(index, "fname").and_then(Value::text);
        let name = name.ok_or_else(|| wrong("no `fname`"))?;
        let class = annotations.field(index, "class").and_then(Value::integer);
        let class = class.ok_or_else(|| wrong("no `class`"))?;
        let position = class.checked_sub(1).filter(|&position| (position as usize) < count);
        let position =
            position.ok_or_else(|| wrong(&format!("class {class}, expected 1 to {count}")))?;
        found.file(format!("{images}/{name}"), Target::Class(position))?;
    }
    Ok(found)
}

fn labels_of_test(source: &Source<'_>) -> Result<PathBuf, DataError> {
    let with_labels = "cars_test_annos_withlabels.mat";
    source.first_of(&[with_labels, &format!("devkit/{with_labels}")]).map_err(|_| {
        let reason = "is needed: the devkit has no labels of the test part; find a copy of it";
        DataError::malformed(source.folder.join(with_labels), reason)
    })
}

fn check_names(source: &Source<'_>, path: &Path) -> Result<(), DataError> {
    if !path.exists() {
        return Ok(());
    }
    let variables = matlab::read(path, &["class_names"])?;
    let names = variables.get("class_names").and_then(Value::texts);
    let names =
        names.ok_or_else(|| DataError::malformed(path, "`class_names` is no list of texts"))?;
    let ours: Vec<String> = source.prompts.classes.iter().map(|names| names.concat()).collect();
    source.check_classes(path, &names, &ours, |name, ours| comparable(name) == comparable(ours))
}
