//! The files below a folder, each once.

use std::collections::HashSet;
use std::ffi::{OsStr, OsString};
use std::io;
use std::path::{Path, PathBuf};

/// What stands below a folder.
#[derive(Debug, Default)]
pub struct Walk {
    /// Files, and links to them, sorted by the bytes of their paths; what is no regular file is
    /// among them.
    pub files: Vec<PathBuf>,
    /// Folders below, each once.
    pub folders: Vec<PathBuf>,
    /// Folders that could not be read, and why.
    pub unread: Vec<(PathBuf, io::Error)>,
}

/// Lists everything below `folder` but system files ([`is_system_name`]). Links are followed; a
/// folder is entered once however many links lead to it, by its own path where that is below
/// `folder` too.
///
/// # Errors
/// `folder` itself cannot be read; folders below that cannot be are listed in [`Walk::unread`].
pub fn walk(folder: &Path) -> io::Result<Walk> {
    walk_where(folder, |_| true)
}

/// [`walk`], but folders below that `enter` says no to are left out with all that is in them. It is
/// asked once for each.
///
/// # Errors
/// As [`walk`].
pub fn walk_where(folder: &Path, mut enter: impl FnMut(&Path) -> bool) -> io::Result<Walk> {
    let mut walk = Walk::default();
    let mut entered = HashSet::from([identity(folder)?]);
    let mut folders = Vec::new();
    let mut links = Vec::new();
    walk.enter(folder, &mut folders, &mut links)?;
    // Links last, so that a folder goes by its own path.
    while let Some(next) = folders.pop().or_else(|| links.pop()) {
        match identity(&next) {
            Ok(identity) if !entered.insert(identity) || !enter(&next) => continue,
            Ok(_) => {}
            Err(error) => {
                walk.unread.push((next, error));
                continue;
            }
        }
        match walk.enter(&next, &mut folders, &mut links) {
            Ok(()) => walk.folders.push(next),
            Err(error) => walk.unread.push((next, error)),
        }
    }
    walk.files.sort_unstable();
    walk.unread.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
    Ok(walk)
}

impl Walk {
    /// Takes up the entries of one folder. Sub-folders go to `folders`, links to folders to
    /// `links`, each in reverse order of names, to be taken from the end.
    fn enter(
        &mut self,
        folder: &Path,
        folders: &mut Vec<PathBuf>,
        links: &mut Vec<PathBuf>,
    ) -> io::Result<()> {
        let mut linked = Vec::new();
        for entry in entries(folder)?.into_iter().rev() {
            let path = folder.join(&entry.name);
            match (entry.is_folder, entry.is_link) {
                (true, false) => folders.push(path),
                (true, true) => linked.push(path),
                (false, _) => self.files.push(path),
            }
        }
        links.splice(0..0, linked);
        Ok(())
    }
}

/// One name in a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its name.
    pub name: OsString,
    /// Whether it is a folder, or a link to one.
    pub is_folder: bool,
    /// Whether it is a link.
    pub is_link: bool,
}

/// What stands in a folder but system files ([`is_system_name`]), sorted by the bytes of the names:
/// the file system's order is no one's.
///
/// # Errors
/// It cannot be read.
pub fn entries(folder: &Path) -> io::Result<Vec<Entry>> {
    let mut entries = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        if !is_system_name(&name) {
            let kind = entry.file_type()?;
            let is_link = kind.is_symlink();
            let is_folder = kind.is_dir() || is_link && entry.path().is_dir();
            entries.push(Entry { name, is_folder, is_link });
        }
    }
    entries.sort_unstable_by(|a, b| a.name.cmp(&b.name));
    Ok(entries)
}

/// Whether a file or folder of this name was put there by a system, not by a person: hidden ones,
/// those that macOS adds to archives, and those of Windows' and Synology's previews.
pub fn is_system_name(name: &OsStr) -> bool {
    let system = [
        "__MACOSX",
        "@eaDir",
        "Thumbs.db",
        "desktop.ini",
        "$RECYCLE.BIN",
        "System Volume Information",
    ];
    name.as_encoded_bytes().starts_with(b".")
        || system.iter().any(|system| name.eq_ignore_ascii_case(system))
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

    #[test]
    fn depth_has_no_limit_and_what_cannot_be_read_is_listed() {
        let root = tempfile::tempdir().expect("a folder");
        let mut deep = root.path().to_owned();
        (0..100).for_each(|_| deep.push("d"));
        std::fs::create_dir_all(&deep).expect("made");
        std::fs::write(deep.join("a.png"), "").expect("written");
        assert_eq!(walk(root.path()).expect("walked").files, [deep.join("a.png")]);
        let gone = walk_where(root.path(), |folder| {
            let _ = std::fs::remove_dir_all(folder); // between being listed and being entered
            true
        });
        let gone = gone.expect("walked");
        assert_eq!(
            (gone.unread.len(), gone.files.len(), &gone.unread[0].0),
            (1, 0, &root.path().join("d"))
        );
    }
}
