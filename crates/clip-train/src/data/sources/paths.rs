//! Images that a table names by their paths.

use std::path::{Path, PathBuf};

use clip_image::Limits;

use crate::data::ledger::{Reason, Unusable};

/// The bytes of an image file.
pub(super) fn read_image(path: &Path) -> Result<Vec<u8>, Unusable> {
    clip_files::read(path, Limits::default().file_bytes()).map_err(|error| {
        let detail = format!("its image {} cannot be read: {error}", path.display());
        Unusable::new(Reason::UnreadableFile, detail)
    })
}

/// The folder that paths in `file` begin in.
pub(super) fn root_of(file: &Path, chosen: Option<&PathBuf>) -> PathBuf {
    chosen.cloned().unwrap_or_else(|| file.parent().unwrap_or(Path::new("")).to_owned())
}

/// What a file is called in keys.
pub(in crate::data) type Naming = fn(&Path) -> String;

/// By its name without folders, where no two files share one.
pub(in crate::data) fn by_name(file: &Path) -> String {
    file.file_name().unwrap_or(file.as_os_str()).to_string_lossy().into_owned()
}

/// By its path.
pub(in crate::data) fn by_path(file: &Path) -> String {
    file.display().to_string()
}
