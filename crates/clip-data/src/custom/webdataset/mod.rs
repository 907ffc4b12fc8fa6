//! Shards in CLIP_benchmark's layout (PROTOCOL_EVAL 6.0), or as img2dataset and others leave them.

mod npy;
mod sample;
mod shards;

use std::path::{Path, PathBuf};

pub use self::sample::captions_of_json;
use self::sample::{Kind, Said};
pub use self::shards::{Dot, is_picture_ending, key_and_ending, shard_name, tars_in};
use self::shards::{LIMIT, Sample, Shards, shards_in, splits_of_names};
use crate::catalogue::Task;
use crate::custom::class_names::{self, Named, classes_of};
use crate::custom::labels::{Labels, whole_number};
use crate::custom::split_names::{choose, role};
use crate::custom::user_dataset::{ALL, UserDataset};
use crate::error::DataError;
use crate::item::{Item, Records, Target};
use crate::listing::folders_in;
use crate::reader::{Listing, ReadOptions};
use crate::split::Split;
use crate::text::text;

/// Reads a split, or the scored one.
pub(crate) fn read(
    path: &Path,
    split: Option<&str>,
    options: &ReadOptions,
) -> Result<Split, DataError> {
    let folder = folder_of(path);
    let mut found = Listing::below(folder);
    let (splits, split, paths) = shards(path, split, &mut found)?;
    let mut shards = Shards::open(&paths, &mut found)?;
    let kind_file = folder.join("dataset_type.txt");
    let said = if kind_file.is_file() { Some(Kind::called(&text(&kind_file)?)) } else { None };
    let said = said.transpose().map_err(|reason| DataError::malformed(&kind_file, reason))?;
    let (samples, kind) = samples(&shards, said, options.task, &mut found)?;
    let mut saying = Vec::new();
    for sample in &samples {
        match usable(&shards, sample, kind).map_err(|error| at(path, sample, error))? {
            Ok((picture, said)) => {
                shards.images.push((sample.name.clone(), sample.shard, picture));
                saying.push(said);
            }
            Err(reason) => found.leave_out(&sample.name, reason),
        }
    }
    let classes = match kind {
        Kind::Captions => None,
        Kind::Classes => Some(classes(folder, &saying)?),
        Kind::Labels => Some(as_many_classes(folder, path, &shards, &saying)?),
    };
    let target = |(index, said)| {
        target(said, classes.as_ref(), options).map_err(|reason| {
            DataError::malformed(path, format!("sample {}: {reason}", shards.name(index)))
        })
    };
    let targets = saying.into_iter().enumerate().map(target).collect::<Result<Vec<_>, _>>()?;
    found.items = Item::of_records(shards, targets);
    let task = match kind {
        Kind::Classes => Task::Classification,
        Kind::Labels => Task::MultiLabel,
        Kind::Captions => Task::Retrieval,
    };
    UserDataset { path, task, splits, split, classes, listing: found }.split()
}

/// All splits, the one read, and its shards.
fn shards(
    path: &Path,
    split: Option<&str>,
    found: &mut Listing,
) -> Result<(Vec<String>, String, Vec<PathBuf>), DataError> {
    let all = || ALL.to_owned();
    if path.is_file() {
        let split = choose(path, &[all()], split)?;
        return Ok((vec![all()], split, vec![path.to_owned()]));
    }
    let mut splits = folders_in(path)?;
    splits.retain(|name| role(name).is_some());
    if splits.is_empty() {
        return shards_side_by_side(path, split, found);
    }
    let split = choose(path, &splits, split)?;
    let before = found.missing.len();
    let shards = shards_in(&path.join(&split), found)?;
    if shards.is_empty() && found.missing.len() == before {
        let reason = "holds no shards: their names end with .tar, .tar.gz or .tgz";
        return Err(DataError::malformed(path.join(&split), reason));
    }
    for absent in found.missing.iter_mut().skip(before) {
        *absent = format!("{split}/{absent}");
    }
    Ok((splits, split, shards))
}

