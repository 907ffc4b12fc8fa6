//! UCF101: lists of three splits; the middle frame stands for a clip. PROTOCOL_EVAL 6.1, 7.7.
//!
//! Lines of the test lists have no class: it is the folder. Files of the folder `HandstandPushups`
//! are called `v_HandStandPushups_*`, so the class is never taken from the file's name.

use std::collections::HashMap;
use std::path::Path;

use crate::error::DataError;
use crate::item::Target;
use crate::listing::{at, entries, folder_and_file, folders_in, id_and_name};
use crate::names::{comparable, joined};
use crate::prompts::Classes;
use crate::reader::{Listing, Source};
use crate::text::text;

/// Where the authors keep the class folders.
const CLIPS: &str = "UCF-101";

/// Where copies keep them, for splits of their own that do not count.
const PARTS: [&str; 3] = ["train", "val", "test"];

pub(super) fn read(source: &Source<'_>) -> Result<Listing, DataError> {
    let (part, number) = source.split.split_once('-').unwrap_or((source.split, "1"));
    let classes = source.prompts.classes()?;
    check_classes(&classes, &source.path("ucfTrainTestlist/classInd.txt"))?;
    let path = source.path(&format!("ucfTrainTestlist/{part}list0{number}.txt"));
    let mut found = source.listing();
    let folders = class_folders(source, &mut found)?;
    let mut respelt = false;
    for (number, line) in entries(&text(&path)?) {
        let file = line.split_ascii_whitespace().next().unwrap_or_default();
        let (class, name) = folder_and_file(file).map_err(at(&path, number))?;
        let target = Target::Class(classes.position(class, &path)?);
        let places = folders.get(&comparable(class)).map(Vec::as_slice).unwrap_or_default();
        respelt |= places.iter().any(|place| !place.ends_with(&format!("/{class}")));
        match places.iter().find_map(|place| clip_in(source.folder, place, name)) {
            Some(clip) if clip.ends_with(".jpg") => found.file(clip, target)?,
            Some(clip) => found.clip(clip, None, target)?,
            None => found.missing.push(format!("UCF-101/{file}")),
        }
    }
    if respelt {
        found.notes.push("layout of a copy: class folders joined by letters and digits".to_owned());
    }
    Ok(found)
}

/// Class folders by letters and digits: copies write `HandStandPushups`, and `Apply_Eye_Makeup`.
fn class_folders(
    source: &Source<'_>,
    found: &mut Listing,
) -> Result<HashMap<String, Vec<String>>, DataError> {
    let mut folders: HashMap<String, Vec<String>> = HashMap::new();
    let parts: Vec<&str> =
        PARTS.into_iter().filter(|part| source.folder.join(part).is_dir()).collect();
    let whole = Some(source.place(CLIPS)).filter(|place| source.folder.join(place).is_dir());
    for place in whole.iter().map(String::as_str).chain(parts.iter().copied()) {
        for name in folders_in(&source.folder.join(place))? {
            folders.entry(comparable(&name)).or_default().push(joined(place, &name));
        }
    }
    if !parts.is_empty() {
        found.notes.push(format!("layout of a copy: clips in {}", parts.join(", ")));
    }
    Ok(folders)
}

/// The clip in one of its folders: a video, a folder of its frames, or its middle frame alone.
fn clip_in(root: &Path, folder: &str, name: &str) -> Option<String> {
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    let middle = format!("{folder}/{stem}.jpg");
    let clip = format!("{folder}/{name}");
    let is_there = root.join(&clip).exists() || root.join(format!("{folder}/{stem}")).is_dir();
    if is_there { Some(clip) } else { Some(middle).filter(|path| root.join(path).is_file()) }
}

/// `1 ApplyEyeMakeup`: every class of the data set is one of ours. Its number is not our position:
/// the prompts have HammerThrow before Hammering and JumpRope before JumpingJack.
fn check_classes(classes: &Classes<'_>, path: &Path) -> Result<(), DataError> {
    for (line_number, line) in entries(&text(path)?) {
        let (_, name) = id_and_name(line).map_err(at(path, line_number))?;
        classes.position(name, path)?;
    }
    Ok(())
}
