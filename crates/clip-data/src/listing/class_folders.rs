//! Class folders: `split/class/image.jpg`, in byte order of names.

use std::collections::BTreeMap;
use std::path::Path;

use crate::error::DataError;
use crate::item::{Item, Target};
use crate::names::joined;
use crate::prompts::Classes;
use crate::reader::{Listing, Source};

/// All images of `folder/inside/CLASS`, where `labels` lists the classes by position; names that
/// are no label are joined by their letters and digits where that is plain, and a note says so.
///
/// A folder that is no class is an error; a class without a folder is [`Listing::missing`]. A
/// folder that cannot be read, and what has no name in UTF-8, is [`Listing::left_out`].
///
/// # Errors
/// The folder cannot be read, a folder in it is no class, or two are the same.
pub(crate) fn class_folders(
    source: &Source<'_>,
    inside: &str,
    labels: &[String],
) -> Result<Listing, DataError> {
    let classes = Classes::new(&source.dataset.id, labels)?;
    let mut found = source.listing();
    let whole = source.folder.join(inside);
    let mut met: BTreeMap<u32, String> = BTreeMap::new();
    let mut respelt = 0_usize;
    for (name, is_folder) in entries(&mut found, inside)? {
        if !is_folder {
            continue;
        }
        let class = classes.nearest(&name, &whole)?;
        respelt = respelt.saturating_add(usize::from(labels.get(class as usize) != Some(&name)));
        if let Some(other) = met.insert(class, name.clone()) {
            let reason = format!("`{other}` and `{name}` are the same class");
            return Err(DataError::malformed(whole, reason));
        }
        for image in images_or_none(&mut found, &joined(inside, &name)) {
            found.items.push(Item::file(image, Target::Class(class)));
        }
    }
    let missing = (0..).zip(labels).filter(|(class, _)| !met.contains_key(class));
    found.missing.extend(missing.map(|(_, label)| joined(inside, label) + "/"));
    found.count(respelt, "class folders are spelt otherwise: joined by letters and digits");
    Ok(found)
}

/// [`images_in`] of one class among many: a folder that cannot be read is left out.
pub(crate) fn images_or_none(found: &mut Listing, inside: &str) -> Vec<String> {
    images_in(found, inside).unwrap_or_else(|error| {
        let reason = match error {
            DataError::Read { source, .. } => source.to_string(),
            error => error.to_string(),
        };
        found.leave_out(inside.to_owned() + "/", reason);
        Vec::new()
    })
}

/// Relative paths of the images in `folder/inside`, sorted; other files are [`Listing::stray`].
pub(crate) fn images_in(found: &mut Listing, inside: &str) -> Result<Vec<String>, DataError> {
    let mut images = Vec::new();
    for (name, is_folder) in entries(found, inside)? {
        let path = joined(inside, &name);
        match (is_folder, is_image(&name)) {
            (false, true) => images.push(path),
            (false, false) => found.stray.push(path),
            (true, _) => {}
        }
    }
    Ok(images)
}

/// Names of the folders in `folder`, sorted; hidden and system ones do not count.
pub(crate) fn folders_in(folder: &Path) -> Result<Vec<String>, DataError> {
    let all = entries(&mut Listing::below(folder), "")?;
    Ok(all.into_iter().filter(|(_, is_folder)| *is_folder).map(|(name, _)| name).collect())
}

/// Whether a file is an image by its ending, as the authors name theirs; `._x.jpg` of other
/// systems' archives is none.
pub(crate) fn is_image(name: &str) -> bool {
    let path = Path::new(name);
    path.file_name().is_some_and(|name| !clip_files::is_system_name(name))
        && clip_image::is_image_name(path)
}

/// Names in `folder/inside` and whether they are folders, sorted by bytes. Names that no list can
/// hold are left out.
fn entries(found: &mut Listing, inside: &str) -> Result<Vec<(String, bool)>, DataError> {
    let whole = found.folder.join(inside);
    let mut entries = Vec::new();
    for entry in clip_files::entries(&whole).map_err(DataError::read(&whole))? {
        match entry.name.into_string() {
            Ok(name) => entries.push((name, entry.is_folder)),
            Err(name) => {
                found.leave_out(joined(inside, &name.to_string_lossy()), "the name is not UTF-8");
            }
        }
    }
    Ok(entries)
}
