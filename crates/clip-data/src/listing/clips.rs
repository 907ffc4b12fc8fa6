//! Clips: named by a list (UCF101), or found by name wherever they lie below a folder (Kinetics700,
//! RareAct).

use std::collections::HashMap;
use std::ffi::OsStr;
use std::path::Path;

use crate::error::DataError;

/// Endings that videos have.
const ENDINGS: [&str; 6] = ["mp4", "mkv", "webm", "avi", "mov", "m4v"];

/// Paths below `base`, relative to it, by name without ending; folders of extracted frames count as
/// clips where `is_clip` says that their name is one's.
pub(crate) fn clips_below(
    base: &Path,
    is_clip: &dyn Fn(&str) -> bool,
) -> Result<HashMap<String, String>, DataError> {
    let mut clips = Vec::new();
    let walk = clip_files::walk_where(base, |folder| {
        let is_one = folder.file_name().and_then(|name| name.to_str()).is_some_and(is_clip);
        if is_one {
            clips.push(folder.to_owned());
        }
        !is_one
    });
    let walk = walk.map_err(DataError::read(base))?; // clips in folders that cannot be read are absent
    clips.extend(walk.files.into_iter().filter(|file| {
        let text = |part: Option<&OsStr>| part.and_then(|part| part.to_str()).map(str::to_owned);
        let ending = text(file.extension()).unwrap_or_default().to_ascii_lowercase();
        ENDINGS.contains(&&*ending) && text(file.file_stem()).is_some_and(|name| is_clip(&name))
    }));
    let mut found = HashMap::new();
    for clip in clips {
        let name = if clip.is_dir() { clip.file_name() } else { clip.file_stem() };
        let name = name.unwrap_or_default().to_string_lossy().into_owned();
        let relative =
            clip.strip_prefix(base).unwrap_or(&clip).to_string_lossy().replace('\\', "/");
        // of two of one name the first by path
        let place = found.entry(name).or_insert_with(|| relative.clone());
        if relative < *place {
            *place = relative;
        }
    }
    Ok(found)
}
