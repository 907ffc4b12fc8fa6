//! ImageNet (ILSVRC 2012): `{train,val}/WNID/*.JPEG`, or its validation images flat.
//! PROTOCOL_EVAL 6.1.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use crate::error::DataError;
use crate::formats::archive::Archive;
use crate::formats::matlab;
use crate::item::{Item, Media, Records, Target};
use crate::listing::{at, class_folders, entries, folders_in, images_in, table};
use crate::prompts::{Classes, imagenet_wnids};
use crate::reader::{Listing, Source};
use crate::text::text;

const TAR: &str = "ILSVRC2012_img_val.tar";

/// The truth of flat validation images, in the unpacked devkit.
const DEVKIT: &str = "ILSVRC2012_devkit_t12/data";

/// The same in Kaggle's edition.
const SOLUTION: &str = "LOC_val_solution.csv";

pub(crate) fn read(source: &Source<'_>) -> Result<Listing, DataError> {
    let inside = source.place(source.split);
    let images = source.folder.join(&inside);
    let folders = if images.is_dir() { folders_in(&images)? } else { Vec::new() };
    if folders.is_empty() && (source.split == "val" || images.is_dir()) {
        return flat(source, &inside);
    }
    if !folders.is_empty() && folders.iter().all(|name| name.parse::<u32>().is_ok()) {
        let reason = "its class folders are called by numbers, and nobody says in which order: call them by wnid";
        return Err(DataError::malformed(images, reason));
    }
    class_folders(source, &inside, &imagenet_wnids()?)
}

/// Images without class folders, `ILSVRC2012_val_00000001.JPEG`, unpacked or in their tar.
fn flat(source: &Source<'_>, inside: &str) -> Result<Listing, DataError> {
    let images = source.folder.join(inside);
    let tar = source.path(TAR);
    let mut found = source.listing();
    if tar.is_file() && !images.is_dir() {
        let truth = Truth::read(source)?;
        let archive = Archive::open(&tar)?;
        let mut members: Vec<(String, usize)> =
            archive.names().map(str::to_owned).zip(0..).collect();
        members.sort();
        let records: Arc<dyn Records> = Arc::new(archive);
        for (name, index) in members {
            let target = Target::Class(truth.class_of(&name, &tar)?);
            found.items.push(Item {
                media: Media::Record { records: Arc::clone(&records), index },
                target,
            });
        }
        return Ok(found);
    }
    let files = images_in(&mut found, inside)?;
    let wnids = imagenet_wnids()?;
    let classes = Classes::new("imagenet", &wnids)?;
    if files.iter().all(|path| wnid_of(path).is_some()) && !files.is_empty() {
        for path in files {
            let class = classes.position(wnid_of(&path).unwrap_or_default(), &images)?;
            found.items.push(Item::file(path, Target::Class(class)));
        }
        found
            .notes
            .push("layout of a copy: the names of the images end with their wnids".to_owned());
        return Ok(found);
    }
    let truth = Truth::read(source)?;
    for path in files {
        let class = truth.class_of(&path, &images)?;
        found.items.push(Item::file(path, Target::Class(class)));
    }
    found.notes.extend(truth.note());
    Ok(found)
}

/// The wnid in `ILSVRC2012_val_00000001_n01440764.JPEG`, as Hugging Face names the images.
fn wnid_of(path: &str) -> Option<&str> {
    let (stem, _) = path.rsplit('/').next()?.split_once('.')?;
    let (_, wnid) = stem.rsplit_once('_')?;
    let is_wnid =
        wnid.len() == 9 && wnid.strip_prefix('n')?.bytes().all(|byte| byte.is_ascii_digit());
    is_wnid.then_some(wnid)
}

/// Classes of the validation images.
enum Truth {
    /// By number, from 1.
    Lines(Vec<u32>),
    /// By name without ending.
    Solution(HashMap<String, u32>),
}

