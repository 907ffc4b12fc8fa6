//! Finds a data set below the folder a person names.

use std::path::{Path, PathBuf};

use crate::catalogue::{Dataset, Status};
use crate::error::DataError;

/// The folder of `dataset`: `root` itself, or one inside called by its id or a name its archive unpacks to.
///
/// # Errors
/// Its marker is in none of them.
pub fn locate(dataset: &Dataset, root: &Path) -> Result<PathBuf, DataError> {
    let names = || std::iter::once(&dataset.id).chain(&dataset.folders);
    let inside = names().map(|name| root.join(name));
    let twice = names().flat_map(|outer| names().map(move |inner| root.join(outer).join(inner)));
    let mut places = std::iter::once(root.to_owned()).chain(inside).chain(twice);
    let shows = |place: &PathBuf| dataset.marker.split('|').any(|marker| place.join(marker).exists());
    places.find(shows).ok_or_else(|| DataError::NotFound {
        dataset: dataset.id.clone(),
        root: root.to_owned(),
        marker: dataset.marker.replace('|', "` or `"),
        hint: what_to_fetch(dataset),
    })
}

/// Which files to get where, in words.
pub(crate) fn what_to_fetch(dataset: &Dataset) -> String {
    let files: Vec<&str> = dataset.archives.iter().map(|archive| archive.file.as_str()).collect();
    let files = if files.is_empty() { "it".to_owned() } else { files.join(", ") };
    let way = match dataset.status {
        Status::Ready => "get",
        Status::NeedsManualDownload => "ask for",
        Status::DeadLinks => "the links are dead; find a copy of",
    };
    format!("{way} {files} ({}) and unpack", dataset.url)
}
