//! Describable Textures: `images/CLASS/*.jpg`, split 1 of ten in `labels/`. PROTOCOL_EVAL 6.1.

use crate::error::DataError;
use crate::listing::{class_folders, class_list, entries, folder_and_file};
use crate::reader::{Listing, Source};
use crate::text::text;

pub(crate) fn read(source: &Source<'_>) -> Result<Listing, DataError> {
    let images = source.place("images");
    if source.split == "all" {
        return class_folders(source, &images, source.labels()?);
    }
    let list = source.path(&format!("labels/{}1.txt", source.split));
    class_list(source, &list, entries(&text(&list)?), |line| {
        Ok((folder_and_file(line)?.0, format!("{images}/{line}")))
    })
}
