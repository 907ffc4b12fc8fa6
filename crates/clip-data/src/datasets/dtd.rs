//! Describable Textures: `images/CLASS/*.jpg`, split 1 of ten in `labels/`. PROTOCOL_EVAL 6.1.

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

use super::lists::{at, entries, folder_and_file, labels, text};
use super::{Found, Source, folders};
use crate::error::DataError;
use crate::item::Target;

pub(crate) fn read(source: &Source<'_>) -> Result<Found, DataError> {
    let mut found = Found::default();
    if source.split == "all" {
        folders::class_folders(
            &mut found,
            source.folder,
            &source.place("images"),
            &source.dataset.id,
            labels(source)?,
        )?;
        return Ok(found);
    }
    let list = source.path(&format!("labels/{}1.txt", source.split));
    let (classes, images) = (source.prompts.classes()?, source.place("images"));
    for (number, line) in entries(&text(&list)?) {
        let (class, _) = folder_and_file(line).map_err(at(&list, number))?;
        let target = Target::Class(classes.position(class, &list)?);
        found.file(source.folder, format!("{images}/{line}"), target)?;
    }
    Ok(found)
}
