//! Where copies of a data set keep what its authors keep elsewhere.

use std::path::Path;

use crate::catalogue::Files;

/// Where in `folder` a `path` of the authors' layout is: there, in a second folder of the same name
/// (which archives of archives make), or in one of the [`Files::places`] that copies have for it or
/// for a folder it is in.
///
/// A path that ends with `*` stands for any that begins so.
pub(crate) fn resolve(files: &Files, folder: &Path, path: &str) -> Option<String> {
    candidates(files, path).into_iter().find(|candidate| exists(folder, candidate))
}

/// What lies deeper goes first: `images/images` is what `images` only holds.
fn candidates(files: &Files, path: &str) -> Vec<String> {
    let (mut deeper, mut elsewhere) = (Vec::new(), Vec::new());
    let ends = path.match_indices('/').map(|(end, _)| end).chain([path.len()]);
    for (prefix, rest) in ends.filter_map(|end| path.split_at_checked(end)) {
        let name = prefix.rsplit('/').next().unwrap_or(prefix);
        deeper.push(format!("{prefix}/{name}{rest}"));
        for place in files.places.get(prefix).into_iter().flatten() {
            let inside = place.strip_prefix(prefix).is_some_and(|inner| inner.starts_with('/'));
            let candidate = format!("{place}{rest}").trim_start_matches('/').to_owned();
            if inside { &mut deeper } else { &mut elsewhere }.push(candidate);
        }
    }
    deeper.push(path.to_owned());
    deeper.append(&mut elsewhere);
    deeper
}

fn exists(folder: &Path, path: &str) -> bool {
    let Some(start) = path.strip_suffix('*') else { return folder.join(path).exists() };
    let (inside, start) = start.rsplit_once('/').unwrap_or(("", start));
    let entries = std::fs::read_dir(folder.join(inside)).into_iter().flatten().flatten();
    entries
        .map(|entry| entry.file_name())
        .any(|name| name.as_encoded_bytes().starts_with(start.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn place_is_found_by_any_folder_that_copies_call_otherwise() {
        let files: Files = toml::from_str(
            "[places]\n\"val\" = [\"val/all\", \"data/validation\"]\n\"devkit\" = [\"\"]\n",
        )
        .expect("a description");
        let root = tempfile::tempdir().expect("a folder");
        let at = |path: &str| resolve(&files, root.path(), path);
        assert_eq!(at("val/n1"), None);
        let made = ["data/validation/n1", "images/images", "val/all", "meta.mat"];
        for path in made {
            std::fs::create_dir_all(root.path().join(path)).expect("made");
        }
        let expected = [
            ("val/n1", "data/validation/n1"),
            ("val/n*", "data/validation/n*"),
            ("images", "images/images"),
            ("val", "val/all"),
            ("devkit/meta.mat", "meta.mat"),
        ];
        for (path, place) in expected {
            assert_eq!(at(path).as_deref(), Some(place), "{path}");
        }
    }
}
