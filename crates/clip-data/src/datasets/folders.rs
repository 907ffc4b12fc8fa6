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
use crate::item::{Border, Item, Media, Target};
use crate::prompts::Classes;

/// Endings of image files, without case; what a file holds is seen when it is decoded.
const IMAGES: [&str; 12] =
    ["jpg", "jpeg", "png", "ppm", "pgm", "pbm", "bmp", "gif", "webp", "tif", "tiff", "jpe"];

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
        match (is_folder, is_image(&name)) {
            (false, true) => images.push(path),
            (false, false) => stray.push(path),
            (true, _) => {}
        }
    }
    Ok(images)
}

/// Names of the folders in `folder`, sorted; hidden ones do not count.
pub(crate) fn folders_in(folder: &Path) -> Result<Vec<String>, DataError> {
    let folders =
        entries(folder)?.into_iter().filter(|(name, is_folder)| *is_folder && !name.starts_with('.'));
    Ok(folders.map(|(name, _)| name).collect())
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

/// Whether a file may hold an image; `._x.jpg` of other systems' archives does not.
pub(crate) fn is_image(name: &str) -> bool {
    let ending = Path::new(name).extension().and_then(|ending| ending.to_str());
    let known = |ending: &str| IMAGES.iter().any(|image| image.eq_ignore_ascii_case(ending));
    !name.starts_with('.') && ending.is_some_and(known)
}

/// Names in a folder and whether they are folders, sorted by bytes: the file system's order is no one's.
fn entries(folder: &Path) -> Result<Vec<(String, bool)>, DataError> {
    let mut entries = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(DataError::read(folder))? {
        let entry = entry.map_err(DataError::read(folder))?;
        let path = entry.path();
        let name = entry.file_name().into_string();
        let name = name.map_err(|_| DataError::malformed(&path, "the name is not UTF-8"))?;
        entries.push((name, path.is_dir())); // follows links, as people link large folders
    }
    entries.sort();
    Ok(entries)
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
