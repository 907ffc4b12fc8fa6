//! ImageNet-Vid-Robust and YTBB-Robust: anchor frames and what is within ten frames of them.
//! PROTOCOL_EVAL 6.2, 7.4.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde::Deserialize;

use crate::error::DataError;
use crate::item::Target;
use crate::listing::{folder_and_file, images_in};
use crate::prompts::PromptSet;
use crate::reader::{Listing, Source};
use crate::text::json;

/// Frames before and after an anchor that pm-10 looks at.
const NEAR: u64 = 10;

/// An anchor of ImageNet-Vid: its labels, the offsets of its neighbours, and their labels where
/// these differ.
#[derive(Deserialize)]
struct Anchor {
    labels: Vec<u32>,
    pm: Vec<i64>,
    #[serde(default)]
    pm_labels: BTreeMap<i64, Vec<u32>>,
}

/// `val/ILSVRC2015_val_00000000/000442.JPEG`; a neighbour is scored by its own labels.
pub(crate) fn imagenet_vid(source: &Source<'_>) -> Result<Listing, DataError> {
    let anchors: BTreeMap<String, Anchor> = anchors_of(&PromptSet::of("imagenet_vid_pmsets")?)?;
    let mut found = source.listing();
    for (path, anchor) in anchors {
        let neighbours = anchor.pm.iter().filter_map(|offset| {
            let labels = anchor.pm_labels.get(offset).unwrap_or(&anchor.labels);
            Some((frame_beside(&path, *offset)?, labels.clone()))
        });
        set(&mut found, &path, &anchor.labels, neighbours.collect())?;
    }
    Ok(found)
}

/// `<video>_<ms>/frame-<n>.jpg`; a neighbour is scored by its anchor's labels.
///
/// The reviewers' list of neighbours (`pmk_labels.json`) is not at hand: every frame within ten
/// that is there counts. `anchors.json` in the set's folder, in the form of
/// `assets/prompts/ytbb_anchors.json`, takes the place of our list; the published
/// `metadata/anchor_labels.json` says which of our anchors are meant.
pub(crate) fn ytbb(source: &Source<'_>) -> Result<Listing, DataError> {
    let own = source.folder.join("anchors.json");
    let reviewed = source.folder.join("metadata/anchor_labels.json");
    let (mut anchors, mut unknown) = (anchors_of(&PromptSet::of("ytbb_anchors")?)?, Vec::new());
    if own.is_file() {
        anchors = json::<Anchors<Vec<u32>>>(&own)?.anchors;
    } else if reviewed.is_file() {
        let listed = good_anchors(&reviewed, &anchors)?;
        unknown = listed.iter().filter(|key| !anchors.contains_key(*key)).cloned().collect();
        anchors.retain(|key, _| listed.contains(key));
    }
    let mut found = source.listing();
    for (path, labels) in anchors {
        let neighbours = frames_near(source.folder, &path)?;
        let neighbours = neighbours.into_iter().map(|frame| (frame, labels.clone())).collect();
        set(&mut found, &path, &labels, neighbours)?;
    }
    let only = found.items.is_empty();
    for path in unknown {
        without_class(&mut found, path, only)?;
    }
    found.notes.push(
        "every frame within ten of an anchor counts: the reviewed list is not at hand".to_owned(),
    );
    Ok(found)
}

/// An anchor whose class no list names cannot be scored: its frames are listed where there is
/// nothing else.
fn without_class(found: &mut Listing, path: String, only: bool) -> Result<(), DataError> {
    if !only {
        found.leave_out(path, "no list names the class of its video");
        return Ok(());
    }
    let neighbours = frames_near(&found.folder, &path)?;
    for frame in std::iter::once(path).chain(neighbours) {
        found.file(frame, Target::Unknown)?;
    }
    Ok(())
}

/// The form in which anchors were reviewed: marks, and classes that were added to that of the
/// video.
#[derive(Deserialize)]
struct Reviewed {
    #[serde(default)]
    annotations: Vec<Annotation>,
    #[serde(default)]
    labels: Vec<String>,
}

#[derive(Deserialize)]
struct Annotation {
    key: String,
    /// Positions in [`Reviewed::labels`].
    labels: Vec<usize>,
}

/// The anchors that are marked good, and neither bad nor unsure; those of `ours` where the file
/// lists none.
fn good_anchors(
    path: &Path,
    ours: &BTreeMap<String, Vec<u32>>,
) -> Result<BTreeSet<String>, DataError> {
    let reviewed: Reviewed = json(path)?;
    if reviewed.annotations.is_empty() {
        return Ok(ours.keys().cloned().collect());
    }
    let is_good = |annotation: &Annotation| {
        let has = |mark| {
            annotation
                .labels
                .iter()
                .any(|&label| reviewed.labels.get(label).is_some_and(|word| word == mark))
        };
        has("good") && !has("bad") && !has("unsure")
    };
    Ok(reviewed.annotations.into_iter().filter(is_good).map(|annotation| annotation.key).collect())
}

/// Adds an anchor and its neighbours; neighbours without their anchor are worth nothing.
fn set(
    found: &mut Listing,
    path: &str,
    labels: &[u32],
    neighbours: Vec<(String, Vec<u32>)>,
) -> Result<(), DataError> {
    let anchor = found.items.len();
    let frame = |labels: &[u32]| Target::Frame { labels: labels.into(), anchor };
    found.file(path.to_owned(), frame(labels))?;
    if found.items.len() == anchor {
        return Ok(());
    }
    for (path, labels) in neighbours {
        found.file(path, frame(&labels))?;
    }
    Ok(())
}

/// `…/000442.JPEG` and −2 make `…/000440.JPEG`.
fn frame_beside(path: &str, offset: i64) -> Option<String> {
    let (folder, file) = folder_and_file(path).ok()?;
    let (number, ending) = file.split_once('.')?;
    let number = number.parse::<u64>().ok()?.checked_add_signed(offset)?;
    Some(format!("{folder}/{number:06}.{ending}"))
}

/// Frames of the folder of `path` within ten of it, by number.
fn frames_near(root: &Path, path: &str) -> Result<Vec<String>, DataError> {
    let number_of =
        |file: &str| file.strip_prefix("frame-")?.split('.').next()?.parse::<u64>().ok();
    let near = |(folder, file): (&str, &str)| Some((folder.to_owned(), number_of(file)?));
    let Some((folder, anchor)) = folder_and_file(path).ok().and_then(near) else {
        return Ok(Vec::new());
    };
    if !root.join(&folder).is_dir() {
        return Ok(Vec::new());
    }
    let mut frames = Vec::new();
    for path in images_in(&mut Listing::below(root), &folder)? {
        let number = path.rsplit('/').next().and_then(number_of);
        frames.extend(
            number
                .filter(|number| *number != anchor && number.abs_diff(anchor) <= NEAR)
                .map(|n| (n, path)),
        );
    }
    frames.sort();
    Ok(frames.into_iter().map(|(_, path)| path).collect())
}

#[derive(Deserialize)]
struct Anchors<T> {
    anchors: BTreeMap<String, T>,
}

fn anchors_of<T: serde::de::DeserializeOwned>(
    prompts: &PromptSet,
) -> Result<BTreeMap<String, T>, DataError> {
    let anchors = Anchors::deserialize(&prompts.rest);
    let reason = |error: serde_json::Error| error.to_string();
    anchors
        .map(|found| found.anchors)
        .map_err(|error| DataError::Prompts { dataset: prompts.id.clone(), reason: reason(error) })
}
