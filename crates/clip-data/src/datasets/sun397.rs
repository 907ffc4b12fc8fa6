//! SUN397: `a/abbey/sun_*.jpg`, some classes a level deeper; partition 1 of ten. PROTOCOL_EVAL 6.1.

use std::path::{Path, PathBuf};

use crate::error::DataError;
use crate::item::{Item, Target};
use crate::listing::{class_list, entries, folder_and_file, folders_in, images_or_none};
use crate::names::joined;
use crate::reader::{Listing, Source};
use crate::text::text;

/// Folders between the set's own and the images: letter, class, and where it was seen from.
const DEPTH: usize = 3;

/// The paper's split: 50 + 50 images of each class.
pub(crate) fn partition(source: &Source<'_>) -> Result<Listing, DataError> {
    let list = partition_list(source)?;
    let mut found = class_list(source, &list, entries(&text(&list)?), |line| {
        Ok((folder_and_file(line)?.0, line.trim_start_matches('/').to_owned()))
    })?;
    if !source.folder.join("ClassName.txt").is_file() {
        found.notes.push("layout of a copy: without ClassName.txt, which is not needed".to_owned());
    }
    Ok(found)
}

/// `Partitions.zip` is unpacked inside the set's folder, beside it, or in a folder of its own.
fn partition_list(source: &Source<'_>) -> Result<PathBuf, DataError> {
    let name = if source.split == "train" { "Training_01.txt" } else { "Testing_01.txt" };
    let places = [name.to_owned(), format!("Partitions/{name}")];
    let beside = || {
        let outer = source.folder.parent()?;
        places.iter().map(|place| outer.join(place)).find(|path| path.is_file())
    };
    let inside = source.first_of(&places.each_ref().map(String::as_str));
    inside.or_else(|error| beside().ok_or(error))
}

/// Every image, as torchvision and CLIP_benchmark read the set: another figure than the paper's.
pub(crate) fn all(source: &Source<'_>) -> Result<Listing, DataError> {
    let labels = source.labels()?;
    let classes = source.prompts.classes()?;
    let (mut found, mut met) = (source.listing(), Vec::new());
    for folder in folders_below(source.folder)? {
        let images = images_or_none(&mut found, &folder);
        if images.is_empty() {
            continue; // a letter, or a class whose images are a level deeper
        }
        let label = format!("/{folder}");
        let class = classes.position(&label, source.folder)?;
        found.items.extend(images.into_iter().map(|image| Item::file(image, Target::Class(class))));
        met.push(label);
    }
    let absent = labels.iter().filter(|label| !met.contains(label));
    found.missing.extend(absent.map(|label| label.trim_start_matches('/').to_owned() + "/"));
    Ok(found)
}

/// Letters, classes and what is inside them, as relative paths in byte order.
fn folders_below(root: &Path) -> Result<Vec<String>, DataError> {
    let mut all = Vec::new();
    let mut level = vec![String::new()];
    for depth in 0..DEPTH {
        let mut deeper = Vec::new();
        for outer in &level {
            let inner = folders_in(&root.join(outer))?;
            let letter = |name: &&String| depth > 0 || name.len() == 1; // Partitions lies among the letters
            deeper.extend(inner.iter().filter(letter).map(|name| joined(outer, name)));
        }
        all.extend(deeper.iter().cloned());
        level = deeper;
    }
    all.sort();
    Ok(all)
}
