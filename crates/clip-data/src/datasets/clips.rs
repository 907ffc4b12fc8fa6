//! Clips: named by a list (UCF101), or found by name wherever they lie below a folder (Kinetics700, RareAct).
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

use std::collections::HashMap;
use std::path::{Component, Path};

use super::Found;
use crate::error::DataError;
use crate::item::{Item, Media, Target};

/// Endings that videos have.
const ENDINGS: [&str; 6] = ["mp4", "mkv", "webm", "avi", "mov", "m4v"];
/// Folders within folders.
const DEPTH: usize = 3;

impl Found {
    /// Adds the clip that a list names, if it is there as a video or as a folder of frames; else it is absent.
    ///
    /// # Errors
    /// The path leaves the folder of the data set.
    pub(crate) fn clip(
        &mut self,
        folder: &Path,
        path: String,
        span: Option<(f64, f64)>,
        target: Target,
    ) -> Result<(), DataError> {
        let inside = |part| matches!(part, Component::Normal(_));
        if !Path::new(&path).components().all(inside) {
            return Err(DataError::malformed(folder, format!("a list names `{path}`, which is outside")));
        }
        let place = folder.join(&path);
        if place.exists() || place.with_extension("").is_dir() {
            self.items.push(Item { media: Media::Video { path: path.into(), span }, target });
        } else {
            self.absent.push(path);
        }
        Ok(())
    }
}

/// Paths below `base`, relative to it, by name without ending; folders of extracted frames count as clips where
/// `is_clip` says that their name is one's.
pub(super) fn find(
    base: &Path,
    is_clip: &dyn Fn(&str) -> bool,
) -> Result<HashMap<String, String>, DataError> {
    let mut found = HashMap::new();
    let mut folders = vec![(base.to_owned(), 0usize)];
    while let Some((folder, depth)) = folders.pop() {
        for entry in std::fs::read_dir(&folder).map_err(DataError::read(&folder))? {
            let entry = entry.map_err(DataError::read(&folder))?;
            let path = entry.path();
            let text =
                |part: Option<&std::ffi::OsStr>| part.and_then(|part| part.to_str()).map(str::to_owned);
            // links are followed: large collections are spread over disks
            let is_folder = path.is_dir();
            let name = text(if is_folder { path.file_name() } else { path.file_stem() });
            let Some(name) = name else { continue };
            let ending = text(path.extension()).unwrap_or_default().to_ascii_lowercase();
            let is_video = !is_folder && ENDINGS.contains(&&*ending);
            if is_clip(&name) && (is_video || is_folder) {
                let relative = path.strip_prefix(base).unwrap_or(&path);
                let relative = relative.to_string_lossy().replace('\\', "/");
                // of two of one name the first by path, in whatever order the folder lists them
                let place = found.entry(name).or_insert_with(|| relative.clone());
                if relative < *place {
                    *place = relative;
                }
            } else if is_folder && depth < DEPTH {
                folders.push((path, depth.saturating_add(1)));
            }
        }
    }
    Ok(found)
}
