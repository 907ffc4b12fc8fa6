//! Patterns: `*`, `?` and `[..]` in a name, `**` for folders at any depth.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::io::{self, Error, ErrorKind};
use std::path::{Path, PathBuf};

use glob::{MatchOptions, Pattern};

use crate::walk::{entries, walk};

const OPTIONS: MatchOptions = MatchOptions {
    case_sensitive: true,
    require_literal_separator: true,
    require_literal_leading_dot: true,
};

/// Whether the text is more than a path.
pub fn is_pattern(text: &str) -> bool {
    text.contains(['*', '?', '['])
}

/// What a pattern fits.
#[derive(Debug, Default)]
pub struct Matches {
    /// Files and folders, sorted by the bytes of their paths; nothing inside a folder that is
    /// itself among them.
    pub paths: Vec<PathBuf>,
    /// Folders on the way that could not be read, and why.
    pub unread: Vec<(PathBuf, io::Error)>,
}

/// Everything that `pattern` fits but hidden and system names
/// ([`is_system_name`](crate::is_system_name)).
///
/// # Errors
/// It is no pattern, or the folder it begins in cannot be read.
pub fn matches(pattern: &str) -> io::Result<Matches> {
    let mut steps = Path::new(pattern).components().peekable();
    let mut begin = PathBuf::new();
    while let Some(step) = steps.next_if(|step| !is_pattern(&step.as_os_str().to_string_lossy())) {
        begin.push(step);
    }
    std::fs::read_dir(here(&begin))?;
    let mut matches = Matches::default();
    let mut found = BTreeSet::from([begin]);
    while let Some(step) = steps.next() {
        let step = step.as_os_str().to_string_lossy();
        if step == "**" && steps.peek().is_none() {
            break; // folders stand for what is in them
        }
        let mut next = BTreeSet::new();
        for path in found.iter().filter(|path| here(path).is_dir()) {
            matches.step(path, &step, &mut next)?;
        }
        found = next;
    }
    let mut folder: Option<PathBuf> = None;
    for path in found.into_iter().filter(|path| !path.as_os_str().is_empty()) {
        if folder.as_ref().is_none_or(|folder| !path.starts_with(folder)) {
            folder = path.is_dir().then(|| path.clone()).or(folder);
            matches.paths.push(path);
        }
    }
    Ok(matches)
}

impl Matches {
    /// What one component of a pattern leads to from one folder.
    fn step(&mut self, folder: &Path, step: &str, next: &mut BTreeSet<PathBuf>) -> io::Result<()> {
        if step == "**" {
            next.insert(folder.to_owned());
            match walk(here(folder)) {
                Ok(below) => {
                    next.extend(
                        below
                            .folders
                            .iter()
                            .map(|path| path.strip_prefix(".").unwrap_or(path).to_owned()),
                    );
                    self.unread.extend(below.unread);
                }
                Err(error) => self.unread.push((folder.to_owned(), error)),
            }
        } else if is_pattern(step) {
            let pattern =
                Pattern::new(step).map_err(|error| Error::new(ErrorKind::InvalidInput, error))?;
            match entries(here(folder)) {
                Ok(entries) => {
                    // A byte of a name that is not UTF-8 is one character to a pattern.
                    let fits =
                        |name: &OsString| pattern.matches_with(&name.to_string_lossy(), OPTIONS);
                    let fitting = entries.into_iter().map(|entry| entry.name).filter(fits);
                    next.extend(fitting.map(|name| folder.join(name)));
                }
                Err(error) => self.unread.push((folder.to_owned(), error)),
            }
        } else if folder.join(step).symlink_metadata().is_ok() {
            next.insert(folder.join(step));
        }
        Ok(())
    }
}

/// The folder that an empty path stands for.
fn here(folder: &Path) -> &Path {
    if folder.as_os_str().is_empty() { Path::new(".") } else { folder }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_fit_names_and_folders_at_any_depth_and_each_thing_once() {
        let root = tempfile::tempdir().expect("a folder");
        let root = root.path();
        for file in [
            "a.jpg",
            "b.png",
            ".hidden.jpg",
            "x/c.jpg",
            "x/y/d.jpg",
            "x/y/notes.txt",
            ".cache/e.jpg",
        ] {
            std::fs::create_dir_all(root.join(file).parent().expect("one")).expect("made");
            std::fs::write(root.join(file), "").expect("written");
        }
        let cases: [(&str, &[&str]); 7] = [
            ("*.jpg", &["a.jpg"]),
            ("?.*", &["a.jpg", "b.png"]),
            ("*", &["a.jpg", "b.png", "x"]),
            ("**/*.jpg", &["a.jpg", "x/c.jpg", "x/y/d.jpg"]),
            ("x/**", &["x"]),
            ("*/[c-d].jpg", &["x/c.jpg"]),
            ("*/y/*.jpg", &["x/y/d.jpg"]),
        ];
        for (pattern, expected) in cases {
            let found = matches(root.join(pattern).to_str().expect("UTF-8")).expect("a pattern");
            let names: Vec<_> =
                found.paths.iter().map(|path| path.strip_prefix(root).expect("below")).collect();
            assert_eq!(names, expected.iter().map(Path::new).collect::<Vec<_>>(), "{pattern}");
        }
    }

    #[test]
    fn folder_that_is_not_there_and_half_a_bracket_are_errors() {
        let root = tempfile::tempdir().expect("a folder");
        assert!(matches(root.path().join("gone/*.jpg").to_str().expect("UTF-8")).is_err());
        assert!(matches("./[a").is_err());
    }
}
