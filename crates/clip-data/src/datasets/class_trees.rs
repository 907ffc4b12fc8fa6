//! Sets whose splits are folders of class folders: Country211, Rendered SST2, ImageNet-R, -A, -C and Sketch, ImageNetV2.

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

use super::lists::labels;
use super::{Found, Source, imagenet};
use crate::datasets::folders::class_folders;
use crate::error::DataError;

/// `{train,valid,test}/CLASS/*`: Country211 and Rendered SST2.
pub(crate) fn splits(source: &Source<'_>) -> Result<Found, DataError> {
    let mut found = Found::default();
    class_folders(&mut found, source.folder, source.split, &source.dataset.id, labels(source)?)?;
    Ok(found)
}

/// `WNID/*` with the 200 classes of the prompt file: ImageNet-A and -R.
pub(crate) fn wnids_of_prompts(source: &Source<'_>) -> Result<Found, DataError> {
    let mut found = Found::default();
    let wnids = imagenet::wnids_in(source.prompts)?;
    class_folders(&mut found, source.folder, "", &source.dataset.id, &wnids)?;
    Ok(found)
}

/// `WNID/*` with ImageNet's 1000 classes: ImageNet Sketch.
pub(crate) fn all_wnids(source: &Source<'_>) -> Result<Found, DataError> {
    let mut found = Found::default();
    class_folders(&mut found, source.folder, "", &source.dataset.id, &imagenet::wnids()?)?;
    Ok(found)
}

/// `CORRUPTION/SEVERITY/WNID/*` with ImageNet's 1000 classes: ImageNet-C, a split for each corruption and severity.
pub(crate) fn corruptions(source: &Source<'_>) -> Result<Found, DataError> {
    let mut found = Found::default();
    class_folders(&mut found, source.folder, source.split, &source.dataset.id, &imagenet::wnids()?)?;
    Ok(found)
}

/// `imagenetv2-VARIANT-format-val/0..999/*`: the folder's number is the class, so `10` is not before `2`.
pub(crate) fn imagenet_v2(source: &Source<'_>) -> Result<Found, DataError> {
    let inside = match source.split {
        "threshold-0.7" => "imagenetv2-threshold0.7-format-val".to_owned(),
        variant => format!("imagenetv2-{variant}-format-val"),
    };
    let numbers: Vec<String> = (0..1000).map(|class| class.to_string()).collect();
    let mut found = Found::default();
    class_folders(&mut found, source.folder, &inside, &source.dataset.id, &numbers)?;
    found.items.sort_by_key(|item| match item.target {
        crate::Target::Class(class) => class,
        _ => u32::MAX,
    }); // stable: files of a class stay sorted
    Ok(found)
}
