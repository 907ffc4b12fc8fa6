//! Describable Textures: `images/CLASS/*.jpg`, split 1 of ten in `labels/`. PROTOCOL_EVAL 6.1.

use crate::error::DataError;
use crate::item::Target;
use crate::listing::class_folders::class_folders;
use crate::listing::lists::{at, entries, folder_and_file};
use crate::reader::{Listing, Source};
use crate::text::text;

pub(crate) fn read(source: &Source<'_>) -> Result<Listing, DataError> {
    if source.split == "all" {
        return class_folders(source, &source.place("images"), source.labels()?);
    }
    let mut found = Listing::default();
    let list = source.path(&format!("labels/{}1.txt", source.split));
    let (classes, images) = (source.prompts.classes()?, source.place("images"));
    for (number, line) in entries(&text(&list)?) {
        let (class, _) = folder_and_file(line).map_err(at(&list, number))?;
        let target = Target::Class(classes.position(class, &list)?);
        found.file(source.folder, format!("{images}/{line}"), target)?;
    }
    Ok(found)
}
