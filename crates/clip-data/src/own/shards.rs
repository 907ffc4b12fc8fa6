//! Members of tar files as samples: files whose names agree up to the first dot.

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
use std::path::PathBuf;

use crate::datasets::folders::is_image;
use crate::error::DataError;
use crate::formats::archive::Archive;
use crate::item::Records;

/// One sample: its image and what is said of it.
#[derive(Debug)]
pub(super) struct Sample {
    /// `shard/key`, unique.
    pub(super) name: String,
    /// Position of its image in its shard.
    image: Option<usize>,
    /// Ending and bytes of the other members: `cls`, `txt`, `npy`.
    pub(super) labels: Vec<(String, Vec<u8>)>,
}

/// Images in tar files.
#[derive(Debug)]
pub(super) struct Shards {
    archives: Vec<Archive>,
    /// Name of the sample, position of its archive, position in that.
    images: Vec<(String, usize, usize)>,
}

impl Shards {
    /// Lists the samples of all `paths` that have an image, in the order they lie in; and counts those that have none.
    pub(super) fn index(paths: &[PathBuf]) -> Result<(Shards, Vec<Sample>, usize), DataError> {
        let mut shards = Shards { archives: Vec::new(), images: Vec::new() };
        let (mut samples, mut without) = (Vec::new(), 0_usize);
        for path in paths {
            let archive = Archive::open(path)?;
            for sample in samples_of(&archive)? {
                let Some(image) = sample.image else {
                    without = without.saturating_add(1);
                    continue;
                };
                shards.images.push((sample.name.clone(), shards.archives.len(), image));
                samples.push(sample);
            }
            shards.archives.push(archive);
        }
        Ok((shards, samples, without))
    }
}

fn samples_of(archive: &Archive) -> Result<Vec<Sample>, DataError> {
    let shard = archive.path().file_name().map(|name| name.to_string_lossy().into_owned());
    let shard = shard.unwrap_or_default();
    let shard = shard.split('.').next().unwrap_or_default();
    let mut places: HashMap<&str, usize> = HashMap::new();
    let mut samples = Vec::new();
    for (index, name) in archive.names().enumerate() {
        let Some((key, ending)) = key_and_ending(name) else { continue };
        let place = *places.entry(key).or_insert(samples.len());
        if place == samples.len() {
            samples.push(Sample { name: format!("{shard}/{key}"), image: None, labels: Vec::new() });
        }
        let Some(sample) = samples.get_mut(place) else { continue };
        match ending {
            "cls" | "txt" | "npy" => sample.labels.push((ending.to_owned(), archive.read(index)?)),
            _ if is_image(name) => sample.image = Some(index),
            _ => {}
        }
    }
    Ok(samples)
}

/// `folder/0001.txt.gz`: key `folder/0001`, ending `txt.gz`; the first dot of the file's name divides them.
fn key_and_ending(name: &str) -> Option<(&str, &str)> {
    let start = name.rfind('/').map_or(0, |slash| slash.saturating_add(1));
    let dot = name.get(start..)?.find('.')?.saturating_add(start);
    Some((name.get(..dot)?, name.get(dot.saturating_add(1)..)?))
}

impl Records for Shards {
    fn name(&self, index: usize) -> String {
        self.images.get(index).map(|(name, ..)| name.clone()).unwrap_or_default()
    }

    fn bytes(&self, index: usize) -> Result<Vec<u8>, DataError> {
        let image = self.images.get(index);
        let found = image.and_then(|(_, shard, member)| Some((self.archives.get(*shard)?, *member)));
        let (archive, member) =
            found.ok_or_else(|| DataError::malformed("shards", format!("there is no record {index}")))?;
        archive.read(member)
    }
}

#[cfg(test)]
mod tests {
    use super::key_and_ending;

    #[test]
    fn first_dot_of_the_name_divides_key_and_ending() {
        assert_eq!(key_and_ending("compressed/0001.txt.gz"), Some(("compressed/0001", "txt.gz")));
        assert_eq!(key_and_ending("a.b/7.cls"), Some(("a.b/7", "cls")));
        assert_eq!(key_and_ending("compressed/"), None);
    }
}
