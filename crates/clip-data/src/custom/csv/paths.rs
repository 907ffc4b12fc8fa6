//! Where the files of a table are.

use std::path::{Component, Path, PathBuf};

use crate::listing::folders_in;

/// Where the files of a table are.
pub(super) struct Paths {
    folder: PathBuf,
    /// The folder without links, for absolute paths into it.
    whole: PathBuf,
    /// A folder inside that all paths start from.
    inside: String,
}

impl Paths {
    /// Paths start in the table's folder; or, if the first file is not there, in the one folder in
    /// it that has it.
    pub(super) fn new<'a>(
        folder: &Path,
        files: impl Iterator<Item = &'a str>,
        notes: &mut Vec<String>,
    ) -> Paths {
        let whole = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
        let mut paths = Paths { folder: folder.to_owned(), whole, inside: String::new() };
        let first: Vec<&str> = files.filter(|file| !file.is_empty()).take(8).collect();
        let all_missing = !first.is_empty() && first.iter().all(|file| paths.of(file).is_err());
        if !all_missing {
            return paths;
        }
        for name in folders_in(folder).unwrap_or_default() {
            paths.inside = name;
            if first.iter().any(|file| paths.of(file).is_ok()) {
                notes.push(format!("paths of the table start in {}/", paths.inside));
                return paths;
            }
        }
        paths.inside = String::new();
        paths
    }

    /// The file called `name`, by a path with `/` from the folder, or absolute.
    pub(super) fn of(&self, name: &str) -> Result<String, String> {
        let name = name.strip_prefix("file://").unwrap_or(name);
        let spellings = [name.to_owned(), name.replace('\\', "/")];
        let there = |name: &&String| self.folder.join(&self.inside).join(name).exists();
        let found = spellings.iter().find(there).ok_or_else(|| match name.contains("://") {
            true => "is an address: fetch it, and write where the file lies",
            false => "there is no such file",
        })?;
        let path = Path::new(&self.inside).join(found);
        let path = if path.is_absolute() { self.below_folder(&path) } else { path };
        if path.is_absolute() {
            return Ok(path.to_string_lossy().into_owned());
        }
        let parts = path.components().filter(|part| !matches!(part, Component::CurDir));
        let parts: Vec<_> = parts.map(|part| part.as_os_str().to_string_lossy()).collect();
        Ok(parts.join("/"))
    }

    /// An absolute path as one from the folder, if it leads there.
    fn below_folder(&self, path: &Path) -> PathBuf {
        let inside = path.strip_prefix(&self.whole).or_else(|_| path.strip_prefix(&self.folder));
        inside.map_or_else(|_| path.to_owned(), Path::to_owned)
    }
}
