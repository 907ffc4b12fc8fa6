//! WebDataset shards: tar files whose members of one key are a pair.
//!
//! The headers and texts of all shards are read once, several shards at a time. Afterwards a pair
//! is two or three reads at places that are known, wherever it lies.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use clip_data::webdataset::{Dot, captions_of_json, is_picture_ending, key_and_ending};
use clip_formats::FileBytes;
use clip_formats::archive::Archive;
use rayon::prelude::*;

use super::captions;
use super::open_files::OpenFiles;
use super::paths::Naming;
use super::source::{Found, Source, place};
use crate::data::error::DataError;
use crate::data::ledger::{BadSample, Reason, Unusable};
use crate::data::options::TextLines;

/// Bytes of a block of a tar: members begin at multiples.
const BLOCK: u64 = 512;

/// A member by its first block and its length; of no bytes where there is none.
#[derive(Debug, Clone, Copy, Default)]
struct Member {
    block: u32,
    bytes: u32,
}

impl Member {
    /// None beyond 2 TiB, or of more than 4 GiB.
    fn at((start, bytes): (u64, u64)) -> Option<Self> {
        let block = u32::try_from(start / BLOCK).ok()?;
        Some(Self { block, bytes: u32::try_from(bytes).ok()? })
    }
}

/// A pair of a shard.
#[derive(Debug, Clone, Copy)]
struct Entry {
    image: Member,
    text: Member,
    json: Member,
    /// Where its key ends among those of the shard.
    key_end: u32,
}

/// One tar file.
#[derive(Debug)]
struct Shard {
    path: PathBuf,
    name: String,
    entries: Vec<Entry>,
    /// All keys, one behind the other.
    keys: String,
}

impl Shard {
    fn key(&self, index: usize) -> Option<String> {
        let start = match index.checked_sub(1) {
            Some(before) => self.entries.get(before)?.key_end,
            None => 0,
        };
        let key = self.keys.get(start as usize..self.entries.get(index)?.key_end as usize)?;
        Some(format!("{}/{key}", self.name))
    }
}

/// All shards of a part.
#[derive(Debug)]
pub(super) struct Shards {
    shards: Vec<Shard>,
    /// How many pairs are in the shards before each.
    before: Vec<u64>,
    count: u64,
    open: OpenFiles<FileBytes>,
    lines: TextLines,
}

impl Shards {
    /// Lists the pairs of all shards, in the order they lie in.
    ///
    /// # Errors
    /// None: shards that cannot be read are among what was found.
    pub(super) fn open(
        paths: &[PathBuf],
        lines: TextLines,
        naming: Naming,
    ) -> Result<(Self, Found), DataError> {
        let listed: Vec<_> =
            paths.par_iter().map(|path| Listing::of(path, lines, naming)).collect();
        let mut found = Found::default();
        let mut all = Self {
            shards: Vec::new(),
            before: Vec::new(),
            count: 0,
            open: OpenFiles::default(),
            lines,
        };
        for listing in listed {
            found.join(listing.found);
            all.before.push(all.count);
            all.count += listing.shard.entries.len() as u64;
            all.shards.push(listing.shard);
        }
        Ok((all, found))
    }

    fn entry(&self, index: u64) -> Option<(usize, &Shard, usize)> {
        let (number, within) = place(&self.before, index)?;
        Some((number, self.shards.get(number)?, within))
    }

    fn read(&self, index: u64, of: fn(&Entry) -> Member) -> Result<Vec<u8>, Unusable> {
        let gone = || Unusable::new(Reason::DamagedFile, format!("there is no pair {index}"));
        let (number, shard, within) = self.entry(index).ok_or_else(gone)?;
        let member = of(shard.entries.get(within).ok_or_else(gone)?);
        let start = u64::from(member.block) * BLOCK;
        let read = self.open.read((number, &shard.path), start, member.bytes.into());
        read.map_err(|error| Unusable::new(Reason::UnreadableFile, error.to_string()))
    }
}

impl Source for Shards {
    fn len(&self) -> u64 {
        self.count
    }

    fn key(&self, index: u64) -> String {
        let key = self.entry(index).and_then(|(_, shard, within)| shard.key(within));
        key.unwrap_or_else(|| index.to_string())
    }

    fn image(&self, index: u64) -> Result<Vec<u8>, Unusable> {
        self.read(index, |entry| entry.image)
    }

    fn captions(&self, index: u64) -> Result<Vec<String>, Unusable> {
        let (text, json) =
            (self.read(index, |entry| entry.text)?, self.read(index, |entry| entry.json)?);
        captions::some(captions_of(&text, &json, self.lines)?)
    }

    fn memory(&self) -> usize {
        let of = |shard: &Shard| {
            size_of_val(shard)
                + shard.keys.capacity()
                + shard.entries.capacity() * size_of::<Entry>()
        };
        self.shards.iter().map(of).sum::<usize>() + self.before.capacity() * 8
    }
}

/// Those of the text, and those of the JSON that the text does not have.
fn captions_of(text: &[u8], json: &[u8], lines: TextLines) -> Result<Vec<String>, Unusable> {
    let mut all = captions::of_text(text, lines)?;
    if !json.is_empty() {
        let more =
            captions_of_json(json).map_err(|reason| Unusable::new(Reason::NotAText, reason))?;
        for caption in more {
            if !all.iter().any(|known| **known == *caption) {
                all.push(caption.into());
            }
        }
    }
    Ok(all)
}

/// What one tar holds.
struct Listing {
    shard: Shard,
    found: Found,
}

