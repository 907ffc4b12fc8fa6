//! Members of tar files as samples: files whose names agree up to the first dot.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use crate::custom::split_names::word_in;
use crate::error::DataError;
use crate::formats::archive::Archive;
use crate::item::Records;
use crate::listing::is_image;
use crate::names::named;
use crate::reader::Listing;
use crate::text::text;

/// Most classes and shards that numbers in files may ask for.
pub(super) const LIMIT: u32 = 1 << 20;
/// What a shard is called, with the plain one first.
const ENDINGS: [&str; 3] = [".tar", ".tar.gz", ".tgz"];
/// Endings of files that say what a sample is.
const FIELDS: [&str; 4] = ["cls", "npy", "txt", "json"];

/// One sample: its image and what is said of it, by positions in its archive.
#[derive(Debug)]
pub(super) struct Sample {
    /// `shard/key`, unique.
    pub(super) name: String,
    /// Position of its archive.
    pub(super) shard: usize,
    /// Ending and position of each file that is named `KEY.ENDING`.
    files: Vec<(String, usize)>,
    /// Endings of other files under its key, and where links lead that lead nowhere.
    others: Vec<String>,
}

impl Sample {
    /// Its file of an ending.
    pub(super) fn file(&self, ending: &str) -> Option<usize> {
        self.files.iter().find(|(known, _)| known == ending).map(|(_, position)| *position)
    }

    /// Its picture.
    ///
    /// # Errors
    /// It has none, or several: why it cannot be scored.
    pub(super) fn picture(&self) -> Result<Option<usize>, String> {
        let pictures = self.files.iter().filter(|(ending, _)| is_image(&format!("x.{ending}")));
        let pictures: Vec<&(String, usize)> = pictures.collect();
        match pictures[..] {
            [] => Ok(None),
            [(_, position)] => Ok(Some(*position)),
            _ => {
                let endings: Vec<String> =
                    pictures.iter().map(|(ending, _)| ending.clone()).collect();
                Err(format!(
                    "has several pictures ({}): keep the one that is meant",
                    named(&endings)
                ))
            }
        }
    }

    /// Why it has no picture.
    pub(super) fn what_it_lacks(&self) -> String {
        match self.others.is_empty() {
            true => "has no picture".to_owned(),
            false => format!(
                "has no picture under its key, which ends at the first dot; it has {}",
                named(&self.others)
            ),
        }
    }
}

/// Which dot of a file's name ends the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dot {
    /// WebDataset's rule.
    First,
    /// For names such as `img.000.jpg`, which that rule makes one sample of.
    Last,
}

/// Images in tar files.
#[derive(Debug, Default)]
pub(super) struct Shards {
    pub(super) archives: Vec<Archive>,
    /// Name of the sample, position of its archive, position in that.
    pub(super) images: Vec<(String, usize, usize)>,
}

impl Shards {
    /// Opens all `paths` that are tars; those that are none, and what is behind a damage, are left
    /// out.
    ///
    /// # Errors
    /// None can be opened: the first one's.
    pub(super) fn open(paths: &[PathBuf], found: &mut Listing) -> Result<Shards, DataError> {
        let mut shards = Shards::default();
        let mut first = None;
        for path in paths {
            match Archive::open_whole_part(path) {
                Ok((archive, damage)) => {
                    if let Some(damage) = damage {
                        found.leave_out(shard_name(path), format!("the rest of it: {damage}"));
                    }
                    shards.archives.push(archive);
                }
                Err(error) => {
                    found.leave_out(shard_name(path), error.to_string());
                    first = first.or(Some(error));
                }
            }
        }
        match first {
            Some(error) if shards.archives.is_empty() => Err(error.into()),
            _ => Ok(shards),
        }
    }

    /// The samples of all archives, in the order they lie in.
    ///
    /// # Errors
    /// A file is there twice: which one counts is nobody's rule.
    pub(super) fn samples(&self, dot: Dot) -> Result<Vec<Sample>, DataError> {
        let mut samples = Vec::new();
        for (shard, archive) in self.archives.iter().enumerate() {
            samples_of(archive, shard, dot, &mut samples)?;
        }
        Ok(samples)
    }

    pub(super) fn read(&self, sample: &Sample, position: usize) -> Result<Vec<u8>, DataError> {
        let archive = self.archives.get(sample.shard);
        archive
            .ok_or_else(|| DataError::malformed("shards", "there is no such shard"))?
            .bytes(position)
    }
}

fn samples_of(
    archive: &Archive,
    shard: usize,
    dot: Dot,
    samples: &mut Vec<Sample>,
) -> Result<(), DataError> {
    let name = shard_name(archive.path());
    let mut places: HashMap<String, usize> = HashMap::new();
    let files = archive.names().enumerate().map(|(position, name)| (name, Ok(position)));
    let links = archive.dangling().map(|(name, target)| (name, Err(target)));
    for (file, position) in files.chain(links) {
        let Some((key, ending)) = key_and_ending(file, dot) else { continue };
        let place = *places.entry(key.to_owned()).or_insert(samples.len());
        if place == samples.len() {
            let name = format!("{name}/{key}");
            samples.push(Sample { name, shard, files: Vec::new(), others: Vec::new() });
        }
        let Some(sample) = samples.get_mut(place) else { continue };
        let ending = ending.to_lowercase();
        match position {
            Ok(_) if sample.file(&ending).is_some() => {
                return Err(DataError::malformed(
                    archive.path(),
                    format!("holds `{file}` twice: which one counts?"),
                ));
            }
            Ok(position) if FIELDS.contains(&&*ending) || is_picture_ending(&ending) => {
                sample.files.push((ending, position));
            }
            Ok(_) => sample.others.push(ending),
            Err(target) => {
                sample.others.push(format!("a link to {target}, which is not in the archive"));
            }
        }
    }
    Ok(())
}