impl Truth {
    fn read(source: &Source<'_>) -> Result<Truth, DataError> {
        let solution = source.path(SOLUTION);
        let devkit = source.path(DEVKIT);
        if !devkit.is_dir() && solution.is_file() {
            return Truth::solution(&solution);
        }
        truth(&devkit).map(Truth::Lines)
    }

    /// `ILSVRC2012_val_00048981,n03995372 85 1 499 272 …`: the wnid, and a box of each object of
    /// it.
    fn solution(path: &Path) -> Result<Truth, DataError> {
        let wnids = imagenet_wnids()?;
        let classes = Classes::new("imagenet", &wnids)?;
        let mut truth = HashMap::new();
        for [image, objects] in table(path, b',', ["ImageId", "PredictionString"])? {
            let wnid = objects.split_whitespace().next().unwrap_or_default();
            truth.insert(image, classes.position(wnid, path)?);
        }
        Ok(Truth::Solution(truth))
    }

    /// The number in `ILSVRC2012_val_00000236.JPEG` is the line of the ground truth.
    fn class_of(&self, name: &str, path: &Path) -> Result<u32, DataError> {
        let stem =
            name.rsplit('/').next().and_then(|file| file.split('.').next()).unwrap_or_default();
        let number = stem.strip_prefix("ILSVRC2012_val_").and_then(|n| n.parse::<usize>().ok());
        let (class, count) = match self {
            Truth::Lines(lines) => {
                let class = number.and_then(|number| lines.get(number.checked_sub(1)?)).copied();
                (class, lines.len())
            }
            Truth::Solution(known) => (known.get(stem).copied(), known.len()),
        };
        class.ok_or_else(|| {
            let reason = format!("`{name}` is none of the {count} images of the ground truth");
            DataError::malformed(path, reason)
        })
    }

    fn note(&self) -> Option<String> {
        let is_copy = matches!(self, Truth::Solution(_));
        is_copy.then(|| format!("layout of a copy: classes by {SOLUTION}"))
    }
}

/// The class of each line: ILSVRC's own ids, in another order than the wnids, go through
/// `meta.mat`.
fn truth(devkit: &Path) -> Result<Vec<u32>, DataError> {
    let meta = devkit.join("meta.mat");
    if !meta.is_file() {
        let reason =
            "images that lie flat need the devkit: unpack ILSVRC2012_devkit_t12.tar.gz beside them";
        return Err(DataError::malformed(meta, reason));
    }
    let classes = classes_of_ids(&meta)?;
    let list = devkit.join("ILSVRC2012_validation_ground_truth.txt");
    let text = text(&list)?;
    let line = |(number, line): (usize, &str)| {
        let class =
            line.parse().ok().and_then(|id: u32| classes.iter().find(|(known, _)| *known == id));
        let unknown = || format!("id `{line}` is none of meta.mat's {} classes", classes.len());
        class.map(|(_, class)| *class).ok_or_else(|| at(&list, number)(unknown()))
    };
    entries(&text).map(line).collect()
}

/// `(ILSVRC2012_ID, class)` of the synsets that are classes; `meta.mat` lists their ancestors too.
fn classes_of_ids(meta: &Path) -> Result<Vec<(u32, u32)>, DataError> {
    let wnids = imagenet_wnids()?;
    let classes = Classes::new("imagenet", &wnids)?;
    let malformed = |reason: &str| DataError::malformed(meta, reason);
    let variables = matlab::read(meta, &["synsets"])?;
    let synsets = variables.get("synsets").and_then(matlab::Value::structs);
    let synsets = synsets.ok_or_else(|| malformed("`synsets` is no array of structs"))?;
    let mut found = Vec::new();
    for index in 0..synsets.len() {
        let id = synsets.field(index, "ILSVRC2012_ID").and_then(matlab::Value::integer);
        let wnid = synsets.field(index, "WNID").and_then(matlab::Value::text);
        let (id, wnid) =
            id.zip(wnid).ok_or_else(|| malformed("a synset has no ILSVRC2012_ID or WNID"))?;
        if let Ok(class) = classes.position(wnid, meta) {
            found.push((id, class));
        }
    }
    Ok(found)
}
