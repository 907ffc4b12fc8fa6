//! Lists whose lines name a file and its class.

use std::path::Path;

use crate::error::DataError;
use crate::item::Target;
use crate::listing::lists::at;
use crate::reader::{Listing, Source};

/// The files that `lines` name, each with its class: `entry` takes the label and the path from a
/// line.
///
/// # Errors
/// `entry`'s with the number of the line; a label that is no class; a path that leaves the data
/// set's folder.
pub(crate) fn class_list(
    source: &Source<'_>,
    list: &Path,
    lines: impl IntoIterator<Item = (usize, impl AsRef<str>)>,
    entry: impl Fn(&str) -> Result<(&str, String), String>,
) -> Result<Listing, DataError> {
    let classes = source.prompts.classes()?;
    let mut listing = source.listing();
    for (number, line) in lines {
        let (label, path) = entry(line.as_ref()).map_err(at(list, number))?;
        listing.file(path, Target::Class(classes.position(label, list)?))?;
    }
    Ok(listing)
}
