//! Folders: images with a text of their name beside them, or with a list of captions.

use std::path::{Path, PathBuf};

use super::captions;
use super::json_lines::JsonLines;
use super::paths::{Naming, by_name, by_path, read_image};
use super::source::{Found, Source};
use super::table::Tables;
use crate::data::error::DataError;
use crate::data::ledger::{BadSample, Reason, Unusable};
use crate::data::options::{DataOptions, TextLines};

/// Bytes of a text beside an image at most.
const TEXT_LIMIT: u64 = 1 << 20;

/// Lists of captions that a folder may hold (Hugging Face's `imagefolder`).
const LISTS: [&str; 2] = ["metadata.jsonl", "metadata.csv"];

/// Opens folders: by their lists, or image by image.
///
/// # Errors
/// A folder cannot be read; some have a list and others none.
pub(super) fn open(
    folders: &[PathBuf],
    options: &DataOptions,
) -> Result<(Box<dyn Source>, Found), DataError> {
    for list in LISTS {
        let lists: Vec<PathBuf> = folders.iter().map(|folder| folder.join(list)).collect();
        if !lists.iter().any(|path| path.is_file()) {
            continue;
        }
        let naming: Naming = if lists.len() == 1 { by_name } else { by_path };
        if list.ends_with(".csv") {
            let (source, found) = Tables::open(&lists, options, naming)?;
            return Ok((Box::new(source), found));
        }
        let (source, found) = JsonLines::open(&lists, options, naming)?;
        return Ok((Box::new(source), found));
    }
    let mut all = Images { paths: Vec::new(), lines: options.text_lines };
    let mut found = Found::default();
    for folder in folders {
        all.enter(folder, &mut found)?;
    }
    Ok((Box::new(all), found))
}

/// Images with texts beside them.
#[derive(Debug)]
struct Images {
    paths: Vec<Box<Path>>,
    lines: TextLines,
}

impl Images {
    fn enter(&mut self, folder: &Path, found: &mut Found) -> Result<(), DataError> {
        let walk = clip_files::walk(folder).map_err(DataError::read(folder))?;
        for (path, error) in walk.unread {
            let key = path.display().to_string();
            let detail = error.to_string();
            found.bad.push(BadSample { key, reason: Reason::UnreadableFile, detail });
        }
        for path in walk.files.into_iter().filter(|path| clip_image::is_image_name(path)) {
            match captions_beside(&path, self.lines) {
                Ok(captions) => {
                    found.take(&captions);
                    self.paths.push(path.into());
                }
                Err(unusable) => found.bad.push(unusable.of(path.display().to_string())),
            }
        }
        Ok(())
    }

    fn path(&self, index: u64) -> Result<&Path, Unusable> {
        let path = self.paths.get(index as usize).map(AsRef::as_ref);
        path.ok_or_else(|| Unusable::new(Reason::UnreadableFile, "is not in the list"))
    }
}

impl Source for Images {
    fn len(&self) -> u64 {
        self.paths.len() as u64
    }

    fn key(&self, index: u64) -> String {
        self.path(index).map_or_else(|_| index.to_string(), |path| path.display().to_string())
    }

    fn image(&self, index: u64) -> Result<Vec<u8>, Unusable> {
        read_image(self.path(index)?)
    }

    fn captions(&self, index: u64) -> Result<Vec<String>, Unusable> {
        captions_beside(self.path(index)?, self.lines)
    }

    fn memory(&self) -> usize {
        let of = |path: &Path| size_of::<Box<Path>>() + path.as_os_str().len();
        self.paths.iter().map(|path| of(path)).sum()
    }
}

fn captions_beside(image: &Path, lines: TextLines) -> Result<Vec<String>, Unusable> {
    let path = image.with_extension("txt");
    let text = clip_files::read(&path, TEXT_LIMIT).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => {
            Unusable::new(Reason::NoCaption, format!("there is no {}", path.display()))
        }
        _ => Unusable::new(Reason::UnreadableFile, format!("{}: {error}", path.display())),
    })?;
    captions::some(captions::of_text(&text, lines)?)
}
