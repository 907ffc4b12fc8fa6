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
use crate::datasets::folders::{class_folders, folders_in};
use crate::error::DataError;
use crate::locate::is_published;
use crate::places::resolve;
use crate::prompts::Classes;

/// `{train,valid,test}/CLASS/*`: Country211 and Rendered SST2.
pub(crate) fn splits(source: &Source<'_>) -> Result<Found, DataError> {
    of_classes(source, &source.place(source.split), labels(source)?)
}

/// `WNID/*` with the 200 classes of the prompt file: ImageNet-A and -R.
pub(crate) fn wnids_of_prompts(source: &Source<'_>) -> Result<Found, DataError> {
    of_classes(source, "", &imagenet::wnids_in(source.prompts)?)
}

/// `WNID/*` with ImageNet's 1000 classes: ImageNet Sketch.
pub(crate) fn all_wnids(source: &Source<'_>) -> Result<Found, DataError> {
    of_classes(source, "", &imagenet::wnids()?)
}

/// `CORRUPTION/SEVERITY/WNID/*` with ImageNet's 1000 classes: ImageNet-C, a split for each corruption and severity.
pub(crate) fn corruptions(source: &Source<'_>) -> Result<Found, DataError> {
    of_classes(source, &source.place(source.split), &imagenet::wnids()?)
}

/// `imagenetv2-VARIANT-format-val/0..999/*`: the folder's number is the class, so `10` is not before `2`. Copies call
/// the folders by wnid.
pub(crate) fn imagenet_v2(source: &Source<'_>) -> Result<Found, DataError> {
    let inside = source.place(&match source.split {
        "threshold-0.7" => "imagenetv2-threshold0.7-format-val".to_owned(),
        variant => format!("imagenetv2-{variant}-format-val"),
    });
    let wnids = imagenet::wnids()?;
    let of_wnids =
        folders_in(&source.folder.join(&inside))?.iter().any(|name| wnids.contains(name));
    let numbers: Vec<String> = (0..1000).map(|class| class.to_string()).collect();
    let mut found = of_classes(source, &inside, if of_wnids { &wnids } else { &numbers })?;
    if of_wnids {
        found.notes.insert(0, "layout of a copy: folders are called by wnid".to_owned());
    }
    found.items.sort_by_key(|item| match item.target {
        crate::Target::Class(class) => class,
        _ => u32::MAX,
    }); // stable: files of a class stay sorted
    Ok(found)
}

/// The authors' split in class folders that copies have in place of lists or arrays; none where the authors' own files
/// are there, or no such folders.
pub(crate) fn of_a_copy(source: &Source<'_>) -> Result<Option<Found>, DataError> {
    let files = &source.dataset.files;
    let Some(places) = files.class_folders.get(source.split) else { return Ok(None) };
    let place = places.iter().find_map(|place| resolve(files, source.folder, place));
    let Some(place) = place.filter(|_| !is_published(source.dataset, source.folder)) else {
        return Ok(None);
    };
    let mut found = of_classes(source, &place, &labels_of_folders(source, &place)?)?;
    found.notes.insert(0, format!("layout of a copy: class folders in {place}"));
    Ok(Some(found))
}

/// Folders are called by words of their own, by labels, or by class names: as most of them are.
fn labels_of_folders(source: &Source<'_>, place: &str) -> Result<Vec<String>, DataError> {
    let whole = source.folder.join(place);
    let names = folders_in(&whole)?;
    let first =
        source.prompts.classes.iter().map(|names| names.first().cloned().unwrap_or_default());
    let lists = [
        source.dataset.files.class_labels.clone(),
        source.prompts.labels.clone().unwrap_or_default(),
        first.collect(),
    ];
    let known = |list: &Vec<String>| {
        let classes = Classes::new(&source.dataset.id, list.iter().map(String::as_str)).ok();
        classes.map_or(0, |classes| {
            names.iter().filter(|name| classes.nearest(name, &whole).is_ok()).count()
        })
    };
    Ok(lists.into_iter().rev().max_by_key(known).unwrap_or_default())
}

fn of_classes(source: &Source<'_>, inside: &str, labels: &[String]) -> Result<Found, DataError> {
    let mut found = Found::default();
    class_folders(&mut found, source.folder, inside, &source.dataset.id, labels)?;
    Ok(found)
}
