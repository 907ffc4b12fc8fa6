//! What readers are written against: a reader takes a [`Source`] and gives a [`Listing`].

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io::{Error, ErrorKind};
use std::path::{Component, Path, PathBuf};

use crate::catalogue::{Dataset, Task};
use crate::error::DataError;
use crate::item::{Border, Item, Media, Records, Target};
use crate::names::named;
use crate::places::resolve;
use crate::prompts::PromptSet;

/// Choices of the reader that change which items there are, or their pixels.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct ReadOptions {
    /// Cuts the copyright line off the photos of FGVC Aircraft; the paper does not say that it did.
    pub strip_banner: bool,
    /// Captions of an image that count; all if none.
    pub captions: Option<usize>,
    /// In place of a draw: lines `id<tab>split`, or ids of the training images alone.
    pub split_file: Option<PathBuf>,
    /// What a user's own files are read for, as they may hold labels and captions: `Retrieval`, or
    /// anything else for labels. None takes what there is, labels first.
    pub task: Option<Task>,
}

impl ReadOptions {
    /// A choice that changes nothing is a mistake.
    pub(crate) fn refuse_unused(&self, dataset: &Dataset, split: &str) -> Result<(), DataError> {
        match &self.split_file {
            Some(list) if !dataset.files.drawn.iter().any(|drawn| drawn == split) => {
                let id = &dataset.id;
                let reason =
                    format!("is of no use: the split `{split}` of {id} is published, not drawn");
                Err(DataError::malformed(list, reason))
            }
            _ => Ok(()),
        }
    }
}

/// What a reader is asked for.
pub(crate) struct Source<'a> {
    /// Of the catalogue.
    pub(crate) dataset: &'a Dataset,
    /// Class names, templates, labels.
    pub(crate) prompts: &'a PromptSet,
    /// The data set's own folder: the one that holds its marker.
    pub(crate) folder: &'a Path,
    /// One of the data set's splits.
    pub(crate) split: &'a str,
    /// Choices that change the items.
    pub(crate) options: &'a ReadOptions,
    /// Paths of the authors' layout that were found elsewhere, and where.
    pub(crate) moved: RefCell<BTreeMap<String, String>>,
}

impl<'a> Source<'a> {
    /// Where a path of the authors' layout lies, relative to the folder: itself, if it is nowhere.
    pub(crate) fn place(&self, path: &str) -> String {
        match resolve(&self.dataset.files, self.folder, path) {
            Some(place) if place != path && !path.is_empty() => {
                self.moved.borrow_mut().insert(path.to_owned(), place.clone());
                place
            }
            _ => path.to_owned(),
        }
    }

    /// [`Source::place`] in the file system.
    pub(crate) fn path(&self, path: &str) -> PathBuf {
        self.folder.join(self.place(path))
    }

    /// The first of `paths` that lies somewhere.
    ///
    /// # Errors
    /// None does; the first is named.
    pub(crate) fn first_of(&self, paths: &[&str]) -> Result<PathBuf, DataError> {
        let found = paths.iter().map(|path| self.path(path)).find(|path| path.is_file());
        found.ok_or_else(|| DataError::Read {
            path: self.folder.join(paths.first().copied().unwrap_or_default()),
            source: Error::new(ErrorKind::NotFound, "there is no such file"),
        })
    }

    /// Labels by position; every prompt file of a data set with class folders states them.
    ///
    /// # Errors
    /// It states none, or one twice.
    pub(crate) fn labels(&self) -> Result<&'a [String], DataError> {
        self.prompts.classes()?; // says why where there are none
        Ok(self.prompts.labels.as_deref().unwrap_or_default())
    }

    /// A listing of the data set's folder, with nothing in it yet.
    pub(crate) fn listing(&self) -> Listing {
        Listing::below(self.folder)
    }

    /// The records of one file, each with its target.
    pub(crate) fn records(&self, records: impl Records + 'static, targets: Vec<Target>) -> Listing {
        Listing { items: Item::of_records(records, targets), ..self.listing() }
    }

    /// The classes of numbers that the labels are.
    ///
    /// # Errors
    /// One is no label, met in `path`.
    pub(crate) fn targets<T: ToString>(
        &self,
        numbers: impl IntoIterator<Item = T>,
        path: &Path,
    ) -> Result<Vec<Target>, DataError> {
        let classes = self.prompts.classes()?;
        let target = |number: T| classes.position(&number.to_string(), path).map(Target::Class);
        numbers.into_iter().map(target).collect()
    }

    /// A data set's own list of classes, met in `path`, has to be the one that positions are taken
    /// from.
    ///
    /// # Errors
    /// A name that is not the `same`, or another number of them.
    pub(crate) fn check_classes(
        &self,
        path: &Path,
        listed: &[impl AsRef<str>],
        known: &[String],
        same: impl Fn(&str, &str) -> bool,
    ) -> Result<(), DataError> {
        let mut listed_and_known = listed.iter().map(AsRef::as_ref).zip(known);
        match listed_and_known.find(|(listed, known)| !same(listed, known)) {
            None if listed.len() == known.len() => Ok(()),
            None => Err(self.unknown_class(path, format!("{} names", listed.len()))),
            Some((class, _)) => Err(self.unknown_class(path, class)),
        }
    }

    /// A class that the data set does not have, met in `path`.
    pub(crate) fn unknown_class(&self, path: &Path, class: impl Into<String>) -> DataError {
        DataError::UnknownClass {
            dataset: self.dataset.id.clone(),
            path: path.to_owned(),
            class: class.into(),
            count: self.prompts.classes.len(),
        }
    }

    /// What differs from the authors' layout, in words.
    pub(crate) fn layout(&self) -> Option<String> {
        let moved = self.moved.borrow();
        let places: Vec<String> =
            moved.iter().map(|(path, place)| format!("{path} is {place}")).collect();
        (!places.is_empty()).then(|| format!("layout of a copy: {}", places.join(", ")))
    }
}