/// [`shards`] of a folder without folders of splits: by the splits that their names say, if all do.
fn shards_side_by_side(
    folder: &Path,
    split: Option<&str>,
    found: &mut Listing,
) -> Result<(Vec<String>, String, Vec<PathBuf>), DataError> {
    let tars = tars_in(folder)?;
    if tars.is_empty() {
        let reason = "holds no shards (.tar, .tar.gz, .tgz): they lie in it, or in a folder for each split: test/0.tar";
        return Err(DataError::malformed(folder, reason));
    }
    let Some(words) = splits_of_names(&tars) else {
        let split = choose(folder, &[ALL.to_owned()], split)?;
        return Ok((vec![ALL.to_owned()], split, shards_in(folder, found)?));
    };
    let mut splits = words.clone();
    splits.sort();
    splits.dedup();
    let split = choose(folder, &splits, split)?;
    let of_split = tars.into_iter().zip(words).filter(|(_, word)| *word == split);
    let of_split = of_split.map(|(tar, _)| tar).collect();
    Ok((splits, split, of_split))
}

/// Where names and templates lie: beside the shards, or beside the folder of their split.
fn folder_of(path: &Path) -> &Path {
    if path.is_file() {
        return path.parent().unwrap_or(Path::new(""));
    }
    let is_split = path.file_name().is_some_and(|name| role(&name.to_string_lossy()).is_some());
    let has_names = path.join(class_names::FILE).is_file();
    match path.parent() {
        Some(parent) if is_split && !has_names && parent.join(class_names::FILE).is_file() => {
            parent
        }
        _ => path,
    }
}

/// The samples, and what they are asked for. A key ends at the first dot; at the last where no
/// sample has a picture and a label otherwise.
fn samples(
    shards: &Shards,
    said: Option<Kind>,
    wanted: Option<Task>,
    found: &mut Listing,
) -> Result<(Vec<Sample>, Kind), DataError> {
    let kind_of = |samples: &[Sample]| -> Result<Option<Kind>, DataError> {
        if said.is_some() {
            return Ok(said);
        }
        let json = samples.iter().find_map(|sample| Some((sample, sample.file("json")?)));
        let json = json.map(|(sample, position)| shards.read(sample, position)).transpose()?;
        let has = |ending: &str| samples.iter().any(|sample| sample.file(ending).is_some());
        Ok(Kind::of(has, json.as_deref(), wanted))
    };
    let whole = |samples: &[Sample], kind: Option<Kind>| {
        let says = |sample: &Sample| {
            kind.is_some_and(|kind| {
                kind.endings().iter().any(|ending| sample.file(ending).is_some())
            })
        };
        samples.iter().any(|sample| says(sample) && !matches!(sample.picture(), Ok(None)))
    };
    let first = shards.samples(Dot::First)?;
    let kind = kind_of(&first)?;
    if !whole(&first, kind) {
        // Endings alone can occur twice under another rule: then that is none.
        let last = shards.samples(Dot::Last).unwrap_or_default();
        let of_last = kind_of(&last)?;
        if let Some(kind) = of_last.filter(|_| whole(&last, of_last)) {
            found.notes.push(
                "keys hold dots: the last dot of a name ends its key, not the first".to_owned(),
            );
            return Ok((last, kind));
        }
    }
    Ok((first, kind.unwrap_or(Kind::Classes)))
}

