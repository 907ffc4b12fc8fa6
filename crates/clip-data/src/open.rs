//! The way in: a split by the name of its data set, or by the path of a user's own files.

use std::borrow::Cow;
use std::cell::RefCell;
use std::path::Path;

use crate::catalogue::{Dataset, Task, find};
use crate::custom::{csv, folder, webdataset};
use crate::datasets;
use crate::error::DataError;
use crate::locate::{detour, locate_split};
use crate::prompts::PromptSet;
use crate::reader::{ReadOptions, Source};
use crate::split::Split;

impl Split {
    /// A split of the catalogue by its id, or of a user's own files: `folder:PATH`, `csv:PATH`,
    /// `webdataset:PATH`, the path from `root`. Without `split` the one that is scored.
    ///
    /// # Errors
    /// There is no such data set or split, or it cannot be read.
    pub fn open(
        name: &str,
        root: &Path,
        split: Option<&str>,
        options: &ReadOptions,
    ) -> Result<Split, DataError> {
        if let (Some((_, path)), Some(list)) = (name.split_once(':'), &options.split_file) {
            let reason = format!("is of no use: the splits of {path} are its own, not drawn");
            return Err(DataError::malformed(list, reason));
        }
        let custom = match name.split_once(':') {
            Some(("folder", path)) => folder::read(&root.join(path), split),
            Some(("csv", path)) => csv::read(&root.join(path), split, options),
            Some(("webdataset", path)) => webdataset::read(&root.join(path), split, options),
            _ => {
                let dataset = find(name)?;
                return Split::read(dataset, root, split.unwrap_or(&dataset.test), options);
            }
        }?;
        match (options.task, custom.dataset.task) {
            (Some(Task::Retrieval), Task::Retrieval) | (None, _) => Ok(custom),
            (Some(Task::Retrieval), _) => Err(DataError::malformed(
                Path::new(&*custom.dataset.title),
                "has labels and no captions: `eval zeroshot` scores labels; a table with a column `caption` has captions",
            )),
            (Some(_), Task::Retrieval) => Err(DataError::malformed(
                Path::new(&*custom.dataset.title),
                "has captions and no labels: `eval retrieval` scores captions; a table with a column `label` has labels",
            )),
            _ => Ok(custom),
        }
    }

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
        let mut listing = datasets::read(&source)?;
        let layout = detour(dataset, root, &folder).into_iter().chain(source.layout());
        listing.notes.splice(0..0, layout);
        Ok(Split::of(Cow::Borrowed(dataset), info, prompts, listing))
    }
}
