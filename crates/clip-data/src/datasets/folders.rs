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
use crate::split::LeftOut;

/// Things named in a note; the others are counted.
const NAMED: usize = 3;

/// All images of `folder/inside/CLASS`, where `labels` lists the classes by position.
///
/// A folder that is no class is an error; a class without a folder is [`Found::absent`]. A folder that cannot be read, and
/// what has no name in UTF-8, is [`Found::left_out`].
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
    found.leave_out_unnamed(inside, entries(&whole)?.unnamed);
    let mut stray = Vec::new();
    for name in &names {
        let class = classes.position(name, &whole)?;
        let inside = joined(inside, name);
        let listed = match entries(&folder.join(&inside)) {
            Ok(listed) => listed,
            Err(error) => {
                found.leave_out(inside + "/", error.to_string());
                continue;
            }
        };
        found.leave_out_unnamed(&inside, listed.unnamed);
        let images = images_among(folder, &inside, listed.named, &mut stray);
        found.items.extend(images.into_iter().map(|image| Item::file(image, Target::Class(class))));
    }
    let missing = labels.iter().filter(|label| names.binary_search(label).is_err());
    found.absent.extend(missing.map(|label| joined(inside, label) + "/"));
    found.notes.extend(what_is_stray(&stray));
    Ok(())
}

/// Relative paths of the images in `folder/inside`, sorted; other files go to `stray`, and so does what has no name in
/// UTF-8.
pub(crate) fn images_in(
    folder: &Path,
    inside: &str,
    stray: &mut Vec<String>,
) -> Result<Vec<String>, DataError> {
    let listed = entries(&folder.join(inside))?;
    stray.extend(listed.unnamed.iter().map(|name| joined(inside, name)));
    Ok(images_among(folder, inside, listed.named, stray))
}

fn images_among(
    folder: &Path,
    inside: &str,
    names: Vec<(String, bool)>,
    stray: &mut Vec<String>,
) -> Vec<String> {
    let mut images = Vec::new();
    for (name, is_folder) in names {
        let path = joined(inside, &name);
        if !is_folder && image_file::is_one(&folder.join(&path)) {
            images.push(path);
        } else if !is_folder {
            stray.push(path);
        }
    }
    images
}

/// Names of the folders in `folder`, sorted; hidden and system ones do not count.
pub(crate) fn folders_in(folder: &Path) -> Result<Vec<String>, DataError> {
    let named = entries(folder)?.named.into_iter();
    Ok(named.filter(|(_, is_folder)| *is_folder).map(|(name, _)| name).collect())
}

/// A note on files that are no images.
pub(crate) fn what_is_stray(stray: &[String]) -> Option<String> {
    (!stray.is_empty()).then(|| format!("no images, left out: {}", named(stray)))
}

/// The first of a list, and how many more there are.
pub(crate) fn named(list: &[String]) -> String {
    let first = list.get(..NAMED).unwrap_or(list).join(", ");
    match list.len().saturating_sub(NAMED) {
        0 => first,
        more => format!("{first} and {more} more"),
    }
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

/// What a folder holds, sorted by bytes.
#[derive(Default)]
struct Listed {
    /// Names, and whether they are folders.
    named: Vec<(String, bool)>,
    /// Names that are not UTF-8, as well as they can be shown.
    unnamed: Vec<String>,
}

fn entries(folder: &Path) -> Result<Listed, DataError> {
    let mut listed = Listed::default();
    for entry in clip_files::entries(folder).map_err(DataError::read(folder))? {
        match entry.name.into_string() {
            Ok(name) => listed.named.push((name, entry.is_folder)),
            Err(name) => listed.unnamed.push(name.to_string_lossy().into_owned()),
        }
    }
    Ok(listed)
}

impl Found {
    /// Something of the split that cannot be scored.
    pub(crate) fn leave_out(&mut self, input: impl Into<String>, reason: impl Into<String>) {
        self.left_out.push(LeftOut { input: input.into(), reason: reason.into() });
    }

    fn leave_out_unnamed(&mut self, inside: &str, names: Vec<String>) {
        for name in names {
            self.leave_out(joined(inside, &name), "the name is not UTF-8");
        }
    }

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
