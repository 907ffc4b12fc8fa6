//! Splits that nobody publishes, drawn from the images of all class folders.

use crate::error::DataError;
use crate::item::{Item, Target};
use crate::listing::class_folders::class_folders;
use crate::listing::split_file::chosen;
use crate::reader::{Listing, Source};

/// All images where the split is `all`, those that the user's list names, or those that `draw`
/// keeps.
///
/// # Errors
/// The folders or the list cannot be read.
pub(crate) fn drawn(
    source: &Source<'_>,
    draw: impl FnOnce(&mut Listing, &[String]),
) -> Result<Listing, DataError> {
    let labels = source.labels()?;
    let mut listing = class_folders(source, "", labels)?;
    match &source.options.split_file {
        _ if source.split == "all" => {}
        Some(list) => return chosen(listing, list, source.split),
        None => draw(&mut listing, labels),
    }
    Ok(listing)
}

/// Of the items those of one class.
pub(crate) fn of_class(items: &[Item], class: u32) -> Vec<&Item> {
    items.iter().filter(|item| item.target == Target::Class(class)).collect()
}
