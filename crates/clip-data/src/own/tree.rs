//! A folder for each class.

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

use std::path::Path;

use super::{Own, SPLITS, choose, in_order};
use crate::catalogue::Task;
use crate::datasets::Found;
use crate::datasets::folders::{class_folders, folders_in};
use crate::error::DataError;
use crate::split::Split;

/// `path/CLASS/*`, or `path/SPLIT/CLASS/*` where every folder has a split's name.
pub(super) fn read(path: &Path, split: Option<&str>) -> Result<Split, DataError> {
    let folders = folders_in(path)?;
    let of_splits = !folders.is_empty() && folders.iter().all(|name| SPLITS.contains(&name.as_str()));
    let splits = if of_splits { folders.clone() } else { vec!["all".to_owned()] };
    let split = choose(path, &splits, split)?;
    let (inside, labels) = if of_splits {
        let mut labels = Vec::new();
        for name in &splits {
            labels.extend(folders_in(&path.join(name))?); // of all splits, so that positions agree
        }
        (split.as_str(), labels)
    } else {
        ("", folders)
    };
    let labels = in_order(labels);
    if labels.is_empty() {
        return Err(DataError::malformed(path, "holds no folders; each class needs one"));
    }
    let mut found = Found::default();
    class_folders(&mut found, path, inside, &path.display().to_string(), &labels)?;
    Own { path, folder: path, task: Task::Classification, splits, split: split.clone(), labels, found }
        .split()
}
