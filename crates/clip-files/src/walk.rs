//! The files below a folder, each once.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};

/// What stands below a folder.
#[derive(Debug, Default)]
pub struct Walk {
    /// Files, and links to them, sorted by the bytes of their paths; what is no regular file is among them.
    pub files: Vec<PathBuf>,
    /// Folders that could not be read, and why.
    pub unread: Vec<(PathBuf, io::Error)>,
}

/// Lists everything below `folder` but system files ([`is_system_name`]). Links are followed; a folder is entered once
/// however many links lead to it, by its own path where that is below `folder` too.
///
/// # Errors
/// `folder` itself cannot be read; folders below that cannot be are listed in [`Walk::unread`].
pub fn walk(folder: &Path) -> io::Result<Walk> {
    let mut walk = Walk::default();
    let mut entered = HashSet::from([identity(folder)?]);
    let mut folders = Vec::new();
    let mut links = Vec::new();
    walk.enter(folder, &mut folders, &mut links)?;
    // Links last, so that a folder goes by its own path.
    while let Some(next) = folders.pop().or_else(|| links.pop()) {
        match identity(&next) {
            Ok(identity) if !entered.insert(identity) => continue,
            Ok(_) => {}
            Err(error) => {
                walk.unread.push((next, error));
                continue;
            }
        }
        if let Err(error) = walk.enter(&next, &mut folders, &mut links) {
            walk.unread.push((next, error));
        }
    }
    walk.files.sort_unstable();
    walk.unread.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
    Ok(walk)
}

impl Walk {
    /// Takes up the entries of one folder. Sub-folders go to `folders`, links to folders to `links`, each in reverse
    /// order of names, to be taken from the end.
    fn enter(
        &mut self,
        folder: &Path,
        folders: &mut Vec<PathBuf>,
        links: &mut Vec<PathBuf>,
    ) -> io::Result<()> {
        let mut entries = std::fs::read_dir(folder)?.collect::<io::Result<Vec<_>>>()?;
        entries.retain(|entry| !is_system_name(&entry.file_name()));
        entries.sort_unstable_by_key(|entry| std::cmp::Reverse(entry.file_name()));
        let mut linked = Vec::new();
        for entry in entries {
            let path = entry.path();
            let kind = entry.file_type()?;
            if kind.is_dir() {
                folders.push(path);
            } else if kind.is_symlink() && path.is_dir() {
                linked.push(path);
            } else {
                self.files.push(path);
            }
        }
        links.splice(0..0, linked);
        Ok(())
    }
}

/// Whether a file or folder of this name was put there by a system, not by a person: hidden ones, those that macOS
/// adds to archives, and those of Windows' and Synology's previews.
pub fn is_system_name(name: &OsStr) -> bool {
    name.as_encoded_bytes().starts_with(b".")
        || ["__MACOSX", "@eaDir", "Thumbs.db", "desktop.ini"].iter().any(|system| name == *system)
}

/// Device and number of a folder, the same by whatever path it is reached.
#[cfg(unix)]
fn identity(folder: &Path) -> io::Result<(u64, u64)> {
    use std::os::unix::fs::MetadataExt;
    let metadata = std::fs::metadata(folder)?;
    Ok((metadata.dev(), metadata.ino()))
}

/// The path without links.
#[cfg(not(unix))]
fn identity(folder: &Path) -> io::Result<PathBuf> {
    std::fs::canonicalize(folder)
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn names(root: &Path) -> Vec<String> {
        let walk = walk(root).expect("walked");
        let inside = walk.files.iter().map(|file| file.strip_prefix(root).expect("below"));
        inside.map(|file| file.display().to_string()).collect()
    }

    #[test]
    fn folder_that_links_reach_again_is_walked_once_by_its_own_path() {
        let root = tempfile::tempdir().expect("a folder");
        let root = root.path();
        std::fs::create_dir_all(root.join("z/deep")).expect("made");
        std::fs::write(root.join("z/deep/a.png"), "").expect("written");
        for (link, to) in [("again", "."), ("other", "."), ("a-link", "z"), ("z/up", "..")] {
            symlink(to, root.join(link)).expect("linked");
        }
        assert_eq!(names(root), ["z/deep/a.png"]);
    }

    #[test]
    fn system_files_are_passed_over_and_linked_files_are_not() {
        let root = tempfile::tempdir().expect("a folder");
        let root = root.path();
        for folder in ["__MACOSX", ".ipynb_checkpoints", "b"] {
            std::fs::create_dir(root.join(folder)).expect("made");
            std::fs::write(root.join(folder).join("x.png"), "").expect("written");
        }
        std::fs::write(root.join("._b.png"), "").expect("written");
        symlink("b/x.png", root.join("link.png")).expect("linked");
        assert_eq!(names(root), ["b/x.png", "link.png"]);
    }
}
