//! A split with all its items, in an order that is the same on every machine.

use std::borrow::Cow;
use std::cell::RefCell;
use std::path::{Path, PathBuf};

use crate::catalogue::{Dataset, SplitInfo, Task};
use crate::datasets::folders::named;
use crate::datasets::{self, Found, Source};
use crate::error::DataError;
use crate::formats::{image_file, ppm, video};
use crate::item::{Item, Media};
use crate::locate::{detour, locate_split};
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
    /// What a user's own files are read for, as they may hold labels and captions: `Retrieval`, or anything else for labels.
    /// None takes what there is, labels first.
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

/// Something that belongs to a split and cannot be scored: a row without a label, a sample without a picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftOut {
    /// What it is called where it is listed.
    pub input: String,
    /// Why.
    pub reason: String,
}

/// The items of one split.
#[derive(Debug, Clone)]
pub struct Split {
    /// What is known of the data set: an entry of the catalogue, or made for the files of a user.
    pub dataset: Cow<'static, Dataset>,
    /// What is known of the split.
    pub info: SplitInfo,
    /// Class names and templates; targets are positions in them.
    pub prompts: PromptSet,
    /// Its items in a fixed order.
    pub items: Vec<Item>,
    /// What was left out, guessed or drawn, in words; for people and for the results.
    pub notes: Vec<String>,
    /// Files and folders that its lists or classes name and that are not there.
    pub absent: Vec<String>,
    /// What else belongs to it and cannot be scored.
    pub left_out: Vec<LeftOut>,
    /// The folder that paths are relative to.
    pub folder: PathBuf,
}

impl Split {
    /// Reads the list of items of a split; touches no pixels.
    ///
    /// # Errors
    /// The data set is not below `root`, or its lists cannot be read.
    pub fn read(
        dataset: &'static Dataset,
        root: &Path,
        split: &str,
        options: &ReadOptions,
    ) -> Result<Split, DataError> {
        let info = dataset.split(split)?.clone();
        options.refuse_unused(dataset, split)?;
        let folder = locate_split(dataset, root, split)?;
        let prompts = PromptSet::of(dataset.prompts_id())?;
        let moved = RefCell::default();
        let source = Source { dataset, prompts: &prompts, folder: &folder, split, options, moved };
        let mut found = datasets::read(&source)?;
        let layout = detour(dataset, root, &folder).into_iter().chain(source.layout());
        found.notes.splice(0..0, layout);
        Ok(Split::of(Cow::Borrowed(dataset), info, prompts, folder, found))
    }

    pub(crate) fn of(
        dataset: Cow<'static, Dataset>,
        info: SplitInfo,
        prompts: PromptSet,
        folder: PathBuf,
        found: Found,
    ) -> Split {
        let Found { items, mut notes, absent, left_out, stray } = found;
        notes.extend(datasets::folders::what_is_stray(&stray));
        notes.extend(what_is_absent(&absent));
        Split { dataset, info, prompts, items, notes, absent, left_out, folder }
    }

    /// The bytes of an item's image file; of a clip its middle frame.
    ///
    /// # Errors
    /// It cannot be read, or decoded where something is cut off.
    pub fn bytes(&self, item: &Item) -> Result<Vec<u8>, DataError> {
        match &item.media {
            Media::Record { records, index } => records.bytes(*index),
            Media::Video { path, span } => video::middle_frame(&self.folder.join(&**path), *span),
            Media::File { path, border } => {
                let path = self.folder.join(&**path);
                let bytes = image_file::read(&path)?;
                if *border == Default::default() {
                    return Ok(bytes);
                }
                ppm::cut(&bytes, *border)
                    .map_err(|source| DataError::Image { path: path.display().to_string(), source })
            }
        }
    }

    /// What identifies the split: ids and targets in order, a line each.
    pub fn lines(&self) -> impl Iterator<Item = Cow<'_, str>> {
        self.items.iter().map(|item| Cow::Owned(format!("{}\t{:?}", item.id(), item.target)))
    }
}

fn what_is_absent(absent: &[String]) -> Option<String> {
    (!absent.is_empty()).then(|| format!("not there: {}", named(absent)))
}
