//! Golden models, unpacked. Shared by the tests of formats and of conversion.
#![allow(dead_code, reason = "each test file uses its part")]

mod skipped;

pub(crate) use skipped::skipped;

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

/// The golden models beside the checkout, else the small part of them in `tests/data`.
pub(crate) fn model_folder(model: &str) -> Option<PathBuf> {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    let places = [manifest.join("../../../shared/golden/model"), manifest.join("tests/data/model")];
    let found = places.into_iter().map(|place| place.join(model)).find(|place| place.is_dir());
    if found.is_none() {
        skipped(&format!("../shared/golden/model/{model} is not beside this checkout"));
    }
    found
}

/// Copies a folder, unpacking what ends in `.gz`.
pub(crate) fn unpack(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        match name.strip_suffix(".gz") {
            Some(stem) => {
                let mut bytes = Vec::new();
                let file = fs::File::open(&path).unwrap();
                flate2::read::GzDecoder::new(file).read_to_end(&mut bytes).unwrap();
                fs::write(to.join(stem), bytes).unwrap();
            }
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
