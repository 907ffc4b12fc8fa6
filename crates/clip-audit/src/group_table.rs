//! Groups from a table of a person's: a column of files, and columns that say who is in them.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use clip_data::{FileColumns, FileGroups, FileTable};
use clip_eval::EvalError;
use clip_eval::results::Skipped;
use serde::Serialize;

use crate::groups::{Attribute, Groups};

/// The column of groups, where none is named.
const GENDER: &str = "gender";

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

impl GroupColumns {
    /// Reads a table by these columns.
    ///
    /// # Errors
    /// It cannot be read, or has no such column.
    pub fn table(&self, path: &Path) -> Result<FileTable, EvalError> {
        let gender = [GENDER.to_owned()];
        let groups = if self.group_column.is_empty() { &gender } else { &*self.group_column };
        Ok(FileTable::read(path, FileColumns { file: self.file_column.as_deref(), groups })?)
    }
}

/// Groups of items, and what there is to know of how they were found.
#[derive(Debug, Clone, PartialEq)]
pub struct GroupsRead {
    /// An attribute for each column, of every item.
    pub groups: Groups,
    /// Items without a row, rows without an item, cells that are empty, levels that were joined.
    pub notes: Vec<String>,
    /// Files of which two rows disagree.
    pub left_out: Vec<Skipped>,
}

impl Groups {
    /// Groups of items from a table, joined by path: the item's own, or one that ends as the other
    /// does where that fits one file alone.
    ///
    /// - `ids`: of the items, in order, each once
    ///
    /// # Errors
    /// The table cannot be read, has no such column, or names none of the items.
    pub fn read(
        path: &Path,
        columns: &GroupColumns,
        ids: &[String],
    ) -> Result<GroupsRead, EvalError> {
        let failed = |reason: String| EvalError::result(path, reason);
        let table = columns.table(path)?.as_written().map_err(failed)?;
        join(&table, ids).map_err(failed)
    }
}

/// Files of a table and what is left out of it, as results name them.
pub(crate) fn left_out(table: &FileGroups) -> Vec<Skipped> {
    let skipped = |left: &clip_data::LeftOut| Skipped {
        input: left.input.clone(),
        stage: "groups".to_owned(),
        reason: left.reason.clone(),
    };
    table.left_out.iter().map(skipped).collect()
}

/// The groups of some of the table's own files.
pub(crate) fn groups_of(table: &FileGroups, files: &[usize]) -> Groups {
    groups_at(table, &files.iter().copied().map(Some).collect::<Vec<_>>())
}

/// BLAKE3 of files and groups, in order.
pub(crate) fn blake3_of(table: &FileGroups) -> String {
    let mut hasher = blake3::Hasher::new();
    for (file, path) in table.files.iter().enumerate() {
        let level = |column: &clip_data::GroupColumn| {
            column.of_file[file].map(|level| column.levels[level as usize].clone())
        };
        let levels: Vec<Option<String>> = table.columns.iter().map(level).collect();
        hasher.update(format!("{path}\t{levels:?}\n").as_bytes());
    }
    hasher.finalize().to_hex().to_string()
}

/// The groups of items, from the file of each.
fn groups_at(table: &FileGroups, file_of: &[Option<usize>]) -> Groups {
    let attribute = |column: &clip_data::GroupColumn| Attribute {
        name: column.name.clone(),
        levels: column.levels.clone(),
        of_item: file_of.iter().map(|file| column.of_file[(*file)?]).collect(),
    };
    Groups { attributes: table.columns.iter().map(attribute).collect() }
}

fn join(table: &FileGroups, ids: &[String]) -> Result<GroupsRead, String> {
    let (file_of, unclear) = file_of_items(&table.files, ids);
    let met: HashSet<usize> = file_of.iter().flatten().copied().collect();
    if met.is_empty() {
        let first = |names: &[String]| names.first().cloned().unwrap_or_default();
        return Err(format!(
            "names none of the {} images: it has `{}`, they are `{}`: write paths as the data set does",
            ids.len(),
            first(&table.files),
            first(ids)
        ));
    }
    let mut notes = table.notes.clone();
    if let Some(id) = unclear.first() {
        let count = unclear.len();
        notes.push(format!(
            "images whose row is not plain, as paths end alike, in no group: {count}, the first {id}"
        ));
    }
    let without = file_of.iter().filter(|file| file.is_none()).count() - unclear.len();
    if without > 0 {
        notes.push(format!("images without a row in the table, in no group: {without}"));
    }
    let rows = table.files.len() - met.len();
    if rows > 0 {
        notes.push(format!("files of the table that are no image of the data set: {rows}"));
    }
    Ok(GroupsRead { groups: groups_at(table, &file_of), notes, left_out: left_out(table) })
}

