//! Flickr30k, Flickr8k and MSCOCO: images with several captions. PROTOCOL_EVAL 6.3, 7.5.

use std::collections::{BTreeSet, HashMap};
use std::path::Path;

use crate::error::DataError;
use crate::item::Target;
use crate::listing::{
    Captioned, Coco, Karpathy, caption_table, comma_list, entries, table_of_splits, token_file,
};
use crate::names::joined;
use crate::reader::{Listing, Source};
use crate::text::{json, text};

/// Where a Flickr set keeps things.
struct Flickr {
    /// Folders of images.
    images: &'static [&'static str],
    karpathy: &'static str,
    /// Hugging Face's table of Karpathy's splits.
    splits_table: &'static str,
    /// CLIP_benchmark's lists: around the name of the split.
    comma_list: (&'static str, &'static str),
    token: &'static str,
    /// Lists of the images of a split, for files without splits: around the name of the split.
    lists: &'static [(&'static str, &'static str)],
}

const FLICKR30K: Flickr = Flickr {
    images: &["flickr30k-images", "flickr30k_images", "images", "Images"],
    karpathy: "dataset_flickr30k.json",
    splits_table: "flickr_annotations_30k.csv",
    comma_list: ("flickr30k_", "_karpathy.txt"),
    token: "results_20130124.token",
    lists: &[("", "_images.txt"), ("", "_2016_images.txt"), ("", ".txt")],
};

const FLICKR8K: Flickr = Flickr {
    images: &["Flicker8k_Dataset", "Flickr8k_Dataset", "images", "Images"],
    karpathy: "dataset_flickr8k.json",
    splits_table: "flickr_annotations_8k.csv",
    comma_list: ("flickr8k_", "_karpathy.txt"),
    token: "Flickr8k.token.txt",
    lists: &[("Flickr_8k.", "Images.txt")],
};

/// Kaggle's tables of all captions.
const TABLES: [&str; 3] = ["results.csv", "captions.txt", "captions.csv"];

pub(crate) fn flickr30k(source: &Source<'_>) -> Result<Listing, DataError> {
    flickr(source, &FLICKR30K)
}

pub(crate) fn flickr8k(source: &Source<'_>) -> Result<Listing, DataError> {
    flickr(source, &FLICKR8K)
}

/// From Karpathy's file, else CLIP_benchmark's list, else all captions with a list of the split's
/// images.
fn flickr(source: &Source<'_>, places: &Flickr) -> Result<Listing, DataError> {
    let (folder, split) = (source.folder, source.split);
    let file = |name: &str| Some(source.path(name)).filter(|path| path.is_file());
    let of_list = format!("{}{split}{}", places.comma_list.0, places.comma_list.1);
    let malformed = |path: &Path| {
        let path = path.to_owned();
        move |reason| DataError::malformed(path, reason)
    };
    let mut note = None;
    let captioned = if let Some(path) = file(places.karpathy).filter(|_| split != "all") {
        json::<Karpathy>(&path)?.of_split(split)
    } else if let Some(path) = file(places.splits_table).filter(|_| split != "all") {
        note = Some(format!("layout of a copy: {}", places.splits_table));
        table_of_splits(&text(&path)?, split).map_err(malformed(&path))?
    } else if let Some(path) = file(&of_list) {
        comma_list(&text(&path)?).map_err(malformed(&path))?
    } else {
        let path = source.first_of(&[&[places.token], &TABLES[..]].concat())?;
        let is_table = !path.ends_with(places.token);
        let name = path.strip_prefix(folder).unwrap_or(&path).display();
        note = is_table.then(|| format!("layout of a copy: {name}"));
        let all = if is_table { caption_table(&text(&path)?) } else { token_file(&text(&path)?) };
        let all = all.map_err(malformed(&path))?;
        match split {
            "all" => all,
            // The dev split of Flickr8k is Karpathy's val.
            "val" if split_is_dev(folder) => listed(source, all, places, "dev")?,
            _ => listed(source, all, places, split)?,
        }
    };
    let mut found = items(source, captioned, places.images)?;
    found.notes.splice(0..0, note);
    Ok(found)
}

fn split_is_dev(folder: &Path) -> bool {
    folder.join("Flickr_8k.devImages.txt").is_file()
}

/// Of all images those that the split's list names, in its order.
fn listed(
    source: &Source<'_>,
    all: Vec<Captioned>,
    places: &Flickr,
    split: &str,
) -> Result<Vec<Captioned>, DataError> {
    let names: Vec<String> =
        places.lists.iter().map(|(head, tail)| format!("{head}{split}{tail}")).collect();
    let list = source.first_of(&names.iter().map(String::as_str).collect::<Vec<_>>()).map_err(|_| {
        let what = format!(
            "there is no such file, nor another list of the images of `{split}` ({}); the split `all` needs none",
            names.join(", ")
        );
        let source_error = std::io::Error::new(std::io::ErrorKind::NotFound, what);
        DataError::Read { path: source.folder.join(places.karpathy), source: source_error }
    })?;
    let mut known: HashMap<String, Captioned> =
        all.into_iter().map(|one| (one.image.clone(), one)).collect();
    let text = text(&list)?;
    let of_list = entries(&text).map(|(number, name)| {
        let one = known.remove(name).or_else(|| known.remove(&format!("{name}.jpg")));
        one.ok_or_else(|| {
            DataError::malformed(&list, format!("line {number}: {name} has no captions"))
        })
    });
    of_list.collect()
}

