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
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::datasets::folders::is_image;
use crate::error::DataError;
use crate::item::Records;

/// Longest member that is not an image, and longest image: labels and captions are short.
const TEXT_LIMIT: u64 = 16 << 20;
const IMAGE_LIMIT: u64 = 512 << 20;

/// Longest shard that is unpacked into memory because it is compressed.
const UNPACKED_LIMIT: u64 = 1 << 30;

/// Where the bytes of a shard are.
#[derive(Debug, Clone)]
enum Bytes {
    File(PathBuf),
    Unpacked(Arc<[u8]>),
}

/// A member of a shard.
#[derive(Debug, Clone)]
struct Member {
    shard: usize,
    offset: u64,
    length: u64,
}

/// One sample: its image and what is said of it.
#[derive(Debug)]
pub(super) struct Sample {
    /// `shard/key`, unique.
    pub(super) name: String,
    image: Option<Member>,
    /// Ending and bytes of the other members: `cls`, `txt`, `npy`.
    pub(super) labels: Vec<(String, Vec<u8>)>,
}

/// Images in tar files.
#[derive(Debug)]
pub(super) struct Shards {
    shards: Vec<Bytes>,
    images: Vec<(String, Member)>,
}

impl Shards {
    /// Lists the samples of all `paths` that have an image, in the order of the files; the counts of those that have none.
    pub(super) fn index(paths: &[PathBuf]) -> Result<(Shards, Vec<Sample>, usize), DataError> {
        let (mut shards, mut samples) = (Vec::new(), Vec::new());
        for path in paths {
            let bytes = open(path)?;
            let stem = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            let stem = stem.split('.').next().unwrap_or_default();
            match &bytes {
                Bytes::File(path) => {
                    let file = File::open(path).map_err(DataError::read(path))?;
                    members(file, path, shards.len(), stem, &mut samples)?;
                }
                Bytes::Unpacked(all) => {
                    members(std::io::Cursor::new(&all[..]), path, shards.len(), stem, &mut samples)?;
                }
            }
            shards.push(bytes);
        }
        let all = samples.len();
        samples.retain(|sample| sample.image.is_some());
        let without = all.saturating_sub(samples.len());
        let image = |sample: &mut Sample| Some((sample.name.clone(), sample.image.take()?));
        let images = samples.iter_mut().filter_map(image).collect();
        Ok((Shards { shards, images }, samples, without))
    }
}

/// A compressed shard is unpacked whole: members cannot be reached in it otherwise.
fn open(path: &Path) -> Result<Bytes, DataError> {
    let name = path.to_string_lossy();
    if !(name.ends_with(".gz") || name.ends_with(".tgz")) {
        return Ok(Bytes::File(path.to_owned()));
    }
    let file = File::open(path).map_err(DataError::read(path))?;
    let mut bytes = Vec::new();
    let unpacked = flate2::read::MultiGzDecoder::new(file);
    unpacked.take(UNPACKED_LIMIT.saturating_add(1)).read_to_end(&mut bytes).map_err(DataError::read(path))?;
    if bytes.len() as u64 > UNPACKED_LIMIT {
        let reason = format!("longer than {UNPACKED_LIMIT} bytes unpacked: unpack it to a .tar");
        return Err(DataError::malformed(path, reason));
    }
    Ok(Bytes::Unpacked(bytes.into()))
}

fn members(
    tar: impl Read + Seek,
    path: &Path,
    shard: usize,
    stem: &str,
    samples: &mut Vec<Sample>,
) -> Result<(), DataError> {
    let mut known: HashMap<String, usize> = HashMap::new();
    let mut archive = tar::Archive::new(tar);
    for entry in archive.entries_with_seek().map_err(DataError::read(path))? {
        let mut entry = entry.map_err(DataError::read(path))?;
        if !entry.header().entry_type().is_file() {
            continue;
        }
        let name = entry.path().map_err(DataError::read(path))?.to_string_lossy().into_owned();
        let Some((key, ending)) = key_and_ending(&name) else { continue };
        let place = *known.entry(key.to_owned()).or_insert(samples.len());
        if place == samples.len() {
            samples.push(Sample { name: format!("{stem}/{key}"), image: None, labels: Vec::new() });
        }
        let Some(sample) = samples.get_mut(place) else { continue };
        let (offset, length) = (entry.raw_file_position(), entry.size());
        let limit = if is_image(&name) { IMAGE_LIMIT } else { TEXT_LIMIT };
        if length > limit {
            return Err(DataError::malformed(path, format!("{name} claims {length} bytes, limit {limit}")));
        }
        if is_image(&name) {
            sample.image = Some(Member { shard, offset, length });
        } else if let "cls" | "txt" | "npy" = ending {
            let mut bytes = Vec::new();
            entry.read_to_end(&mut bytes).map_err(DataError::read(path))?;
            sample.labels.push((ending.to_owned(), bytes));
        }
    }
    Ok(())
}

/// `folder/0001.txt.gz`: key `folder/0001`, ending `txt.gz`; the first dot of the file's name divides them.
fn key_and_ending(name: &str) -> Option<(&str, &str)> {
    let start = name.rfind('/').map_or(0, |slash| slash.saturating_add(1));
    let dot = name.get(start..)?.find('.')?.saturating_add(start);
    Some((name.get(..dot)?, name.get(dot.saturating_add(1)..)?))
}

impl Records for Shards {
    fn name(&self, index: usize) -> String {
        self.images.get(index).map(|(name, _)| name.clone()).unwrap_or_default()
    }

    fn bytes(&self, index: usize) -> Result<Vec<u8>, DataError> {
        let missing = || DataError::malformed("shards", format!("there is no record {index}"));
        let (_, member) = self.images.get(index).ok_or_else(missing)?;
        match self.shards.get(member.shard).ok_or_else(missing)? {
            Bytes::Unpacked(all) => {
                let start = usize::try_from(member.offset).ok();
                let end = usize::try_from(member.offset.saturating_add(member.length)).ok();
                let bytes = start.zip(end).and_then(|(start, end)| all.get(start..end));
                bytes.map(<[u8]>::to_vec).ok_or_else(missing)
            }
            Bytes::File(path) => {
                let mut file = File::open(path).map_err(DataError::read(path))?;
                file.seek(SeekFrom::Start(member.offset)).map_err(DataError::read(path))?;
                let mut bytes = Vec::new();
                file.take(member.length).read_to_end(&mut bytes).map_err(DataError::read(path))?;
                Ok(bytes)
            }
        }
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
