//! German traffic signs: `Training/00000/*.ppm`, `Final_Test/Images/*.ppm` with `GT-final_test.csv`. PROTOCOL_EVAL 6.1.

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

use super::lists::{columns, first_of, text};
use super::{Found, Source, folders};
use crate::error::DataError;
use crate::item::Target;
use crate::prompts::Classes;

/// Where people put the file with the answers; the `GT-final_test.test.csv` among the images has none.
const TRUTHS: [&str; 3] =
    ["Final_Test/GT-final_test.csv", "GT-final_test.csv", "Final_Test/Images/GT-final_test.csv"];

pub(crate) fn read(source: &Source<'_>) -> Result<Found, DataError> {
    match source.split {
        "train" => training(source, "Training"),
        "train-official" => training(source, "Final_Training/Images"),
        _ => test(source),
    }
}

/// Folders are the class numbers in five digits; the csv in each holds boxes, which are not cut out.
fn training(source: &Source<'_>, inside: &str) -> Result<Found, DataError> {
    let folders: Vec<String> = (0..source.prompts.classes.len()).map(|class| format!("{class:05}")).collect();
    let mut found = Found::default();
    folders::class_folders(&mut found, source.folder, inside, &source.dataset.id, &folders)?;
    Ok(found)
}

fn test(source: &Source<'_>) -> Result<Found, DataError> {
    let beside = source.folder.parent().map(|folder| folder.join("GT-final_test.csv"));
    let truth = first_of(source.folder, &TRUTHS);
    let truth = truth.or_else(|error| beside.filter(|path| path.is_file()).ok_or(error))?;
    let rows = columns(&text(&truth)?, b';', ["Filename", "ClassId"]);
    let rows = rows.map_err(|reason| DataError::malformed(&truth, reason))?;
    let labels = source.prompts.labels.iter().flatten();
    let classes = Classes::new(&source.dataset.id, labels.map(String::as_str))?;
    let mut found = Found::default();
    for [file, class] in rows {
        let target = Target::Class(classes.position(&class, &truth)?);
        found.file(source.folder, format!("Final_Test/Images/{file}"), target)?;
    }
    Ok(found)
}
