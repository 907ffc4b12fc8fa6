//! Groups from a table of a person's: a column of files, and columns that say who is in them.

use std::path::Path;

use clip_eval::EvalError;
use serde::Serialize;

use crate::groups::Groups;

/// The columns of a table that are read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "clap", derive(clap::Args))]
pub struct GroupColumns {
    /// Column of the table that names the image [default: file, path, image or the like]
    #[cfg_attr(feature = "clap", arg(long, value_name = "NAME"))]
    pub file_column: Option<String>,
    /// Column of the table that says the group; may be repeated [default: gender]
    #[cfg_attr(feature = "clap", arg(long, value_name = "NAME"))]
    pub group_column: Vec<String>,
}

/// Groups of items, and what there is to know of how they were found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupsRead {
    /// An attribute for each column, of every item.
    pub groups: Groups,
    /// Items without a row, rows without an item, cells that are empty, levels that were joined.
    pub notes: Vec<String>,
}

impl Groups {
    /// Groups of items from a table, joined by the path of each item: the same, or one that ends as
    /// the other does.
    ///
    /// - `ids`: of the items, in order, each once
    ///
    /// # Errors
    /// The table cannot be read, has no such column, says two things of one file, or names none of
    /// the items.
    pub fn read(
        _path: &Path,
        _columns: &GroupColumns,
        _ids: &[String],
    ) -> Result<GroupsRead, EvalError> {
        todo!()
    }
}