/// The members of one key.
#[derive(Default)]
struct Members {
    key: String,
    images: Vec<usize>,
    text: Option<usize>,
    json: Option<usize>,
    /// A file that is there twice.
    twice: Option<String>,
    others: Vec<String>,
}

impl Listing {
    fn of(path: &Path, lines: TextLines, naming: Naming) -> Self {
        let name = naming(path);
        let name = name.strip_suffix(".tar").unwrap_or(&name).to_owned();
        let shard = Shard { path: path.to_owned(), name, entries: Vec::new(), keys: String::new() };
        let mut listing = Self { shard, found: Found::default() };
        match Archive::open_whole_part(path) {
            Ok((archive, damage)) => {
                if let Some(damage) = damage {
                    listing.bad_shard(Reason::DamagedFile, format!("the rest of it: {damage}"));
                }
                listing.enter(&archive, lines);
            }
            Err(error) => {
                // No bytes, or the zeros that end a tar.
                let head = clip_files::head(path, BLOCK).unwrap_or_else(|_| vec![1]);
                let empty = head.iter().all(|byte| *byte == 0);
                let reason = if empty { Reason::EmptyFile } else { Reason::DamagedFile };
                listing.bad_shard(reason, error.to_string());
            }
        }
        listing.shard.entries.shrink_to_fit();
        listing.shard.keys.shrink_to_fit();
        listing
    }

    fn bad_shard(&mut self, reason: Reason, detail: String) {
        let key = self.shard.path.display().to_string();
        self.found.bad.push(BadSample { key, reason, detail });
    }

    fn enter(&mut self, archive: &Archive, lines: TextLines) {
        let all = members(archive);
        if all.is_empty() {
            self.bad_shard(Reason::EmptyFile, "holds no sample".to_owned());
        }
        for members in all {
            match entry(archive, &members, lines) {
                Ok((entry, captions)) => {
                    self.found.take(&captions);
                    self.shard.keys.push_str(&members.key);
                    let key_end = self.shard.keys.len() as u32;
                    self.shard.entries.push(Entry { key_end, ..entry });
                }
                Err(unusable) => {
                    let key = format!("{}/{}", self.shard.name, members.key);
                    self.found.bad.push(unusable.of(key));
                }
            }
        }
    }
}

/// The samples of a tar, in the order in which their keys come first.
fn members(archive: &Archive) -> Vec<Members> {
    let mut samples: Vec<Members> = Vec::new();
    let mut places: HashMap<&str, usize> = HashMap::new();
    for (position, file) in archive.names().enumerate() {
        let Some((key, ending)) = key_and_ending(file, Dot::First) else { continue };
        let place = *places.entry(key).or_insert(samples.len());
        if place == samples.len() {
            samples.push(Members { key: key.to_owned(), ..Members::default() });
        }
        let Some(sample) = samples.get_mut(place) else { continue };
        match &*ending.to_lowercase() {
            "txt" if sample.text.replace(position).is_some() => {
                sample.twice = Some(file.to_owned());
            }
            "json" if sample.json.replace(position).is_some() => {
                sample.twice = Some(file.to_owned());
            }
            "txt" | "json" => {}
            ending if is_picture_ending(ending) => sample.images.push(position),
            _ => sample.others.push(ending.to_owned()),
        }
    }
    samples
}

/// A pair and its captions, or why it is none.
fn entry(
    archive: &Archive,
    members: &Members,
    lines: TextLines,
) -> Result<(Entry, Vec<String>), Unusable> {
    let image = match members.images[..] {
        [image] => image,
        [] if members.others.is_empty() => {
            return Err(Unusable::new(Reason::NoImage, "has no image"));
        }
        [] => {
            let others = members.others.join(", ");
            return Err(Unusable::new(Reason::NoImage, format!("has no image; it has {others}")));
        }
        _ => return Err(Unusable::new(Reason::Ambiguous, "has several images: which one counts?")),
    };
    if let Some(twice) = &members.twice {
        let detail = format!("{twice} is there twice: which one counts?");
        return Err(Unusable::new(Reason::Ambiguous, detail));
    }
    let read = |member: Option<usize>| match member {
        Some(position) => archive
            .read(position)
            .map_err(|error| Unusable::new(Reason::UnreadableFile, error.to_string())),
        None => Ok(Vec::new()),
    };
    let (text, json) = (read(members.text)?, read(members.json)?);
    let of_text = captions_of(&text, &[], lines)?;
    let all = captions_of(&text, &json, lines)?;
    // JSON that says no more than the text is not read again.
    let json = members.json.filter(|_| all.len() > of_text.len());
    let nothing_said =
        if members.text.is_none() { Reason::NoCaption } else { Reason::EmptyCaption };
    if all.is_empty() {
        let detail = match nothing_said {
            Reason::NoCaption => "has no caption: a .txt, or a .json with `caption`",
            _ => "its caption is empty",
        };
        return Err(Unusable::new(nothing_said, detail));
    }
    let lies = |member: Option<usize>| match member {
        None => Ok(Member::default()),
        Some(position) => archive.place(position).and_then(Member::at).ok_or_else(|| {
            let detail = "lies in a packed tar, or behind 2 TiB: unpack it with `gunzip`";
            Unusable::new(Reason::DamagedFile, detail)
        }),
    };
    let entry = Entry {
        image: lies(Some(image))?,
        text: lies(members.text)?,
        json: lies(json)?,
        key_end: 0,
    };
    Ok((entry, all))
}
