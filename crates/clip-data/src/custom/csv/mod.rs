//! A table of files with labels or captions.

mod dialect;
mod file_table;
mod header;
mod paths;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;

use self::dialect::Table;
pub use self::file_table::{FileColumns, FileGroups, FileTable, GroupColumn};
use self::header::Columns;
pub use self::header::{CaptionColumns, caption_columns};
use self::paths::Paths;
use crate::catalogue::Task;
use crate::custom::class_names::classes_of;
use crate::custom::split_names::{choose, role, word_in};
use crate::custom::user_dataset::{ALL, UserDataset};
use crate::error::DataError;
use crate::item::{Item, Target};
use crate::reader::{Listing, ReadOptions};
use crate::split::Split;
use crate::text::text;

/// Columns for pictures and labels, or pictures and captions (a row each), perhaps splits; paths
/// from the table's folder, or absolute.
pub(crate) fn read(
    path: &Path,
    split: Option<&str>,
    options: &ReadOptions,
) -> Result<Split, DataError> {
    let malformed = |reason| DataError::malformed(path, reason);
    let folder = path.parent().unwrap_or(Path::new(""));
    let (rows, columns, notes) = rows(&text(path)?, options.task).map_err(malformed)?;
    let mut found = Listing { notes, ..Listing::below(folder) };
    let splits = splits_of(&rows, columns.split.is_some());
    let split = choose(path, &splits, split)?;
    let all = rows.iter().filter(|row| row.split.is_none()).count();
    if columns.split.is_some() && all > 0 {
        found.notes.push(format!("rows without a split, passed over: {all}"));
    }
    let wanted = |row: &&Row| columns.split.is_none() || row.is_of(&split);
    let of_split: Vec<&Row> = rows.iter().filter(wanted).collect();
    let paths = Paths::new(folder, of_split.iter().map(|row| &*row.file), &mut found.notes);
    let classes = match columns.task {
        Task::Retrieval => None,
        _ => Some(classes_of(folder, labels(&rows), false)?),
    };
    for image in images(&of_split, &paths, &mut found) {
        let target = match &classes {
            Some(classes) => image.class(|label| classes.labels.position(label)),
            None => image.captions(options.captions.unwrap_or(usize::MAX)),
        };
        match target {
            Ok(target) => found.items.push(Item::file(image.path, target)),
            Err(reason) => found.leave_out(image.path, reason),
        }
    }
    if found.items.is_empty() {
        let first = found.left_out.first();
        let first = first.map(|left| format!("; the first: {}: {}", left.input, left.reason));
        let (count, first) = (of_split.len(), first.unwrap_or_default());
        return Err(malformed(format!("no row of {count} can be scored{first}")));
    }
    if let Some(classes) = &classes {
        let items = rows.iter().filter_map(|row| Some((row.split.as_deref()?, row.label()?)));
        found.notes.extend(classes.labels.what_splits_lack(items));
    }
    let (task, listing) = (columns.task, found);
    UserDataset { path, task, splits, split, classes, listing }.split()
}

/// The rows of a table, which of its columns are read, and notes on both.
///
/// # Errors
/// It is no table, or what it says is not plain.
fn rows(text: &str, task: Option<Task>) -> Result<(Vec<Row>, Columns, Vec<String>), String> {
    let knows = |header: &[String]| header::columns(header, None).is_some();
    let table = dialect::read(text, knows, header::what_it_lacks)?;
    let columns = header::columns(&table.header, task);
    let mut columns = columns.ok_or("the header is not known")?;
    if columns.split.is_none() {
        columns.split = column_of_splits(&table, &columns);
        columns.notes.extend(what_is_of_splits(&table.header, columns.split));
    }
    if let Some(name) = header::repeated(&table.header, &columns) {
        return Err(format!("there are several columns `{name}`: keep one"));
    }
    let row = |(line, cells): &(u64, Vec<String>)| Row::of(*line, cells, &columns);
    let rows: Vec<Row> = table.rows.iter().map(row).collect();
    let is_list = |row: &&Row| row.values.iter().any(|value| is_list_of_python(value));
    if let Some(Row { line, .. }) = rows.iter().find(is_list) {
        return Err(format!(
            "line {line}: the text is a list as Python writes it: write a JSON list, or a row for each caption"
        ));
    }
    let notes = [&*table.notes, &*columns.notes].concat();
    Ok((rows, columns, notes))
}

/// The first of the other columns in which every cell is the name of a split, two of them at least.
fn column_of_splits(table: &Table, columns: &Columns) -> Option<usize> {
    let is_other = |place: &usize| *place != columns.file && !columns.values.contains(place);
    let holds_splits = |place: &usize| {
        let cells =
            table.rows.iter().map(|(_, cells)| cells.get(*place).map_or("", String::as_str).trim());
        let names: BTreeSet<&str> = cells.collect();
        names.len() > 1 && names.iter().all(|name| role(name).is_some())
    };
    (0..table.header.len()).filter(is_other).find(holds_splits)
}

/// A note on the column of splits that was found, or on those whose names speak of splits and whose
/// cells do not.
fn what_is_of_splits(header: &[String], found: Option<usize>) -> Option<String> {
    if let Some(name) = found.and_then(|place| header.get(place)) {
        return Some(format!(
            "the split is read from column {name}, whose cells are names of splits"
        ));
    }
    let speaking: Vec<&str> =
        header.iter().map(String::as_str).filter(|name| word_in(name).is_some()).collect();
    (!speaking.is_empty()).then(|| {
        let names = speaking.join(", ");
        format!("all rows are read: no split is known from column {names}; a column `split` with train or test says it")
    })
}

