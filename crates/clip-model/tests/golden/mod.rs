//! Golden models, unpacked. Shared by the tests of formats and of conversion.
#![allow(dead_code, reason = "each test file uses its part")]

use std::fs;
use std::path::{Path, PathBuf};

/// A golden model, else the small part of it in `tests/data`.
pub(crate) fn model_folder(model: &str) -> Option<PathBuf> {
    let part = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/model").join(model);
    clip_testing::golden(&format!("model/{model}")).or_else(|| part.is_dir().then_some(part))
}

/// Copies a folder, unpacking what ends in `.gz`.
pub(crate) fn unpack(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        match name.strip_suffix(".gz") {
            Some(stem) => clip_testing::unpack(&path, &to.join(stem)),
            None => drop(fs::copy(&path, to.join(name)).unwrap()),
        }
    }
}

/// Folders are opened as such; archives by their one file.
pub(crate) fn checkpoint_path(folder: &Path) -> PathBuf {
    let is_config = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "json");
    let files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    match files.as_slice() {
        [file] if !is_config(file) => file.clone(),
        _ => folder.to_path_buf(),
    }
}
