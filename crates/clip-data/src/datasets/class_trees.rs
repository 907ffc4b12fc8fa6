//! Sets whose splits are folders of class folders: Country211, Rendered SST2, ImageNet-R, -A, -C
//! and Sketch, ImageNetV2.

use crate::error::DataError;
use crate::listing::{class_folders, folders_in};
use crate::prompts::imagenet_wnids;
use crate::reader::{Listing, Source};

/// `{train,valid,test}/CLASS/*`: Country211 and Rendered SST2.
pub(crate) fn splits(source: &Source<'_>) -> Result<Listing, DataError> {
    class_folders(source, &source.place(source.split), source.labels()?)
}

/// `WNID/*` with the 200 classes of the prompt file: ImageNet-A and -R.
pub(crate) fn wnids_of_prompts(source: &Source<'_>) -> Result<Listing, DataError> {
    class_folders(source, "", &source.prompts.wnids()?)
}

/// `WNID/*` with ImageNet's 1000 classes: ImageNet Sketch.
pub(crate) fn all_wnids(source: &Source<'_>) -> Result<Listing, DataError> {
    class_folders(source, "", &imagenet_wnids()?)
}

/// `CORRUPTION/SEVERITY/WNID/*` with ImageNet's 1000 classes: ImageNet-C, a split for each
/// corruption and severity.
pub(crate) fn corruptions(source: &Source<'_>) -> Result<Listing, DataError> {
    class_folders(source, &source.place(source.split), &imagenet_wnids()?)
}

/// `imagenetv2-VARIANT-format-val/0..999/*`: the folder's number is the class, so `10` is not
/// before `2`. Copies call the folders by wnid.
pub(crate) fn imagenet_v2(source: &Source<'_>) -> Result<Listing, DataError> {
    let inside = source.place(&match source.split {
        "threshold-0.7" => "imagenetv2-threshold0.7-format-val".to_owned(),
        variant => format!("imagenetv2-{variant}-format-val"),
    });
    let wnids = imagenet_wnids()?;
    let of_wnids =
        folders_in(&source.folder.join(&inside))?.iter().any(|name| wnids.contains(name));
    let numbers: Vec<String> = (0..1000).map(|class| class.to_string()).collect();
    let mut found = class_folders(source, &inside, if of_wnids { &wnids } else { &numbers })?;
    if of_wnids {
        found.notes.insert(0, "layout of a copy: folders are called by wnid".to_owned());
    }
    found.items.sort_by_key(|item| match item.target {
        crate::Target::Class(class) => class,
        _ => u32::MAX,
    }); // stable: files of a class stay sorted
    Ok(found)
}
