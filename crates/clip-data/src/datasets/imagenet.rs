//! ImageNet (ILSVRC 2012): `{train,val}/WNID/*.JPEG`, or its validation images flat. PROTOCOL_EVAL 6.1.

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
use std::sync::Arc;

use super::folders::{folders_in, images_in};
use super::lists::{at, entries, text};
use super::{Found, Source, folders};
use crate::error::DataError;
use crate::formats::archive::Archive;
use crate::formats::matlab;
use crate::item::{Item, Media, Records, Target};
use crate::prompts::{Classes, PromptSet};

const TAR: &str = "ILSVRC2012_img_val.tar";

/// The truth of flat validation images, in the unpacked devkit.
const DEVKIT: &str = "ILSVRC2012_devkit_t12/data";

pub(crate) fn read(source: &Source<'_>) -> Result<Found, DataError> {
    let images = source.folder.join(source.split);
    let of_classes = images.is_dir() && !folders_in(&images)?.is_empty();
    if source.split == "val" && !of_classes {
        return flat(source, &images);
    }
    let mut found = Found::default();
    folders::class_folders(&mut found, source.folder, source.split, &source.dataset.id, &wnids()?)?;
    Ok(found)
}

/// Validation images as the archive has them, `ILSVRC2012_val_00000001.JPEG`, unpacked or in their tar.
fn flat(source: &Source<'_>, images: &Path) -> Result<Found, DataError> {
    let tar = source.folder.join(TAR);
    let mut found = Found::default();
    if tar.is_file() && !images.is_dir() {
        let truth = truth(source.folder)?;
        let archive = Archive::open(&tar)?;
        let mut members: Vec<(String, usize)> = archive.names().map(str::to_owned).zip(0..).collect();
        members.sort();
        let records: Arc<dyn Records> = Arc::new(archive);
        for (name, index) in members {
            let target = Target::Class(class_of(&name, &truth, &tar)?);
            found.items.push(Item { media: Media::Record { records: Arc::clone(&records), index }, target });
        }
        return Ok(found);
    }
    let mut stray = Vec::new();
    let files = images_in(source.folder, source.split, &mut stray)?;
    let truth = truth(source.folder)?;
    for path in files {
        let class = class_of(&path, &truth, images)?;
        found.items.push(Item::file(path, Target::Class(class)));
    }
    found.notes.extend(folders::what_is_stray(&stray));
    Ok(found)
}

/// The number in `ILSVRC2012_val_00000236.JPEG` is the line of the ground truth.
fn class_of(name: &str, truth: &[u32], path: &Path) -> Result<u32, DataError> {
    let stem = name.rsplit('/').next().and_then(|file| file.split('.').next());
    let number =
        stem.and_then(|stem| stem.strip_prefix("ILSVRC2012_val_")).and_then(|n| n.parse::<usize>().ok());
    let class = number.and_then(|number| truth.get(number.checked_sub(1)?)).copied();
    class.ok_or_else(|| {
        let reason = format!("`{name}` is none of the {} images of the ground truth", truth.len());
        DataError::malformed(path, reason)
    })
}

/// The class of each line: ILSVRC's own ids, in another order than the wnids, go through `meta.mat`.
fn truth(folder: &Path) -> Result<Vec<u32>, DataError> {
    let devkit = folder.join(DEVKIT);
    let meta = devkit.join("meta.mat");
    if !meta.is_file() {
        let reason = "images that lie flat need the devkit: unpack ILSVRC2012_devkit_t12.tar.gz beside them";
        return Err(DataError::malformed(meta, reason));
    }
    let classes = classes_of_ids(&meta)?;
    let list = devkit.join("ILSVRC2012_validation_ground_truth.txt");
    let text = text(&list)?;
    let line = |(number, line): (usize, &str)| {
        let class = line.parse().ok().and_then(|id: u32| classes.iter().find(|(known, _)| *known == id));
        let unknown = || format!("id `{line}` is none of meta.mat's {} classes", classes.len());
        class.map(|(_, class)| *class).ok_or_else(|| at(&list, number)(unknown()))
    };
    entries(&text).map(line).collect()
}

/// `(ILSVRC2012_ID, class)` of the synsets that are classes; `meta.mat` lists their ancestors too.
fn classes_of_ids(meta: &Path) -> Result<Vec<(u32, u32)>, DataError> {
    let wnids = wnids()?;
    let classes = Classes::new("imagenet", wnids.iter().map(String::as_str))?;
    let malformed = |reason: &str| DataError::malformed(meta, reason);
    let variables = matlab::read(meta, &["synsets"])?;
    let synsets = variables.get("synsets").and_then(matlab::Value::structs);
    let synsets = synsets.ok_or_else(|| malformed("`synsets` is no array of structs"))?;
    let mut found = Vec::new();
    for index in 0..synsets.len() {
        let id = synsets.field(index, "ILSVRC2012_ID").and_then(matlab::Value::integer);
        let wnid = synsets.field(index, "WNID").and_then(matlab::Value::text);
        let (id, wnid) = id.zip(wnid).ok_or_else(|| malformed("a synset has no ILSVRC2012_ID or WNID"))?;
        if let Ok(class) = classes.position(wnid, meta) {
            found.push((id, class));
        }
    }
    Ok(found)
}

/// ImageNet's 1000 wnids in ASCII order: the position is the class.
pub(crate) fn wnids() -> Result<Vec<String>, DataError> {
    wnids_in(&PromptSet::of("imagenet_wnids")?)
}

/// The list `wnids` of a prompt file.
pub(crate) fn wnids_in(prompts: &PromptSet) -> Result<Vec<String>, DataError> {
    let list = prompts.rest.get("wnids").and_then(serde_json::Value::as_array);
    let wnids = list.map(|list| list.iter().filter_map(|wnid| wnid.as_str().map(str::to_owned)).collect());
    wnids.ok_or_else(|| DataError::Prompts {
        dataset: prompts.id.clone(),
        reason: "it has no list `wnids`".to_owned(),
    })
}
