//! CLEVR Counts: how many objects a scene has. PROTOCOL_EVAL 6.1.
//!
//! The paper draws 2,000 images for training and 500 for the test; which is not known. Ours are the
//! first of a seeded permutation of the train scenes and of the val scenes, in the order of their
//! names; `val-all` is the whole of val, as VTAB scores it. The prompts' list is sorted as text,
//! "10" first, so a count is looked up and never computed.

use std::collections::HashSet;
use std::io::BufReader;
use std::path::PathBuf;

use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::error::DataError;
use crate::item::Target;
use crate::listing::chosen;
use crate::random::Seeded;
use crate::reader::{Listing, Source};
use crate::text;

const SEED: u64 = 0;

#[derive(Deserialize)]
struct Scenes {
    scenes: Vec<Scene>,
}

#[derive(Deserialize)]
struct Scene {
    image_filename: String,
    objects: Vec<IgnoredAny>,
}

pub(super) fn read(source: &Source<'_>) -> Result<Listing, DataError> {
    let (part, count) = match source.split {
        "train" => ("train", 2000),
        "test" => ("val", 500),
        _ => ("val", usize::MAX),
    };
    if let Some(list) = &source.options.split_file {
        return chosen(all(source)?, list, source.split);
    }
    let mut found = source.listing();
    let mut scenes = scenes(source, part)?;
    if count < usize::MAX {
        let all = scenes.len();
        scenes = drawn(source, scenes, count);
        found.notes.push(format!(
            "{} of {all} scenes drawn by the project's generator, seed {SEED}",
            scenes.len()
        ));
    }
    enter(&mut found, source, part, &scenes)?;
    Ok(found)
}

/// Both parts, as far as they are there: a list of another's draw names images of both.
fn all(source: &Source<'_>) -> Result<Listing, DataError> {
    let mut found = source.listing();
    for part in ["train", "val"].into_iter().filter(|part| list(source, part).is_file()) {
        enter(&mut found, source, part, &scenes(source, part)?)?;
    }
    Ok(found)
}

fn list(source: &Source<'_>, part: &str) -> PathBuf {
    source.path(&format!("scenes/CLEVR_{part}_scenes.json"))
}

/// The scenes of a part, by the names of their images.
fn scenes(source: &Source<'_>, part: &str) -> Result<Vec<Scene>, DataError> {
    let path = list(source, part);
    let file = clip_files::open(&path, text::LIMIT).map_err(DataError::read(&path))?;
    let scenes: Scenes = serde_json::from_reader(BufReader::new(file))
        .map_err(|error| DataError::malformed(&path, error.to_string()))?;
    let mut scenes = scenes.scenes;
    scenes.sort_by(|a, b| a.image_filename.cmp(&b.image_filename));
    Ok(scenes)
}

fn enter(
    found: &mut Listing,
    source: &Source<'_>,
    part: &str,
    scenes: &[Scene],
) -> Result<(), DataError> {
    let classes = source.prompts.classes()?;
    let (path, images) = (list(source, part), source.place(&format!("images/{part}")));
    for scene in scenes {
        let class = classes.position(&scene.objects.len().to_string(), &path)?;
        found.file(format!("{images}/{}", scene.image_filename), Target::Class(class))?;
    }
    Ok(())
}

/// The first `count` of a permutation, in their own order.
fn drawn(source: &Source<'_>, scenes: Vec<Scene>, count: usize) -> Vec<Scene> {
    let mut random = Seeded::named(SEED, &format!("{}/{}", source.dataset.id, source.split));
    let chosen: HashSet<usize> = random.sample(scenes.len(), count).into_iter().collect();
    scenes
        .into_iter()
        .enumerate()
        .filter(|(position, _)| chosen.contains(position))
        .map(|(_, scene)| scene)
        .collect()
}
