//! What a task is: what it can be asked of, what it reads, and how it is done.

use std::path::PathBuf;

use clip_data::{DataError, Dataset, ReadOptions, Split};
use serde_json::{Map, Value};

use super::outcome::Outcome;
use crate::context::EvalContext;
use crate::error::Result;
use crate::options::EvalOptions;

/// One task on the splits of a data set.
pub trait Task: Sync {
    /// Its word on the command line and in suite files.
    fn name(&self) -> &'static str;

    /// Its name in results, CLIP_benchmark's where it has one.
    fn result_name(&self) -> &'static str;

    /// Whether it can be asked of a data set of the catalogue.
    fn fits(&self, dataset: &Dataset) -> bool;

    /// Whether it can be asked of a user's own files; what they hold is known when they are read.
    fn fits_own_files(&self) -> bool {
        true
    }

    /// The options that it reads, by name; the identity of its results is made of them.
    fn options(&self, all: &EvalOptions) -> Map<String, Value>;

    /// How the splits that it opens are read.
    fn read_options(&self, all: &EvalOptions) -> ReadOptions {
        ReadOptions {
            strip_banner: all.images.strip_banner,
            captions: None,
            split_file: all.scored.split_file.clone(),
            task: Some(clip_data::Task::Classification),
        }
    }

    /// Which scores of a data set are averaged that has several pairs of splits.
    fn averages(&self) -> Averages {
        Averages::Nothing
    }

    /// Does it: scores `split`, the first of those that are scored.
    ///
    /// # Errors
    /// The data set is for another task, a further split is missing, or no item of one can be used.
    fn run(&self, context: &mut EvalContext, request: &Request, split: Split) -> Result<Outcome>;
}

/// What is averaged where a data set has several pairs of splits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Averages {
    /// Nothing: its own test split stands for the data set.
    Nothing,
    /// The test splits, each once: nothing is fitted.
    TestSplits,
    /// The pairs of a training and a test split.
    Pairs,
}

/// What a task is asked: of which data set, and with which options.
#[derive(Debug, Clone)]
pub struct Request {
    /// An id of the catalogue, or a user's own files.
    pub dataset: String,
    /// Where it is.
    pub root: PathBuf,
    /// The split that a person asked for.
    pub asked: Option<String>,
    /// How splits are read.
    pub read: ReadOptions,
    /// Those of the run; the task reads its own.
    pub options: EvalOptions,
}

impl Request {
    /// A split by its name; without one, that which was asked for or else is scored.
    ///
    /// # Errors
    /// There is no such data set or split, or it cannot be read.
    pub fn open(&self, split: Option<&str>) -> Result<Split, DataError> {
        let split = split.or(self.asked.as_deref());
        Split::open(&self.dataset, &self.root, split, &self.read)
    }
}