/// An ending of pictures alone: `mask.png` is another file's.
pub fn is_picture_ending(ending: &str) -> bool {
    !ending.contains('.') && is_image(&format!("x.{ending}"))
}

/// `folder/0001.txt.gz`: key `folder/0001`, ending `txt.gz` by the first dot of the file's name.
/// None for files that a system put there.
pub fn key_and_ending(name: &str, dot: Dot) -> Option<(&str, &str)> {
    if name.split('/').any(|part| clip_files::is_system_name(OsStr::new(part))) {
        return None;
    }
    let start = name.rfind('/').map_or(0, |slash| slash.saturating_add(1));
    let file = name.get(start..)?;
    let dot = match dot {
        Dot::First => file.find('.')?,
        Dot::Last => file.rfind('.')?,
    };
    let dot = dot.saturating_add(start);
    Some((name.get(..dot)?, name.get(dot.saturating_add(1)..)?))
}

/// A shard's file name without its ending.
pub fn shard_name(path: &Path) -> String {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    ENDINGS.iter().find_map(|ending| name.strip_suffix(ending)).unwrap_or(&name).to_owned()
}

/// Tars in `folder`, by number and name.
///
/// # Errors
/// It cannot be read.
pub fn tars_in(folder: &Path) -> Result<Vec<PathBuf>, DataError> {
    let entries = clip_files::entries(folder).map_err(DataError::read(folder))?;
    let is_tar =
        |name: &OsStr| ENDINGS.iter().any(|ending| name.to_string_lossy().ends_with(ending));
    let tars = entries.into_iter().filter(|entry| !entry.is_folder && is_tar(&entry.name));
    let mut tars: Vec<PathBuf> = tars.map(|entry| folder.join(entry.name)).collect();
    tars.sort_by_cached_key(|path| (shard_name(path).parse::<u64>().ok(), path.clone()));
    Ok(tars)
}

/// The shards of a folder: as many as `nshards.txt` says, else every tar there is.
pub(super) fn shards_in(folder: &Path, found: &mut Listing) -> Result<Vec<PathBuf>, DataError> {
    let tars = tars_in(folder)?;
    let counted = folder.join("nshards.txt");
    if !counted.is_file() {
        return Ok(tars);
    }
    let count = text(&counted)?.trim().parse::<u32>().ok().filter(|count| *count <= LIMIT);
    let count = count.ok_or_else(|| DataError::malformed(&counted, "is not a number of shards"))?;
    let mut there = Vec::new();
    for shard in 0..count {
        let names = ENDINGS.iter().map(|ending| folder.join(format!("{shard}{ending}")));
        match names.into_iter().find(|path| path.is_file()) {
            Some(path) => there.push(path),
            None => found.missing.push(format!("{shard}.tar")),
        }
    }
    for beyond in tars.iter().filter(|path| !there.contains(path)) {
        found.leave_out(
            shard_name(beyond) + ".tar",
            format!("nshards.txt counts {count} shards, from 0.tar"),
        );
    }
    Ok(there)
}

/// Of shards side by side the split that each one's name says; none unless all say one.
pub(super) fn splits_of_names(tars: &[PathBuf]) -> Option<Vec<String>> {
    tars.iter().map(|path| Some(word_in(&shard_name(path))?.1)).collect()
}

impl Records for Shards {
    fn name(&self, index: usize) -> String {
        self.images.get(index).map(|(name, ..)| name.clone()).unwrap_or_default()
    }

    fn bytes(&self, index: usize) -> Result<Vec<u8>, DataError> {
        let image = self.images.get(index);
        let found =
            image.and_then(|(_, shard, member)| Some((self.archives.get(*shard)?, *member)));
        let (archive, member) = found
            .ok_or_else(|| DataError::malformed("shards", format!("there is no record {index}")))?;
        archive.bytes(member)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_dot_of_the_name_divides_key_and_ending() {
        let of = |name| key_and_ending(name, Dot::First);
        assert_eq!(of("compressed/0001.txt.gz"), Some(("compressed/0001", "txt.gz")));
        assert_eq!(of("a.b/7.cls"), Some(("a.b/7", "cls")));
        assert_eq!(of("compressed/"), None);
        assert_eq!(of("__MACOSX/7.jpg"), None);
        assert_eq!(of("._7.jpg"), None);
        assert_eq!(key_and_ending("img.000.jpg", Dot::Last), Some(("img.000", "jpg")));
    }

    #[test]
    fn shards_are_called_by_all_of_their_names() {
        for (path, name) in
            [("x/val.00.tar", "val.00"), ("val.01.tar.gz", "val.01"), ("3.tgz", "3")]
        {
            assert_eq!(shard_name(Path::new(path)), name);
        }
    }
}
