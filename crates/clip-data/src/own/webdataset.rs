//! Shards in CLIP_benchmark's layout. PROTOCOL_EVAL 6.0.

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

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::npy::presences;
use super::shards::{Sample, Shards};
use super::{Own, SPLITS, choose};
use crate::catalogue::Task;
use crate::datasets::Found;
use crate::datasets::folders::folders_in;
use crate::datasets::lists::{entries, text};
use crate::error::DataError;
use crate::item::{Item, Media, Target};
use crate::split::{ReadOptions, Split};

/// Most classes and shards that numbers in files may ask for.
const LIMIT: u32 = 1 << 20;

pub(super) fn read(path: &Path, split: Option<&str>, options: &ReadOptions) -> Result<Split, DataError> {
    let alone = path.is_file();
    let folder = if alone { path.parent().unwrap_or(Path::new("")) } else { path };
    let mut splits = vec!["all".to_owned()];
    if !alone {
        splits = folders_in(path)?.into_iter().filter(|name| SPLITS.contains(&name.as_str())).collect();
    }
    let split = choose(path, &splits, split)?;
    let mut found = Found::default();
    let shards = if alone { vec![path.to_owned()] } else { shards_of(path, &split, &mut found)? };
    let (shards, samples, without) = Shards::index(&shards)?;
    if without > 0 {
        found.notes.push(format!("{without} samples without an image are left out"));
    }
    let kind = folder.join("dataset_type.txt");
    let captioned = kind.is_file() && text(&kind)?.trim() == "retrieval";
    let records: Arc<dyn crate::item::Records> = Arc::new(shards);
    for (index, sample) in samples.iter().enumerate() {
        let target = target(sample, options)
            .map_err(|reason| DataError::malformed(path, format!("sample {}: {reason}", sample.name)))?;
        let media = Media::Record { records: Arc::clone(&records), index };
        found.items.push(Item { media, target });
    }
    let task = match found.items.first().map(|item| &item.target) {
        _ if captioned => Task::Retrieval,
        Some(Target::Captions(_)) => Task::Retrieval,
        Some(Target::Labels(_)) => Task::MultiLabel,
        _ => Task::Classification,
    };
    let labels = if task == Task::Retrieval { Vec::new() } else { labels(folder, &found)? };
    Own { path, folder, task, splits, split, labels, found }.split()
}

/// As many as `nshards.txt` says, else every tar there is, by number.
fn shards_of(path: &Path, split: &str, found: &mut Found) -> Result<Vec<PathBuf>, DataError> {
    let folder = path.join(split);
    let counted = folder.join("nshards.txt");
    if !counted.is_file() {
        let mut shards: Vec<PathBuf> = std::fs::read_dir(&folder)
            .map_err(DataError::read(&folder))?
            .filter_map(|entry| Some(entry.ok()?.path()))
            .filter(|path| path.extension().is_some_and(|ending| ending == "tar"))
            .collect();
        let number = |path: &PathBuf| path.file_stem()?.to_str()?.parse::<u64>().ok();
        shards.sort_by_key(|path| (number(path), path.clone()));
        return Ok(shards);
    }
    let count = text(&counted)?.trim().parse::<u32>().ok().filter(|count| *count <= LIMIT);
    let count = count.ok_or_else(|| DataError::malformed(&counted, "is not a number of shards"))?;
    let (there, absent): (Vec<_>, Vec<_>) =
        (0..count).map(|shard| format!("{split}/{shard}.tar")).partition(|name| path.join(name).is_file());
    found.absent.extend(absent);
    Ok(there.iter().map(|name| path.join(name)).collect())
}

/// `cls`: a class; `npy`: one entry per class; `txt`: captions, one a line.
fn target(sample: &Sample, options: &ReadOptions) -> Result<Target, String> {
    let of = |ending: &str| sample.labels.iter().find(|(known, _)| known == ending).map(|(_, bytes)| bytes);
    if let Some(class) = of("cls") {
        let number = std::str::from_utf8(class).ok().and_then(|text| text.trim().parse::<u32>().ok());
        return number.map(Target::Class).ok_or_else(|| "the cls is no number".to_owned());
    }
    if let Some(array) = of("npy") {
        return Ok(Target::Labels(presences(array)?.into()));
    }
    let Some(captions) = of("txt") else { return Ok(Target::Unknown) };
    let captions = std::str::from_utf8(captions).map_err(|_| "the txt is not UTF-8".to_owned())?;
    let most = options.captions.unwrap_or(usize::MAX);
    Ok(Target::Captions(
        captions.lines().filter(|line| !line.is_empty()).take(most).map(Into::into).collect(),
    ))
}

/// As many labels as `classnames.txt` has lines; without it as many as the shards use, called by their numbers.
fn labels(folder: &Path, found: &Found) -> Result<Vec<String>, DataError> {
    let names = folder.join("classnames.txt");
    let used = found.items.iter().map(|item| match &item.target {
        Target::Class(class) => class.saturating_add(1),
        Target::Labels(presences) => u32::try_from(presences.len()).unwrap_or(u32::MAX),
        _ => 0,
    });
    let used = used.max().unwrap_or(0);
    let listed = if names.is_file() { Some(entries(&text(&names)?).count()) } else { None };
    let count = listed.map_or(used, |count| u32::try_from(count).unwrap_or(u32::MAX));
    if used > count || count > LIMIT {
        let reason = format!("class {} is used, {count} are named, limit {LIMIT}", used.saturating_sub(1));
        return Err(DataError::malformed(names, reason));
    }
    Ok((0..count).map(|class| class.to_string()).collect())
}
