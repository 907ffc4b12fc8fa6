//! Kinetics700: a CSV of segments, and the clips that somebody still has of them.
//! PROTOCOL_EVAL 6.1, 7.7.
//!
//! A clip is `ID_SSSSSS_EEEEEE.mp4`, in whatever folder below the data set's. Rows without a clip
//! are left out and counted: videos vanish. Two releases exist (2019, and 2020 cut anew); the rows
//! are those of the CSV that is there.

use std::collections::HashSet;
use std::path::PathBuf;

use serde::Deserialize;

use crate::error::DataError;
use crate::item::Target;
use crate::listing::{clips_below, csv_rows};
use crate::names::comparable;
use crate::prompts::Classes;
use crate::reader::{Listing, Source};

#[derive(Deserialize)]
struct Row {
    label: String,
    youtube_id: String,
    time_start: f64,
    time_end: f64,
    #[serde(default)]
    split: String,
}

pub(super) fn read(source: &Source<'_>) -> Result<Listing, DataError> {
    let path = list(source)?;
    let labels: Vec<String> =
        source.prompts.classes.iter().map(|names| comparable(&names.concat())).collect();
    let classes = Classes::new(&source.dataset.id, &labels)?;
    let mut wanted = Vec::new();
    for row in csv_rows::<Row>(&path, csv::Trim::All)? {
        let row = row?;
        if belongs(&row.split, source.split) {
            let class = classes.position(&comparable(&row.label), &path)?;
            let (start, end) = (row.time_start as u64, row.time_end as u64);
            wanted.push((format!("{}_{start:06}_{end:06}", row.youtube_id), class));
        }
    }
    let names: HashSet<&str> = wanted.iter().map(|(name, _)| name.as_str()).collect();
    let clips = clips_below(source.folder, &|name| names.contains(name))?;
    let mut found = source.listing();
    for (name, class) in &wanted {
        match clips.get(name) {
            Some(path) => found.clip(path.clone(), None, Target::Class(*class))?,
            None => found.missing.push(format!("{name}.mp4")),
        }
    }
    found.notes.push(format!("{} rows in {}", wanted.len(), path.display()));
    Ok(found)
}

/// The CSV of the split: names that the releases use.
fn list(source: &Source<'_>) -> Result<PathBuf, DataError> {
    let words: &[&str] =
        if source.split == "val" { &["val", "validate", "validation"] } else { &[source.split] };
    let names = words.iter().flat_map(|word| {
        [
            format!("{word}.csv"),
            format!("annotations/{word}.csv"),
            format!("kinetics700_{word}.csv"),
        ]
    });
    let places: Vec<PathBuf> = names.map(|name| source.folder.join(name)).collect();
    let found = places.iter().find(|path| path.exists()).or(places.first()).cloned();
    found.ok_or_else(|| DataError::malformed(source.folder, "no list of clips"))
}

/// Whether a row says that it is of the split, or says nothing.
fn belongs(said: &str, split: &str) -> bool {
    said.is_empty() || said == split || (split == "val" && said.starts_with("val"))
}
