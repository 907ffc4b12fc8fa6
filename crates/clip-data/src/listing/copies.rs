//! Copies that keep class folders where the authors have lists or arrays.

use crate::error::DataError;
use crate::listing::class_folders::{class_folders, folders_in};
use crate::locate::is_published;
use crate::places::resolve;
use crate::prompts::Classes;
use crate::reader::{Listing, Source};

/// The authors' split in class folders that copies have in place of lists or arrays; none where the
/// authors' own files are there, or no such folders.
pub(crate) fn class_folders_of_a_copy(source: &Source<'_>) -> Result<Option<Listing>, DataError> {
    let files = &source.dataset.files;
    let Some(places) = files.class_folders.get(source.split) else { return Ok(None) };
    let place = places.iter().find_map(|place| resolve(files, source.folder, place));
    let Some(place) = place.filter(|_| !is_published(source.dataset, source.folder)) else {
        return Ok(None);
    };
    let mut found = class_folders(source, &place, &labels_of_folders(source, &place)?)?;
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
        let classes = Classes::new(&source.dataset.id, list).ok();
        classes.map_or(0, |classes| {
            names.iter().filter(|name| classes.nearest(name, &whole).is_ok()).count()
        })
    };
    Ok(lists.into_iter().rev().max_by_key(known).unwrap_or_default())
}
