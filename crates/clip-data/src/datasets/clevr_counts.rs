//! CLEVR Counts: how many objects a scene has. PROTOCOL_EVAL 6.1.
//!
//! The paper draws 2,000 images for training and 500 for the test; which is not known. Ours are the first of a seeded
//! permutation of the train scenes and of the val scenes, in the order of their names; `val-all` is the whole of val,
//! as VTAB scores it. The prompts' list is sorted as text, "10" first, so a count is looked up and never computed.
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

use std::collections::HashSet;
use std::io::BufReader;

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::{Found, Source, lists};
use crate::error::DataError;
use crate::item::Target;
use crate::random::Seeded;

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

pub(super) fn read(source: &Source<'_>) -> Result<Found, DataError> {
    let (part, count) = match source.split {
        "train" => ("train", Some(2000)),
        "test" => ("val", Some(500)),
        _ => ("val", None),
    };
    let path = source.folder.join(format!("scenes/CLEVR_{part}_scenes.json"));
    let file = clip_files::open(&path, lists::LIMIT).map_err(DataError::read(&path))?;
    let scenes: Scenes = serde_json::from_reader(BufReader::new(file))
        .map_err(|error| DataError::malformed(&path, error.to_string()))?;
    let mut scenes = scenes.scenes;
    scenes.sort_by(|a, b| a.image_filename.cmp(&b.image_filename));
    let classes = source.prompts.classes()?;
    let (all, mut found) = (scenes.len(), Found::default());
    if let (None, Some(count)) = (&source.options.split_file, count) {
        scenes = drawn(source, scenes, count);
        found
            .notes
            .push(format!("{} of {all} scenes drawn by the project's generator, seed {SEED}", scenes.len()));
    }
    for scene in &scenes {
        let class = classes.position(&scene.objects.len().to_string(), &path)?;
        let image = format!("images/{part}/{}", scene.image_filename);
        found.file(source.folder, image, Target::Class(class))?;
    }
    match (&source.options.split_file, count) {
        (Some(list), Some(_)) => lists::chosen(found, list, source.split),
        _ => Ok(found),
    }
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
