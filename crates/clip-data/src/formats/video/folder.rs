//! Frames that somebody extracted: image files in a folder that stands for a clip.

use std::path::{Path, PathBuf};

use crate::error::DataError;

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
    frames.sort_by_key(|path| {
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let digits: String = name.chars().rev().take_while(char::is_ascii_digit).collect();
        let number = digits.chars().rev().collect::<String>().parse::<u64>().unwrap_or(0);
        (number, name)
    });
    Ok(Some(frames))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_in_the_order_of_their_numbers() {
        let folder = tempfile::tempdir().expect("a folder");
        let clip = folder.path().join("clip");
        std::fs::create_dir(&clip).expect("made");
        for name in ["frame10.jpg", "frame9.jpg", "frame1.JPG", "notes.txt"] {
            std::fs::write(clip.join(name), name).expect("written");
        }
        let found = frames(&folder.path().join("clip.avi")).expect("listed").expect("a folder stands for it");
        let names: Vec<_> = found.iter().filter_map(|path| path.file_name()?.to_str()).collect();
        assert_eq!(names, ["frame1.JPG", "frame9.jpg", "frame10.jpg"]);
    }

    #[test]
    fn clip_that_is_a_file_stays_one() {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::create_dir(folder.path().join("clip")).expect("made");
        std::fs::write(folder.path().join("clip.avi"), "").expect("written");
        assert_eq!(frames(&folder.path().join("clip.avi")).expect("looked"), None);
    }
}
