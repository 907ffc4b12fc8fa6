//! SVHN, full numbers (format 1): images of house numbers, and `digitStruct.mat` (MATLAB 7.3, that
//! is HDF5) with a box for each digit. PROTOCOL_EVAL 6.3, 7.6.
//!
//! `digitStruct/name` and `digitStruct/bbox` hold a reference for each image. A name is a row of
//! characters; a box list is a group whose `label` is the one digit, or references to one digit
//! each. 10 means the digit 0.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::error::DataError;
use crate::formats::hdf5::Hdf5;
use crate::item::Target;
use crate::reader::{Listing, Source};

pub(super) fn read(source: &Source<'_>) -> Result<Listing, DataError> {
    let numbers = numbers(&structs(source, source.split))?;
    let mut notes = Vec::new();
    // the candidates are all numbers of both parts (project rule of PROTOCOL_EVAL 7.6)
    let mut candidates: BTreeSet<(usize, Box<str>)> = BTreeSet::new();
    let mut add = |numbers: &[(String, Box<str>)]| {
        candidates.extend(numbers.iter().map(|(_, number)| (number.len(), number.clone())));
    };
    add(&numbers);
    let other = if source.split == "train" { "test" } else { "train" };
    let path = structs(source, other);
    if path.exists() {
        add(&self::numbers(&path)?);
    } else {
        notes.push(format!(
            "candidates are the numbers of {} alone: {} is missing",
            source.split,
            path.display()
        ));
    }
    let candidates: Arc<[Box<str>]> = candidates.into_iter().map(|(_, number)| number).collect();
    notes.push(format!("{} candidates", candidates.len()));
    let mut found = Listing { notes, ..source.listing() };
    for (name, truth) in numbers {
        let target = Target::Word { truth, candidates: Arc::clone(&candidates) };
        found.file(format!("{}/{name}", source.split), target)?;
    }
    Ok(found)
}

fn structs(source: &Source<'_>, split: &str) -> PathBuf {
    source.folder.join(split).join("digitStruct.mat")
}

/// Name of the image file and number in it, in the file's order.
fn numbers(path: &Path) -> Result<Vec<(String, Box<str>)>, DataError> {
    let file = Hdf5::open(path)?;
    let names = file.dataset("digitStruct/name")?.references(&file)?;
    let boxes = file.dataset("digitStruct/bbox")?.references(&file)?;
    if names.len() != boxes.len() {
        let reason = format!("{} names, {} lists of boxes", names.len(), boxes.len());
        return Err(DataError::malformed(path, reason));
    }
    names
        .iter()
        .zip(&boxes)
        .map(|(&name, &boxes)| Ok((text(&file, name)?, number(&file, boxes)?)))
        .collect()
}

fn text(file: &Hdf5, address: u64) -> Result<String, DataError> {
    let units: Vec<u16> =
        file.dataset_at(address)?.numbers(file)?.into_iter().map(|unit| unit as u16).collect();
    Ok(String::from_utf16_lossy(&units))
}

fn number(file: &Hdf5, boxes: u64) -> Result<Box<str>, DataError> {
    let label = file.child(boxes, "label")?;
    let label =
        label.ok_or_else(|| DataError::malformed(file.path(), "a list of boxes has no `label`"))?;
    let label = file.dataset_at(label)?;
    let digits = if label.is_references() {
        let mut digits = Vec::new();
        for address in label.references(file)? {
            digits.extend(file.dataset_at(address)?.numbers(file)?);
        }
        digits
    } else {
        label.numbers(file)?
    };
    let character = |&digit: &f64| match digit {
        10.0 => Ok('0'),
        1.0..=9.0 if digit.fract() == 0.0 => Ok(char::from_digit(digit as u32, 10).unwrap_or('0')),
        _ => Err(DataError::malformed(file.path(), format!("label {digit}, expected 1 to 10"))),
    };
    let number: String = digits.iter().map(character).collect::<Result<_, _>>()?;
    Ok(number.into())
}
