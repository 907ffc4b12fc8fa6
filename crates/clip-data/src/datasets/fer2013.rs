//! FER2013: 48 x 48 grey pixels as decimal text in a CSV, in either of its layouts. PROTOCOL_EVAL 6.1.
//!
//! `fer2013.csv` has `emotion,pixels,Usage`; `icml_face_data.csv` has `emotion, Usage, pixels` with blanks before the
//! names. Training is train, PublicTest is valid, PrivateTest is test.
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

use std::sync::Arc;

use csv::{ByteRecord, ReaderBuilder, Trim};

use super::{Found, Source};
use crate::error::DataError;
use crate::formats::{FileBytes, ppm};
use crate::item::{Item, Records, Target};

const SIDE: u32 = 48;
/// Bytes of a row at most: 2,304 numbers of three digits and their blanks.
const ROW_LIMIT: u64 = 1 << 16;

pub(super) fn read(source: &Source<'_>) -> Result<Found, DataError> {
    let usage = match source.split {
        "train" => "Training",
        "valid" => "PublicTest",
        _ => "PrivateTest",
    };
    let names = ["fer2013.csv", "icml_face_data.csv"];
    let path = names.map(|name| source.folder.join(name)).into_iter().find(|path| path.exists());
    let path = path.unwrap_or_else(|| source.folder.join("fer2013.csv"));
    let wrong = |error: csv::Error| DataError::malformed(&path, error.to_string());
    let mut rows = ReaderBuilder::new().trim(Trim::All).from_path(&path).map_err(wrong)?;
    let header = rows.headers().map_err(wrong)?.clone();
    let column = |name: &str| {
        let found = header.iter().position(|found| found == name);
        found.ok_or_else(|| DataError::malformed(&path, format!("no column `{name}`")))
    };
    let (emotion, usages, pixels) = (column("emotion")?, column("Usage")?, column("pixels")?);
    let classes = source.prompts.classes()?;
    let (mut targets, mut places) = (Vec::new(), Vec::new());
    let mut row = ByteRecord::new();
    while rows.read_byte_record(&mut row).map_err(wrong)? {
        if row.get(usages) != Some(usage.as_bytes()) {
            continue;
        }
        let label = String::from_utf8_lossy(row.get(emotion).unwrap_or_default()).into_owned();
        targets.push(Target::Class(classes.position(&label, &path)?));
        places.push(row.position().map_or(0, csv::Position::byte));
    }
    let faces = Faces { split: source.split.to_owned(), file: FileBytes::open(&path)?, pixels, places };
    let records: Arc<dyn Records> = Arc::new(faces);
    Ok(Found { items: Item::of_records(&records, targets), ..Found::default() })
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
        let start = *self.places.get(index).ok_or_else(|| wrong("there is no such row".to_owned()))?;
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