/// The file of each item, and items that have none as several would do, or as theirs would do for
/// several.
fn file_of_items<'a>(files: &[String], ids: &'a [String]) -> (Vec<Option<usize>>, Vec<&'a String>) {
    let mut named: HashMap<&str, Vec<usize>> = HashMap::new();
    for (file, path) in files.iter().enumerate() {
        named.entry(last(path)).or_default().push(file);
    }
    // For each item the files that it may be, the same path before all others.
    let candidates = |id: &String| -> Vec<usize> {
        let files_named = named.get(last(id)).map_or(&[][..], Vec::as_slice);
        match files_named.iter().find(|&&file| files[file] == *id) {
            Some(&same) => vec![same],
            None => {
                let alike = files_named.iter().filter(|&&file| end_alike(&files[file], id));
                alike.copied().collect()
            }
        }
    };
    let candidates: Vec<Vec<usize>> = ids.iter().map(candidates).collect();
    let mut taken = vec![0; files.len()];
    candidates.iter().flatten().for_each(|&file| taken[file] += 1);
    let file = |(candidates, id): (&Vec<usize>, &String)| match candidates[..] {
        [only] if taken[only] == 1 || files[only] == *id => Some(only),
        _ => None,
    };
    let file_of: Vec<Option<usize>> = candidates.iter().zip(ids).map(file).collect();
    let all = candidates.iter().zip(&file_of).zip(ids);
    let unclear = all.filter(|((candidates, file), _)| file.is_none() && !candidates.is_empty());
    let unclear = unclear.map(|(_, id)| id).collect();
    (file_of, unclear)
}

/// The last name of a path.
fn last(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// Whether one is the end of the other, by whole names.
fn end_alike(a: &str, b: &str) -> bool {
    let (short, long) = if a.len() < b.len() { (a, b) } else { (b, a) };
    long.strip_suffix(short).is_some_and(|head| head.is_empty() || head.ends_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, ids: &[&str]) -> Result<GroupsRead, String> {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("groups.csv");
        std::fs::write(&path, text).expect("a table");
        let ids: Vec<String> = ids.iter().map(|&id| id.to_owned()).collect();
        Groups::read(&path, &GroupColumns::default(), &ids).map_err(|error| error.to_string())
    }

    fn of_items(found: &GroupsRead) -> &[Option<u32>] {
        &found.groups.attributes[0].of_item
    }

    #[test]
    fn rows_find_their_items_by_the_same_path_or_by_its_end() {
        let text = "file,gender\n/data/cat/1.jpg,m\ncat/2.jpg,f\ndog/2.jpg,m\nother.jpg,f\n";
        let found = read(text, &["cat/1.jpg", "cat/2.jpg", "photos/dog/2.jpg", "cat/3.jpg"]);
        let found = found.expect("groups");
        assert_eq!(found.groups.attributes[0].levels, ["f", "m"]);
        assert_eq!(of_items(&found), [Some(1), Some(0), Some(1), None]);
        assert!(
            found.notes.iter().any(|note| note.contains("without a row") && note.ends_with("1"))
        );
        assert!(found.notes.iter().any(|note| note.contains("no image of the data set: 1")));
    }

    #[test]
    fn name_that_several_rows_end_with_is_in_no_group() {
        let found = read("file,gender\na/1.jpg,m\nb/1.jpg,f\n2.jpg,f\n", &["1.jpg", "2.jpg"]);
        let found = found.expect("groups");
        assert_eq!(of_items(&found), [None, Some(0)]);
        assert!(
            found.notes.iter().any(|note| note.contains("not plain") && note.contains("1.jpg"))
        );
        let exact = read("file,gender\n1.jpg,m\nb/1.jpg,f\n", &["1.jpg"]).expect("groups");
        assert_eq!(of_items(&exact), [Some(1)]);
        let other_end = read("file,gender\n11.jpg,m\n", &["1.jpg"]).expect_err("refused");
        assert!(other_end.contains("names none of the 1 images: it has `11.jpg`"), "{other_end}");
    }

    #[test]
    fn file_of_which_rows_disagree_is_left_out() {
        let found = read("file,gender\n1.jpg,m\n1.jpg,f\n2.jpg,f\n", &["1.jpg", "2.jpg"]);
        let found = found.expect("groups");
        assert_eq!(of_items(&found), [None, Some(0)]);
        assert_eq!(found.left_out.len(), 1);
    }
}
