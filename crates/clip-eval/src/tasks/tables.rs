//! Tasks on a user's own tables of photos, which are no data set.

use std::path::Path;
use std::sync::Arc;

use clip_data::Items;

use super::outcome::Outcome;
use crate::context::{EvalContext, ItemList};
use crate::error::Result;
use crate::options::IntervalOptions;

/// One task on tables.
pub trait TableTask {
    /// Its name in results.
    fn result_name(&self) -> &'static str;

    /// The tables that it reads.
    fn tables(&self) -> Vec<&Path>;

    /// Does it.
    ///
    /// # Errors
    /// A table cannot be read, or no row of it can be used.
    fn run(&self, context: &mut EvalContext, options: &IntervalOptions) -> Result<Outcome>;
}

/// The photos of a table, named after its file.
pub(super) fn list_of(path: &Path, items: Items) -> ItemList {
    ItemList {
        dataset: stem(path),
        title: path.display().to_string(),
        split: "all".to_owned(),
        expected: None,
        items: Arc::new(items),
        notes: Vec::new(),
        not_listed: Vec::new(),
    }
}

/// The name of a file without its ending.
pub(super) fn stem(path: &Path) -> String {
    path.file_stem().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}
