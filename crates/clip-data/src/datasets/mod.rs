//! The readers: one file for each data set, or for each family that shares a layout.

mod assets;

use std::path::Path;

pub(crate) use self::assets::{DESCRIPTIONS, PROMPTS};
use crate::catalogue::Dataset;
use crate::error::DataError;
use crate::item::Item;
use crate::prompts::PromptSet;
use crate::split::ReadOptions;

/// What a reader is asked for.
pub struct Source<'a> {
    /// Of the catalogue.
    pub dataset: &'a Dataset,
    /// Class names, templates, labels.
    pub prompts: &'a PromptSet,
    /// The data set's own folder: the one that holds its marker.
    pub folder: &'a Path,
    /// One of the data set's splits.
    pub split: &'a str,
    /// Choices that change the items.
    pub options: &'a ReadOptions,
}

/// What a reader found.
#[derive(Debug, Default)]
pub struct Found {
    /// In a fixed order.
    pub items: Vec<Item>,
    /// What was left out, guessed or drawn, in words.
    pub notes: Vec<String>,
    /// Files and folders (`name/`) that lists or classes name and that are not there.
    pub absent: Vec<String>,
}

/// Lists the items of a split.
type Reader = fn(&Source<'_>) -> Result<Found, DataError>;

/// By the name that `assets/datasets/ID.toml` calls them.
const READERS: &[(&str, Reader)] = &[];

pub(crate) fn read(source: &Source<'_>) -> Result<Found, DataError> {
    let name = source.dataset.reader.as_deref().unwrap_or(&source.dataset.id);
    match READERS.iter().find(|(known, _)| *known == name) {
        Some((_, reader)) => reader(source),
        None => Err(DataError::UnknownDataset { name: name.to_owned() }),
    }
}