/// A row with something in it.
struct Row {
    line: u64,
    file: String,
    /// What is said of the picture; nothing that is empty.
    values: Vec<String>,
    /// As it is written; none where the cell is empty or there is no column.
    split: Option<String>,
}

impl Row {
    fn of(line: u64, cells: &[String], columns: &Columns) -> Row {
        let cell =
            |place: usize| cells.get(place).map(|cell| cell.trim().to_owned()).unwrap_or_default();
        let value = |&place: &usize| match columns.task {
            Task::Retrieval => cell(place),
            _ => without_stray_quote(cell(place)),
        };
        let values = columns.values.iter().map(value);
        let mut values: Vec<String> = match columns.task {
            Task::Retrieval => values.flat_map(captions_in).collect(),
            _ => values.collect(),
        };
        values.retain(|value| !says_nothing(value));
        let split = columns.split.map(cell).filter(|split| !split.is_empty());
        Row { line, file: cell(columns.file), values, split }
    }

    fn label(&self) -> Option<&str> {
        self.values.first().map(String::as_str)
    }

    fn is_of(&self, split: &str) -> bool {
        self.split.as_ref().is_some_and(|of| of.to_lowercase() == split.to_lowercase())
    }
}

/// A label whose only quote is one in front, never closed.
fn without_stray_quote(label: String) -> String {
    match label.strip_prefix('"') {
        Some(rest) if !rest.contains('"') => rest.trim().to_owned(),
        _ => label,
    }
}

/// Empty, or what tables write for a missing value.
pub(super) fn says_nothing(value: &str) -> bool {
    matches!(value.to_lowercase().as_str(), "" | "nan" | "null" | "<na>" | "#n/a" | "n/a")
}

/// One caption, or those of a JSON list of texts.
fn captions_in(cell: String) -> Vec<String> {
    match serde_json::from_str::<Vec<String>>(&cell) {
        Ok(captions) => captions.into_iter().map(|caption| caption.trim().to_owned()).collect(),
        Err(_) => vec![cell],
    }
}

fn is_list_of_python(value: &str) -> bool {
    value.starts_with("['") && value.ends_with("']")
}

/// Splits by the first way each is written, sorted; one called `all` where there is no column.
fn splits_of(rows: &[Row], has_column: bool) -> Vec<String> {
    if !has_column {
        return vec![ALL.to_owned()];
    }
    let mut splits = BTreeMap::new();
    for split in rows.iter().filter_map(|row| row.split.as_ref()) {
        splits.entry(split.to_lowercase()).or_insert_with(|| split.clone());
    }
    splits.into_values().collect()
}

/// Labels of all splits, so that positions agree.
fn labels(rows: &[Row]) -> impl Iterator<Item = &str> + Clone {
    rows.iter().filter_map(Row::label)
}

/// One picture and all that its rows say.
struct Image {
    /// From the table's folder, or absolute.
    path: String,
    /// Each value once, with its line.
    values: Vec<(u64, String)>,
}

impl Image {
    fn class(&self, position: impl Fn(&str) -> Option<u32>) -> Result<Target, String> {
        let known: Vec<(u64, &str, Option<u32>)> = self
            .values
            .iter()
            .map(|(line, label)| (*line, label.as_str(), position(label)))
            .collect();
        let Some(&(first, label, class)) = known.first() else {
            return Err("has no label".to_owned());
        };
        if let Some((line, other, _)) = known.iter().find(|(.., other)| *other != class) {
            return Err(format!("has two labels: {label} in line {first}, {other} in line {line}"));
        }
        class.map(Target::Class).ok_or_else(|| format!("line {first}: label `{label}` is no class"))
    }

    fn captions(&self, most: usize) -> Result<Target, String> {
        if self.values.is_empty() {
            return Err("has no caption".to_owned());
        }
        let captions = self.values.iter().take(most).map(|(_, caption)| caption.as_str().into());
        Ok(Target::Captions(captions.collect()))
    }
}

/// Pictures in the order of their first rows; what is not there is left out, and so are rows that
/// say nothing.
fn images(rows: &[&Row], paths: &Paths, found: &mut Listing) -> Vec<Image> {
    let mut positions: HashMap<String, usize> = HashMap::new();
    let mut images: Vec<Image> = Vec::new();
    let mut repeated = 0_usize;
    for row in rows {
        let place = match paths.of(&row.file) {
            _ if row.file.is_empty() => Err("names no file".to_owned()),
            Ok(_) if row.values.is_empty() => Err("has no label or caption".to_owned()),
            place => place,
        };
        let path = match place {
            Ok(path) => path,
            Err(reason) => {
                let name = if row.file.is_empty() {
                    format!("line {}", row.line)
                } else {
                    row.file.clone()
                };
                found.leave_out(name, reason);
                continue;
            }
        };
        let position = *positions.entry(path.clone()).or_insert(images.len());
        if position == images.len() {
            images.push(Image { path, values: Vec::new() });
        }
        let Some(image) = images.get_mut(position) else { continue };
        for value in &row.values {
            if image.values.iter().any(|(_, known)| known == value) {
                repeated = repeated.saturating_add(1);
            } else {
                image.values.push((row.line, value.clone()));
            }
        }
    }
    if repeated > 0 {
        found
            .notes
            .push(format!("rows that say again what another says of their picture: {repeated}"));
    }
    images
}
