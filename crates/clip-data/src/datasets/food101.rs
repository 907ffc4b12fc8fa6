//! Food101: `images/CLASS/N.jpg`, `meta/{train,test}.txt` with lines `class/id`. PROTOCOL_EVAL 6.1.

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

use super::lists::{at, entries, folder_and_file, text};
use super::{Found, Source};
use crate::error::DataError;
use crate::item::Target;

pub(crate) fn read(source: &Source<'_>) -> Result<Found, DataError> {
    let list = source.folder.join("meta").join(format!("{}.txt", source.split));
    let classes = source.prompts.classes()?;
    let mut found = Found::default();
    for (number, line) in entries(&text(&list)?) {
        let (class, _) = folder_and_file(line).map_err(at(&list, number))?;
        let target = Target::Class(classes.position(class, &list)?);
        found.file(source.folder, format!("images/{line}.jpg"), target)?;
    }
    Ok(found)
}
