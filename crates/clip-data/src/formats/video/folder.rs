//! Frames that somebody extracted: image files in a folder that stands for a clip.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::error::DataError;

/// How frames are called where other images lie beside them, before their numbers.
const KINDS: [&str; 6] = ["", "img", "image", "frame", "rgb", "color"];

/// The frames in order of their names, if `path`, or `path` without its ending, is a folder.
pub(super) fn frames(path: &Path) -> Result<Option<Vec<PathBuf>>, DataError> {
    let without = path.with_extension("");
    let folder = if path.is_dir() {
        path
    } else if !path.exists() && without.is_dir() {
        &without
    } else {
        return Ok(None);
    };
    let mut frames = Vec::new();
    for entry in clip_files::entries(folder).map_err(DataError::read(folder))? {
        let path = folder.join(entry.name);
        if !entry.is_folder && clip_image::is_image_name(&path) {
            frames.push(path);
        }
    }
    // 10 comes after 9, with zeros in front or without
    frames.sort_by_key(|path| number_of(&stem_of(path)));
    of_one_kind(folder, frames).map(Some)
}

fn stem_of(path: &Path) -> String {
    path.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

/// The number at the end of a name, and what stands before it.
fn number_of(name: &str) -> (u64, String) {
    let kind = name.trim_end_matches(|c: char| c.is_ascii_digit());
    (name.strip_prefix(kind).and_then(|digits| digits.parse().ok()).unwrap_or(0), kind.to_owned())
}

/// Optical flow, depth and masks lie beside the frames under other names: `img_00001`,
/// `flow_x_00001`.
fn of_one_kind(folder: &Path, mut frames: Vec<PathBuf>) -> Result<Vec<PathBuf>, DataError> {
    let kind = |path: &PathBuf| number_of(&stem_of(path)).1;
    let kinds: BTreeSet<String> = frames.iter().map(kind).collect();
    if kinds.len() < 2 {
        return Ok(frames);
    }
    let word = |kind: &String| kind.trim_end_matches(|c: char| !c.is_alphanumeric()).to_lowercase();
    let of_frames: Vec<&String> =
        kinds.iter().filter(|kind| KINDS.contains(&&*word(kind))).collect();
    let [chosen] = of_frames.as_slice() else {
        let names = kinds.iter().map(|kind| format!("{kind}*")).collect::<Vec<_>>().join(", ");
        let reason = format!(
            "holds images of several kinds ({names}): which are the clip's frames is not said"
        );
        return Err(DataError::malformed(folder, reason));
    };
    frames.retain(|path| kind(path) == **chosen);
    Ok(frames)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_in_the_order_of_their_numbers() {
        let folder = tempfile::tempdir().expect("a folder");
        let clip = folder.path().join("clip");
        std::fs::create_dir(&clip).expect("made");
        for name in
            ["frame10.jpg", "frame9.jpg", "frame1.JPG", "notes.txt", "flow_x_1.jpg", "flow_y_1.jpg"]
        {
            std::fs::write(clip.join(name), name).expect("written");
        }
        let found = frames(&folder.path().join("clip.avi"))
            .expect("listed")
            .expect("a folder stands for it");
        let names: Vec<_> = found.iter().filter_map(|path| path.file_name()?.to_str()).collect();
        assert_eq!(names, ["frame1.JPG", "frame9.jpg", "frame10.jpg"]);
    }

    #[test]
    fn kinds_that_nobody_can_tell_apart_are_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        for name in ["a_1.png", "b_1.png"] {
            std::fs::write(folder.path().join(name), "").expect("written");
        }
        let message = frames(folder.path()).expect_err("two kinds").to_string();
        assert!(message.contains("(a_*, b_*)"), "{message}");
    }

    #[test]
    fn clip_that_is_a_file_stays_one() {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::create_dir(folder.path().join("clip")).expect("made");
        std::fs::write(folder.path().join("clip.avi"), "").expect("written");
        assert_eq!(frames(&folder.path().join("clip.avi")).expect("looked"), None);
    }
}