/// Something that belongs to a split and cannot be scored: a row without a label, a sample without
/// a picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftOut {
    /// What it is called where it is listed.
    pub input: String,
    /// Why it cannot be scored.
    pub reason: String,
}

/// The items of a split that are there, and what is said of the others.
#[derive(Debug)]
pub(crate) struct Listing {
    /// What paths are relative to.
    pub(crate) folder: PathBuf,
    /// In a fixed order.
    pub(crate) items: Vec<Item>,
    /// What was left out, guessed or drawn, in words.
    pub(crate) notes: Vec<String>,
    /// Files and folders (`name/`) that lists or classes name and that are not there.
    pub(crate) missing: Vec<String>,
    /// What else belongs to the split and cannot be scored.
    pub(crate) left_out: Vec<LeftOut>,
    /// Files in folders of images that are none.
    pub(crate) stray: Vec<String>,
}

impl Listing {
    /// Nothing yet, of a folder.
    pub(crate) fn below(folder: &Path) -> Listing {
        Listing {
            folder: folder.to_owned(),
            items: Vec::new(),
            notes: Vec::new(),
            missing: Vec::new(),
            left_out: Vec::new(),
            stray: Vec::new(),
        }
    }

    /// Adds the file that a list names, if it is there; else it is missing.
    ///
    /// # Errors
    /// The path leaves the folder of the data set.
    pub(crate) fn file(&mut self, path: String, target: Target) -> Result<(), DataError> {
        if self.inside(&path)?.is_file() {
            self.items.push(Item::file(path, target));
        } else {
            self.missing.push(path);
        }
        Ok(())
    }

    /// Adds the clip that a list names, if it is there as a video or as a folder of frames; else it
    /// is missing.
    ///
    /// # Errors
    /// The path leaves the folder of the data set.
    pub(crate) fn clip(
        &mut self,
        path: String,
        span: Option<(f64, f64)>,
        target: Target,
    ) -> Result<(), DataError> {
        let place = self.inside(&path)?;
        if place.exists() || place.with_extension("").is_dir() {
            self.items.push(Item { media: Media::Video { path: path.into(), span }, target });
        } else {
            self.missing.push(path);
        }
        Ok(())
    }

    /// The place of a path that a list names.
    fn inside(&self, path: &str) -> Result<PathBuf, DataError> {
        let is_inside = |part| matches!(part, Component::Normal(_));
        if !Path::new(path).components().all(is_inside) {
            let reason = format!("a list names `{path}`, which is outside");
            return Err(DataError::malformed(&self.folder, reason));
        }
        Ok(self.folder.join(path))
    }

    /// Pixels that are cut off all image files.
    pub(crate) fn cut(&mut self, pixels: Border) {
        for item in &mut self.items {
            if let Media::File { border, .. } = &mut item.media {
                *border = pixels;
            }
        }
    }

    /// A note on how many there are of something, if there are any.
    pub(crate) fn count(&mut self, count: usize, what: &str) {
        self.notes.extend((count > 0).then(|| format!("{count} {what}")));
    }

    /// Something of the split that cannot be scored.
    pub(crate) fn leave_out(&mut self, input: impl Into<String>, reason: impl Into<String>) {
        self.left_out.push(LeftOut { input: input.into(), reason: reason.into() });
    }
}

/// A note on files that are no images.
pub(crate) fn what_is_stray(stray: &[String]) -> Option<String> {
    (!stray.is_empty()).then(|| format!("no images, left out: {}", named(stray)))
}