/// MSCOCO: Karpathy's splits, or a year's own annotations.
pub(crate) fn mscoco(source: &Source<'_>) -> Result<Listing, DataError> {
    let split = source.split;
    if let "train" | "val" | "test" = split {
        let karpathy = ["dataset_coco.json", "annotations/dataset_coco.json"];
        let benchmark = [
            format!("coco_{split}_karpathy.json"),
            format!("annotations/coco_{split}_karpathy.json"),
        ];
        let captioned = match source.first_of(&karpathy) {
            Ok(path) => json::<Karpathy>(&path)?.of_split(split),
            Err(error) => {
                let names = benchmark.each_ref().map(String::as_str);
                let path = source.first_of(&names).map_err(|_| error)?;
                json::<Coco>(&path)?.captioned()
            }
        };
        return items(source, captioned, &["", "val2014", "train2014", "images"]);
    }
    let name = format!("captions_{split}.json");
    let path = source.first_of(&[&format!("annotations/{name}"), &name])?;
    items(source, json::<Coco>(&path)?.captioned(), &[split, "images", ""])
}

/// The same photo in the release of the other year: `COCO_val2014_000000000042.jpg`,
/// `000000000042.jpg`.
fn other_year(image: &str) -> Vec<String> {
    let name = image.rsplit('/').next().unwrap_or(image);
    let Some((start, file)) =
        name.len().checked_sub("000000000042.jpg".len()).and_then(|at| name.split_at_checked(at))
    else {
        return Vec::new();
    };
    if !file.bytes().take(12).all(|byte| byte.is_ascii_digit()) {
        return Vec::new();
    }
    let names = |part: &str| match start {
        "" => Some(format!("{part}2014/COCO_{part}2014_{file}")),
        "COCO_val2014_" | "COCO_train2014_" => Some(format!("{part}2017/{file}")),
        _ => None,
    };
    let inside = ["train", "val"].into_iter().filter_map(names);
    inside.flat_map(|path| [format!("images/{path}"), path]).collect()
}

/// Items of images that are there, in one of `places`, the first of which is the authors'.
fn items(
    source: &Source<'_>,
    captioned: Vec<Captioned>,
    places: &[&str],
) -> Result<Listing, DataError> {
    let mut found = source.listing();
    let places: Vec<String> = places.iter().map(|place| source.place(place)).collect();
    let most = source.options.captions.unwrap_or(usize::MAX);
    let mut moved = BTreeSet::new();
    let (mut cut, mut without, mut of_other_year) = (0_usize, 0_usize, 0_usize);
    for one in captioned {
        if one.captions.iter().all(|caption| caption.trim().is_empty()) {
            without = without.saturating_add(1);
            continue;
        }
        let paths = places.iter().map(|place| joined(place, &one.image));
        let is_file = |path: &String| source.folder.join(path).is_file();
        let there = paths.clone().find(is_file);
        let twin =
            there.is_none().then(|| other_year(&one.image).into_iter().find(is_file)).flatten();
        let place = places.iter().find(|place| there.as_ref() == Some(&joined(place, &one.image)));
        moved.extend(place.filter(|place| place.starts_with("images")).cloned());
        of_other_year = of_other_year.saturating_add(usize::from(twin.is_some()));
        let path = there.or(twin).or_else(|| paths.into_iter().next()).unwrap_or(one.image);
        cut = cut.saturating_add(one.captions.len().saturating_sub(most));
        let captions = one.captions.into_iter().take(most).map(String::into_boxed_str).collect();
        found.file(path, Target::Captions(captions))?;
    }
    moved.remove(places.first().map_or("", String::as_str));
    found.notes.extend(moved.iter().map(|place| format!("layout of a copy: images in {place}")));
    if of_other_year > 0 {
        found.notes.push(format!(
            "layout of a copy: {of_other_year} images under the names of the other year"
        ));
    }
    found.count(cut, &format!("captions beyond the first {most} of an image are left out"));
    found.count(without, "images without captions are left out");
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn photos_of_the_other_year_have_the_same_number() {
        let of_2017 = other_year("val2014/COCO_val2014_000000000042.jpg");
        assert!(of_2017.contains(&"train2017/000000000042.jpg".to_owned()), "{of_2017:?}");
        let of_2014 = other_year("000000000042.jpg");
        assert!(
            of_2014.contains(&"val2014/COCO_val2014_000000000042.jpg".to_owned()),
            "{of_2014:?}"
        );
        for other in
            ["42.jpg", "x000000000042.jpg", "COCO_val2014_00000000004x.jpg", "é00000000042.jpg"]
        {
            assert_eq!(other_year(other), [""; 0], "{other}");
        }
    }
}