/// The picture of a sample, and what the first of its files says that is there; or why it cannot be
/// scored.
///
/// # Errors
/// What is there cannot be read.
fn usable(
    shards: &Shards,
    sample: &Sample,
    kind: Kind,
) -> Result<Result<(usize, Said), String>, String> {
    let Some(picture) = sample.picture()? else { return Ok(Err(sample.what_it_lacks())) };
    let mut nothing = match kind {
        Kind::Captions => "has no caption (txt)",
        Kind::Classes => "has no label (cls)",
        Kind::Labels => "has no labels (npy)",
    }
    .to_owned();
    for ending in kind.endings() {
        let Some(position) = sample.file(ending) else { continue };
        let bytes = shards.read(sample, position).map_err(|error| error.to_string())?;
        match kind.said(ending, &bytes)? {
            Said::Nothing(reason) => nothing = reason,
            said => return Ok(Ok((picture, said))),
        }
    }
    Ok(Err(nothing))
}

/// Numbers are positions among the names; without names there are as many classes as the numbers
/// need. Other labels are joined with the names by what they say.
fn classes(folder: &Path, saying: &[Said]) -> Result<Named, DataError> {
    let labels = || {
        saying.iter().filter_map(|said| match said {
            Said::Class(label) => Some(label.as_str()),
            _ => None,
        })
    };
    let numbers: Option<Vec<i128>> = labels().map(whole_number).collect();
    let Some(numbers) = numbers else {
        if let Some(label) = labels().find(|label| label.parse::<f64>().is_ok()) {
            let reason = format!("label `{label}` is neither the number of a class nor a name");
            return Err(DataError::malformed(folder, reason));
        }
        return classes_of(folder, labels(), false);
    };
    let most = numbers.iter().copied().max().unwrap_or(0);
    if let Some(wrong) = numbers.iter().find(|&&number| number < 0 || number >= i128::from(LIMIT)) {
        return Err(DataError::malformed(
            folder,
            format!("class {wrong} is none of 0 to {}", LIMIT - 1),
        ));
    }
    if folder.join(class_names::FILE).is_file() {
        return classes_of(folder, labels(), true);
    }
    let count = u32::try_from(most).unwrap_or(0).saturating_add(1);
    class_names::without_file(Labels::numbered(count))
}

/// As many as every array has entries.
fn as_many_classes(
    folder: &Path,
    path: &Path,
    shards: &Shards,
    saying: &[Said],
) -> Result<Named, DataError> {
    let length = |said: &Said| match said {
        Said::Labels(labels) => labels.len(),
        _ => 0,
    };
    let count = saying.first().map_or(0, length);
    if let Some(other) = saying.iter().position(|said| length(said) != count) {
        let (name, found) = (shards.name(other), saying.get(other).map_or(0, length));
        return Err(DataError::malformed(
            path,
            format!("sample {name}: {found} labels, the first has {count}"),
        ));
    }
    let count = u32::try_from(count).unwrap_or(u32::MAX);
    if count > LIMIT {
        return Err(DataError::malformed(path, format!("{count} labels, limit {LIMIT}")));
    }
    let labels = Labels::numbered(count);
    if !folder.join(class_names::FILE).is_file() {
        return class_names::without_file(labels);
    }
    let named = classes_of(folder, labels.classes().iter().map(String::as_str), true)?;
    if named.labels.len() != count as usize {
        let reason = format!("{} names, the arrays have {count} labels", named.labels.len());
        return Err(DataError::malformed(folder.join(class_names::FILE), reason));
    }
    Ok(named)
}

fn target(said: Said, classes: Option<&Named>, options: &ReadOptions) -> Result<Target, String> {
    Ok(match said {
        Said::Class(label) => {
            let class = classes.and_then(|classes| classes.labels.position(&label));
            Target::Class(class.ok_or_else(|| format!("label `{label}` is no class"))?)
        }
        Said::Labels(labels) => Target::Labels(labels),
        Said::Captions(captions) => {
            let most = options.captions.unwrap_or(usize::MAX);
            Target::Captions(captions.into_iter().take(most).collect())
        }
        Said::Nothing(_) => Target::Unknown,
    })
}

fn at(path: &Path, sample: &Sample, reason: String) -> DataError {
    DataError::malformed(path, format!("sample {}: {reason}", sample.name))
}
