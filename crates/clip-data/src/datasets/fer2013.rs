//! FER2013: 48 x 48 grey pixels as decimal text in a CSV, in either of its layouts.
//! PROTOCOL_EVAL 6.1.
//!
//! `fer2013.csv` has `emotion,pixels,Usage`; `icml_face_data.csv` has `emotion, Usage, pixels` with
//! blanks before the names. Training is train, PublicTest is valid, PrivateTest is test.

use std::path::PathBuf;

use csv::{ByteRecord, ReaderBuilder, Trim};

use crate::error::DataError;
use crate::formats::{FileBytes, ppm};
use crate::item::{Item, Records, Target};
use crate::listing::class_folders;
use crate::reader::{Listing, Source};

const SIDE: u32 = 48;
/// Bytes of a row at most: 2,304 numbers of three digits and their blanks.
const ROW_LIMIT: u64 = 1 << 16;

pub(super) fn read(source: &Source<'_>) -> Result<Listing, DataError> {
    let usage = match source.split {
        "train" => "Training",
        "valid" => "PublicTest",
        _ => "PrivateTest",
    };
    // The last holds the training part alone, without a column that says so.
    let mut names = vec!["fer2013.csv", "icml_face_data.csv"];
    names.extend((source.split == "train").then_some("train.csv"));
    match source.first_of(&names) {
        Ok(path) => table(source, path, usage),
        Err(error) if !source.folder.join("test").is_dir() => Err(error),
        Err(_) => folders(source, usage),
    }
}

fn table(source: &Source<'_>, path: PathBuf, usage: &str) -> Result<Listing, DataError> {
    let wrong = |error: csv::Error| DataError::malformed(&path, error.to_string());
    let file = clip_files::open(&path, u64::MAX).map_err(DataError::read(&path))?;
    let mut rows = ReaderBuilder::new().trim(Trim::All).from_reader(file);
    let header = rows.headers().map_err(wrong)?.clone();
    let place = |name: &str| header.iter().position(|found| found == name);
    let column = |name: &str| {
        place(name).ok_or_else(|| DataError::malformed(&path, format!("no column `{name}`")))
    };
    let (emotion, pixels) = (column("emotion")?, column("pixels")?);
    let usages = if path.ends_with("train.csv") { place("Usage") } else { Some(column("Usage")?) };
    let classes = source.prompts.classes()?;
    let (mut targets, mut places) = (Vec::new(), Vec::new());
    let mut row = ByteRecord::new();
    while rows.read_byte_record(&mut row).map_err(wrong)? {
        if usages.is_some_and(|usages| row.get(usages) != Some(usage.as_bytes())) {
            continue;
        }
        let label = String::from_utf8_lossy(row.get(emotion).unwrap_or_default()).into_owned();
        targets.push(Target::Class(classes.position(&label, &path)?));
        places.push(row.position().map_or(0, csv::Position::byte));
    }
    let faces =
        Faces { split: source.split.to_owned(), file: FileBytes::open(&path)?, pixels, places };
    Ok(source.records(faces, targets))
}

/// `{train,test}/EMOTION/PrivateTest_1.jpg`: `test` holds two splits, which the names tell apart.
fn folders(source: &Source<'_>, usage: &str) -> Result<Listing, DataError> {
    let inside = if source.split == "train" { "train" } else { "test" };
    let labels = &source.dataset.files.class_labels;
    let mut found = class_folders(source, inside, labels)?;
    let usage_of = |item: &Item| {
        let id = item.id();
        let name = id.rsplit('/').next().unwrap_or_default();
        name.split_once('_').map(|(usage, _)| usage.to_owned()).unwrap_or_default()
    };
    let known = ["Training", "PublicTest", "PrivateTest"];
    if let Some(item) = found.items.iter().find(|item| !known.contains(&&*usage_of(item))) {
        let reason = "neither Training_, PublicTest_ nor PrivateTest_ begins its name: its split is not known";
        return Err(DataError::malformed(source.folder.join(item.id()), reason));
    }
    found.items.retain(|item| usage_of(item) == usage);
    found.notes.insert(
        0,
        format!("layout of a copy: class folders in {inside}, {usage}_* by their names"),
    );
    Ok(found)
}

/// Rows of the file, found again by where they begin.
#[derive(Debug)]
struct Faces {
    split: String,
    file: FileBytes,
    /// Column of the pixels.
    pixels: usize,
    places: Vec<u64>,
}

impl Records for Faces {
    fn name(&self, index: usize) -> String {
        format!("{}/{index}", self.split)
    }

    fn bytes(&self, index: usize) -> Result<Vec<u8>, DataError> {
        let wrong = |reason: String| {
            DataError::malformed(self.file.path(), format!("{} {index}: {reason}", self.split))
        };
        let start =
            *self.places.get(index).ok_or_else(|| wrong("there is no such row".to_owned()))?;
        let bytes = self.file.read(start, ROW_LIMIT.min(self.file.len().saturating_sub(start)))?;
        let mut rows = ReaderBuilder::new().has_headers(false).flexible(true).from_reader(&*bytes);
        let mut row = ByteRecord::new();
        rows.read_byte_record(&mut row).map_err(|error| wrong(error.to_string()))?;
        let text = row.get(self.pixels).map(String::from_utf8_lossy).unwrap_or_default();
        let pixels: Result<Vec<u8>, _> = text.split_ascii_whitespace().map(str::parse).collect();
        let pixels = pixels.map_err(|_| wrong("a pixel is no number from 0 to 255".to_owned()))?;
        if pixels.len() != (SIDE * SIDE) as usize {
            return Err(wrong(format!("{} pixels, expected {}", pixels.len(), SIDE * SIDE)));
        }
        Ok(ppm::grey(SIDE, SIDE, &pixels))
    }
}
