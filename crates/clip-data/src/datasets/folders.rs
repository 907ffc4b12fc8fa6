//! Class folders: `split/class/image.jpg`, in byte order of names.

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

use std::path::{Component, Path};

use super::Found;
use crate::error::DataError;
use crate::formats::image_file;
use crate::item::{Border, Item, Media, Target};
use crate::prompts::Classes;

/// Stray files named in a note; the others are counted.
const NAMED: usize = 3;

/// All images of `folder/inside/CLASS`, where `labels` lists the classes by position.
///
/// A folder that is no class is an error; a class without a folder is [`Found::absent`].
///
/// # Errors
/// A folder cannot be read, or is no class.
pub(crate) fn class_folders(
    found: &mut Found,
    folder: &Path,
    inside: &str,
    id: &str,
    labels: &[String],
) -> Result<(), DataError> {
    let classes = Classes::new(id, labels.iter().map(String::as_str))?;
    let whole = folder.join(inside);
    let names = folders_in(&whole)?;
    let mut stray = Vec::new();
    for name in &names {
        let class = classes.position(name, &whole)?;
        for image in images_in(folder, &joined(inside, name), &mut stray)? {
            found.items.push(Item::file(image, Target::Class(class)));
        }
    }
    let missing = labels.iter().filter(|label| names.binary_search(label).is_err());
    found.absent.extend(missing.map(|label| joined(inside, label) + "/"));
    found.notes.extend(what_is_stray(&stray));
    Ok(())
}

/// Relative paths of the images in `folder/inside`, sorted; other files go to `stray`.
pub(crate) fn images_in(
    folder: &Path,
    inside: &str,
    stray: &mut Vec<String>,
) -> Result<Vec<String>, DataError> {
    let mut images = Vec::new();
    for (name, is_folder) in entries(&folder.join(inside))? {
        let path = joined(inside, &name);
        if !is_folder && image_file::is_one(&folder.join(&path)) {
            images.push(path);
        } else if !is_folder {
            stray.push(path);
        }
    }
    Ok(images)
}

/// Names of the folders in `folder`, sorted; hidden and system ones do not count.
pub(crate) fn folders_in(folder: &Path) -> Result<Vec<String>, DataError> {
    Ok(entries(folder)?.into_iter().filter(|(_, is_folder)| *is_folder).map(|(name, _)| name).collect())
}

/// A note on files that are no images.
pub(crate) fn what_is_stray(stray: &[String]) -> Option<String> {
    let named = stray.get(..NAMED).unwrap_or(stray).join(", ");
    let more = match stray.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    (!stray.is_empty()).then(|| format!("no images, left out: {named}{more}"))
}

/// `outer/inner` with no slash in front where `outer` is empty.
pub(crate) fn joined(outer: &str, inner: &str) -> String {
    if outer.is_empty() { inner.to_owned() } else { format!("{outer}/{inner}") }
}

/// Whether a member of an archive is an image by its ending; `._x.jpg` of other systems' archives is none.
pub(crate) fn is_image(name: &str) -> bool {
    let path = Path::new(name);
    path.file_name().is_some_and(|name| !clip_files::is_system_name(name)) && clip_image::is_image_name(path)
}

/// Names in a folder and whether they are folders, sorted by bytes.
fn entries(folder: &Path) -> Result<Vec<(String, bool)>, DataError> {
    let named = |entry: clip_files::Entry| match entry.name.into_string() {
        Ok(name) => Ok((name, entry.is_folder)),
        Err(name) => Err(DataError::malformed(folder.join(name), "the name is not UTF-8")),
    };
    clip_files::entries(folder).map_err(DataError::read(folder))?.into_iter().map(named).collect()
}

impl Found {
    /// Adds the file that a list names, if it is there; else it is absent.
    ///
    /// # Errors
    /// The path leaves the folder of the data set.
    pub(crate) fn file(&mut self, folder: &Path, path: String, target: Target) -> Result<(), DataError> {
        self.cut_file(folder, path, Border::default(), target)
    }

    /// [`Found::file`] with a border to be cut off.
    ///
    /// # Errors
    /// The path leaves the folder of the data set.
    pub(crate) fn cut_file(
        &mut self,
        folder: &Path,
        path: String,
        border: Border,
        target: Target,
    ) -> Result<(), DataError> {
        let inside = |part| matches!(part, Component::Normal(_));
        if !Path::new(&path).components().all(inside) {
            return Err(DataError::malformed(folder, format!("a list names `{path}`, which is outside")));
        }
        if folder.join(&path).is_file() {
            self.items.push(Item { media: Media::File { path: path.into(), border }, target });
        } else {
            self.absent.push(path);
        }
        Ok(())
    }
}
