//! Flickr30k, Flickr8k and MSCOCO: images with several captions. PROTOCOL_EVAL 6.3, 7.5.

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

use super::caption_files::{Captioned, Coco, Karpathy, comma_list, token_file};
use super::lists::{entries, first_of, json, text};
use super::{Found, Source};
use crate::error::DataError;
use crate::item::Target;

/// Where a Flickr set keeps things.
struct Flickr {
    /// Folders of images.
    images: &'static [&'static str],
    karpathy: &'static str,
    /// CLIP_benchmark's lists: around the name of the split.
    comma_list: Option<(&'static str, &'static str)>,
    token: &'static str,
    /// Lists of the images of a split, for the token file: around the name of the split.
    lists: &'static [(&'static str, &'static str)],
}

const FLICKR30K: Flickr = Flickr {
    images: &["flickr30k-images", "flickr30k_images", "images", "Images"],
    karpathy: "dataset_flickr30k.json",
    comma_list: Some(("flickr30k_", "_karpathy.txt")),
    token: "results_20130124.token",
    lists: &[("", "_images.txt"), ("", "_2016_images.txt"), ("", ".txt")],
};

const FLICKR8K: Flickr = Flickr {
    images: &["Flicker8k_Dataset", "Flickr8k_Dataset", "images", "Images"],
    karpathy: "dataset_flickr8k.json",
    comma_list: Some(("flickr8k_", "_karpathy.txt")),
    token: "Flickr8k.token.txt",
    lists: &[("Flickr_8k.", "Images.txt")],
};

pub(crate) fn flickr30k(source: &Source<'_>) -> Result<Found, DataError> {
    flickr(source, &FLICKR30K)
}

pub(crate) fn flickr8k(source: &Source<'_>) -> Result<Found, DataError> {
    flickr(source, &FLICKR8K)
}

/// From Karpathy's file, else CLIP_benchmark's list, else the token file with a list of the split's images.
fn flickr(source: &Source<'_>, places: &Flickr) -> Result<Found, DataError> {
    let (folder, split) = (source.folder, source.split);
    let file = |name: &str| Some(folder.join(name)).filter(|path| path.is_file());
    let around = |(head, tail): &(&str, &str)| format!("{head}{split}{tail}");
    let karpathy = file(places.karpathy).filter(|_| split != "all");
    let captioned = if let Some(path) = karpathy {
        json::<Karpathy>(&path)?.of_split(split)
    } else if let Some(path) = places.comma_list.as_ref().map(around).and_then(|name| file(&name)) {
        comma_list(&text(&path)?).map_err(|reason| DataError::malformed(&path, reason))?
    } else {
        let path = folder.join(places.token);
        let all = token_file(&text(&path)?).map_err(|reason| DataError::malformed(&path, reason))?;
        match split {
            "all" => all,
            // The dev split of Flickr8k is Karpathy's val.
            _ => listed(
                all,
                folder,
                places.lists,
                if split == "val" && split_is_dev(folder) { "dev" } else { split },
            )?,
        }
    };
    items(source, captioned, places.images)
}

fn split_is_dev(folder: &Path) -> bool {
    folder.join("Flickr_8k.devImages.txt").is_file()
}

/// Of all images those that the split's list names, in its order.
fn listed(
    all: Vec<Captioned>,
    folder: &Path,
    lists: &[(&str, &str)],
    split: &str,
) -> Result<Vec<Captioned>, DataError> {
    let names: Vec<String> = lists.iter().map(|(head, tail)| format!("{head}{split}{tail}")).collect();
    let list = first_of(folder, &names.iter().map(String::as_str).collect::<Vec<_>>())?;
    let mut known: HashMap<String, Captioned> = all.into_iter().map(|one| (one.image.clone(), one)).collect();
    let text = text(&list)?;
    let of_list = entries(&text).map(|(number, name)| {
        let one = known.remove(name).or_else(|| known.remove(&format!("{name}.jpg")));
        one.ok_or_else(|| DataError::malformed(&list, format!("line {number}: {name} has no captions")))
    });
    of_list.collect()
}

/// MSCOCO: Karpathy's splits, or a year's own annotations.
pub(crate) fn mscoco(source: &Source<'_>) -> Result<Found, DataError> {
    let (folder, split) = (source.folder, source.split);
    if let "train" | "val" | "test" = split {
        let karpathy = ["dataset_coco.json", "annotations/dataset_coco.json"];
        let benchmark =
            [format!("coco_{split}_karpathy.json"), format!("annotations/coco_{split}_karpathy.json")];
        let captioned = match first_of(folder, &karpathy) {
            Ok(path) => json::<Karpathy>(&path)?.of_split(split),
            Err(error) => {
                let names = benchmark.each_ref().map(String::as_str);
                let path = first_of(folder, &names).map_err(|_| error)?;
                json::<Coco>(&path)?.captioned()
            }
        };
        return items(source, captioned, &["", "val2014", "train2014", "images"]);
    }
    let name = format!("captions_{split}.json");
    let path = first_of(folder, &[&format!("annotations/{name}"), &name])?;
    items(source, json::<Coco>(&path)?.captioned(), &[split, "images", ""])
}

/// Items of images that are there, in one of `places`.
fn items(source: &Source<'_>, captioned: Vec<Captioned>, places: &[&str]) -> Result<Found, DataError> {
    let mut found = Found::default();
    let most = source.options.captions.unwrap_or(usize::MAX);
    let (mut cut, mut without) = (0_usize, 0_usize);
    for one in captioned {
        let paths = places.iter().map(|place| super::folders::joined(place, &one.image));
        let there = paths.clone().find(|path| source.folder.join(path).is_file());
        let path = there.or_else(|| paths.into_iter().next()).unwrap_or(one.image);
        if one.captions.is_empty() {
            without = without.saturating_add(1);
            continue;
        }
        cut = cut.saturating_add(one.captions.len().saturating_sub(most));
        let captions = one.captions.into_iter().take(most).map(String::into_boxed_str).collect();
        found.file(source.folder, path, Target::Captions(captions))?;
    }
    if cut > 0 {
        found.notes.push(format!("{cut} captions beyond the first {most} of an image are left out"));
    }
    if without > 0 {
        found.notes.push(format!("{without} images without captions are left out"));
    }
    Ok(found)
}
