//! A table read by columns that a person names: files, and the groups that they are in.

use std::collections::HashMap;
use std::path::Path;

use super::dialect;
use super::header::{columns_called, file_columns};
use super::paths::Paths;
use super::says_nothing;
use crate::custom::labels::{Labels, Spelling};
use crate::error::DataError;
use crate::names::named;
use crate::reader::LeftOut;
use crate::text::text;

/// Levels of a column of groups, at most: more are values of each image.
const MOST_LEVELS: usize = 64;
/// What people write where they do not know, beside what tables do.
const UNKNOWN: [&str; 5] = ["unknown", "?", "-", "none", "na"];

/// The columns that are read.
#[derive(Debug, Clone, Copy)]
pub struct FileColumns<'a> {
    /// That of the files; by its usual names where none is given.
    pub file: Option<&'a str>,
    /// Those of groups, at least one.
    pub groups: &'a [String],
}

/// Rows of a table of files and groups.
#[derive(Debug, Clone)]
pub struct FileTable {
    /// Columns of groups as the header writes them.
    names: Vec<String>,
    rows: Vec<Row>,
    notes: Vec<String>,
}

/// A row that names a file.
#[derive(Debug, Clone)]
struct Row {
    line: u64,
    file: String,
    /// One for each column; none where it says nothing.
    cells: Vec<Option<String>>,
}

/// Files and the groups that they are in.
#[derive(Debug, Clone)]
pub struct FileGroups {
    /// Paths, each once, in the order of their first rows.
    pub files: Vec<String>,
    /// In the order in which the columns were asked for.
    pub columns: Vec<GroupColumn>,
    /// What was guessed or passed over.
    pub notes: Vec<String>,
    /// Files that are not there, and those of which two rows disagree.
    pub left_out: Vec<LeftOut>,
}

/// A column of groups.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupColumn {
    /// As the header writes it.
    pub name: String,
    /// Groups by number where all have one (`3-9`, `10-19`), else by their letters; spellings that
    /// differ in case and blanks alone are one.
    pub levels: Vec<String>,
    /// `[files]`: position in `levels`; none where the table does not say.
    pub of_file: Vec<Option<u32>>,
}

impl FileTable {
    /// Reads a table with a header: comma, semicolon, tab or bar, with or without quotes and marks
    /// of spreadsheets.
    ///
    /// # Errors
    /// It is no table, has no such column or several, or no row that names a file.
    pub fn read(path: &Path, asked: FileColumns<'_>) -> Result<FileTable, DataError> {
        let malformed = |reason| DataError::malformed(path, reason);
        FileTable::parse(&text(path)?, asked).map_err(malformed)
    }

    fn parse(text: &str, asked: FileColumns<'_>) -> Result<FileTable, String> {
        let knows = |header: &[String]| what_is_missing(header, asked).is_none();
        let lacks = |header: &[String]| what_is_missing(header, asked).unwrap_or_default();
        let table = dialect::read(text, knows, lacks)?;
        let header = &table.header;
        let name = |place: usize| header.get(place).cloned().unwrap_or_default();
        let (file, mut notes) = file_column(header, asked.file)?;
        let of_groups: Vec<usize> =
            asked.groups.iter().map(|group| only(header, group)).collect::<Result<_, _>>()?;
        let mut taken = vec![file];
        for &place in &of_groups {
            if taken.contains(&place) {
                return Err(format!("column {} is asked for twice: once will do", name(place)));
            }
            taken.push(place);
        }
        let (mut rows, mut nameless) = (Vec::new(), Vec::new());
        for (line, cells) in &table.rows {
            let cell = |place: usize| cells.get(place).map_or("", |cell| cell.trim()).to_owned();
            if cell(file).is_empty() {
                nameless.push(format!("line {line}"));
                continue;
            }
            let cells = of_groups.iter().map(|&place| Some(cell(place)).filter(|cell| says(cell)));
            rows.push(Row { line: *line, file: cell(file), cells: cells.collect() });
        }
        if rows.is_empty() {
            return Err(format!("no row names a file in column {}", name(file)));
        }
        if !nameless.is_empty() {
            notes.push(format!("rows that name no file, passed over: {}", named(&nameless)));
        }
        notes.splice(0..0, table.notes);
        Ok(FileTable { names: of_groups.into_iter().map(name).collect(), rows, notes })
    }

    /// Files as the table writes them, with `/` and without `./`.
    ///
    /// # Errors
    /// A column has no groups: in words.
    pub fn as_written(&self) -> Result<FileGroups, String> {
        self.files(|file| Ok(plain_path(file)), self.notes.clone())
    }

    /// Files that are there, as paths from `root`, or absolute.
    ///
    /// # Errors
    /// A column has no groups: in words.
    pub fn below(&self, root: &Path) -> Result<FileGroups, String> {
        let mut notes = self.notes.clone();
        let paths = Paths::new(root, self.rows.iter().map(|row| &*row.file), &mut notes);
        self.files(|file| paths.of(file), notes)
    }

    /// Each file once, by the path that it has for `place`.
    fn files(
        &self,
        place: impl Fn(&str) -> Result<String, String>,
        notes: Vec<String>,
    ) -> Result<FileGroups, String> {
        let mut found = FileGroups { files: vec![], columns: vec![], notes, left_out: vec![] };
        let mut positions: HashMap<String, usize> = HashMap::new();
        let mut rows: Vec<(String, Vec<&Row>)> = Vec::new();
        for row in &self.rows {
            match place(&row.file) {
                Err(reason) => found.left_out.push(LeftOut { input: row.file.clone(), reason }),
                Ok(path) => {
                    let position = *positions.entry(path.clone()).or_insert(rows.len());
                    match rows.get_mut(position) {
                        Some((_, rows)) => rows.push(row),
                        None => rows.push((path, vec![row])),
                    }
                }
            }
        }
        let columns = self.columns();
        let again: usize = rows.iter().map(|(_, rows)| rows.len().saturating_sub(1)).sum();
        rows.retain(|(path, rows)| match columns.iter().find_map(|column| column.clash(rows)) {
            Some(reason) => {
                found.left_out.push(LeftOut { input: path.clone(), reason });
                false
            }
            None => true,
        });
        if again > 0 {
            found.notes.push(format!("rows of a file that an earlier row names: {again}"));
        }
        for column in columns {
            found.columns.push(column.of(&rows, &mut found.notes)?);
        }
        found.files = rows.into_iter().map(|(path, _)| path).collect();
        Ok(found)
    }

    fn columns(&self) -> Vec<Column<'_>> {
        let labels = |place: usize| {
            let cells = self.rows.iter().filter_map(|row| row.cells.get(place)?.as_deref());
            Labels::new(cells, Spelling::Loose)
        };
        let named = self.names.iter().enumerate();
        named.map(|(place, name)| Column { place, name, labels: labels(place) }).collect()
    }
}

/// A column of groups, over all rows.
struct Column<'a> {
    place: usize,
    name: &'a str,
    labels: Labels,
}

impl Column<'_> {
    /// Rows of one file that put it in two groups.
    fn clash(&self, rows: &[&Row]) -> Option<String> {
        let cell = |row: &Row| row.cells.get(self.place).cloned().flatten();
        let mut said = rows.iter().filter_map(|row| {
            let cell = cell(row)?;
            Some((row.line, self.labels.position(&cell), cell))
        });
        let (line, level, first) = said.next()?;
        let (other_line, _, other) = said.find(|(_, other, _)| *other != level)?;
        let name = self.name;
        Some(format!(
            "has two groups by {name}: {first} in line {line}, {other} in line {other_line}"
        ))
    }

    /// The groups of files.
    fn of(
        &self,
        files: &[(String, Vec<&Row>)],
        notes: &mut Vec<String>,
    ) -> Result<GroupColumn, String> {
        let (name, count) = (self.name, self.labels.len());
        if count == 0 {
            return Err(format!("column {name} names no group: every cell is empty or unknown"));
        }
        if count > MOST_LEVELS {
            return Err(format!(
                "column {name} has {count} different values, groups at most {MOST_LEVELS}: name a column of groups"
            ));
        }
        let level = |rows: &[&Row]| {
            let cells = rows.iter().find_map(|row| row.cells.get(self.place)?.as_deref());
            cells.and_then(|cell| self.labels.position(cell))
        };
        let (levels, places) = in_order(self.labels.classes());
        let of_file: Vec<Option<u32>> = files
            .iter()
            .map(|(_, rows)| level(rows).and_then(|level| places.get(level as usize).copied()))
            .collect();
        let without = of_file.iter().filter(|level| level.is_none()).count();
        if without > 0 {
            notes.push(format!(
                "in no group by {name}, as the cell is empty or unknown: {without} files"
            ));
        }
        notes.extend(self.labels.notes.iter().map(|note| format!("column {name}: {note}")));
        Ok(GroupColumn { name: name.to_owned(), levels, of_file })
    }
}

/// Levels by the first number in each, where all have one, then by their letters; and the new place
/// of each.
fn in_order(levels: &[String]) -> (Vec<String>, Vec<u32>) {
    let number = |level: &String| -> Option<u64> {
        let digits: String = level
            .chars()
            .skip_while(|letter| !letter.is_ascii_digit())
            .take_while(char::is_ascii_digit)
            .collect();
        digits.parse().ok()
    };
    let numbers: Option<Vec<u64>> = levels.iter().map(number).collect();
    let mut order: Vec<usize> = (0..levels.len()).collect();
    order.sort_by_cached_key(|&level| {
        let number = numbers.as_ref().and_then(|numbers| numbers.get(level).copied());
        (number, levels.get(level).map(|level| level.to_lowercase()))
    });
    let mut places: Vec<(usize, u32)> = order.iter().copied().zip(0..).collect();
    places.sort_unstable();
    let sorted = order.iter().filter_map(|&level| levels.get(level).cloned()).collect();
    (sorted, places.into_iter().map(|(_, place)| place).collect())
}

/// Whether a cell says a group.
fn says(cell: &str) -> bool {
    !says_nothing(cell) && !UNKNOWN.contains(&cell.to_lowercase().as_str())
}

/// `./a\b.jpg`, `file://a/b.jpg`: a/b.jpg
fn plain_path(file: &str) -> String {
    let file = file.strip_prefix("file://").unwrap_or(file).replace('\\', "/");
    let start = if file.starts_with('/') { "/" } else { "" };
    let parts: Vec<&str> =
        file.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
    format!("{start}{}", parts.join("/"))
}

/// Which of the columns asked for a header has not, and which it has.
fn what_is_missing(header: &[String], asked: FileColumns<'_>) -> Option<String> {
    let known: Vec<String> = header.iter().map(|name| format!("`{}`", name.trim())).collect();
    let known = known.join(", ");
    let has = |name: &str| !columns_called(header, name).is_empty();
    match asked.file {
        Some(file) if !has(file) => {
            return Some(format!(
                "has no column `{file}`; it has {known}: `--file-column` names the one of the images"
            ));
        }
        None if file_columns(header).is_empty() => {
            return Some(format!(
                "no column is called file, path, image or the like; it has {known}: `--file-column` names the one of \
                 the images"
            ));
        }
        _ => {}
    }
    let missing = asked.groups.iter().find(|group| !has(group))?;
    Some(format!(
        "has no column `{missing}`; it has {known}: `--group-column` names the one of the groups"
    ))
}

/// The place of the files, and what else could have been meant.
fn file_column(header: &[String], asked: Option<&str>) -> Result<(usize, Vec<String>), String> {
    if let Some(name) = asked {
        return Ok((only(header, name)?, Vec::new()));
    }
    let places = file_columns(header);
    let names: Vec<&str> =
        places.iter().filter_map(|&place| header.get(place)).map(String::as_str).collect();
    let [first, others @ ..] = &names[..] else {
        return Err("no column names the images".to_owned());
    };
    let place = only(header, first)?;
    let note = format!("images are named by column {first}, not by {}", others.join(", "));
    Ok((place, if others.is_empty() { Vec::new() } else { vec![note] }))
}

/// The one column of a name.
fn only(header: &[String], name: &str) -> Result<usize, String> {
    match columns_called(header, name)[..] {
        [only] => Ok(only),
        [] => Err(format!("has no column `{name}`")),
        _ => Err(format!("there are several columns `{}`: keep one", name.trim())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(text: &str, file: Option<&str>, groups: &[&str]) -> Result<FileGroups, String> {
        let groups: Vec<String> = groups.iter().map(|&name| name.to_owned()).collect();
        FileTable::parse(text, FileColumns { file, groups: &groups })?.as_written()
    }

    #[test]
    fn files_have_the_groups_of_their_rows_in_any_dialect() {
        for text in [
            "file,gender\na/1.jpg,f\n./a//2.jpg,m\n3.jpg,\n",
            "\"Gender\";\"File\"\r\nf;a/1.jpg\r\nM ;a\\2.jpg\r\nn/a;3.jpg\r\nm;;\r\n",
            "sep=;\nimage;id;gender\na/1.jpg;7;f\na/2.jpg;8;m\n3.jpg;9;unknown\n",
            "file\tgender\na/1.jpg\tf\na/2.jpg\tm\na/2.jpg\tm\n3.jpg\t?\n",
        ] {
            let found = table(text, None, &["gender"]).expect("a table");
            assert_eq!(found.files, ["a/1.jpg", "a/2.jpg", "3.jpg"], "{text}");
            assert_eq!(found.columns[0].of_file, [Some(0), Some(1), None], "{text}");
            let without = "in no group by";
            assert!(found.notes.iter().any(|note| note.starts_with(without)), "{:?}", found.notes);
        }
    }

    #[test]
    fn levels_of_one_meaning_are_one_and_numbers_go_by_their_value() {
        let text = "photo,age\n1,10-19\n2,3-9\n3,more than 70\n4,More Than 70\n";
        let found = table(text, Some("photo"), &["age"]).expect("a table");
        assert_eq!(found.columns[0].levels, ["3-9", "10-19", "More Than 70"]);
        assert_eq!(found.columns[0].of_file, [Some(1), Some(0), Some(2), Some(2)]);
        assert!(found.notes[0].contains("More Than 70 = more than 70"), "{:?}", found.notes);
    }

    #[test]
    fn file_of_two_groups_is_left_out_with_both_lines() {
        let text = "file,sex\n1,f\n2,m\n1,m\n2,M\n";
        let found = table(text, None, &["sex"]).expect("a table");
        assert_eq!(found.files, ["2"]);
        let left = &found.left_out[0];
        assert_eq!(left.input, "1");
        assert!(left.reason.contains("f in line 2, m in line 4"), "{}", left.reason);
    }

    #[test]
    fn what_a_table_lacks_is_said_with_what_it_has() {
        let many: String = (0..65).map(|row| format!("{row},value {row}\n")).collect();
        let many = format!("file,gender\n{many}");
        for (text, file, reason) in [
            ("file;sex;age\n1;f;3\n", None, "no column `gender`; it has `file`, `sex`, `age`"),
            ("picture of,gender\n1,f\n", None, "it has `picture of`, `gender`: `--file-column`"),
            ("file,gender\n1,f\n", Some("photo"), "no column `photo`; it has `file`, `gender`"),
            ("file,gender,Gender\n1,f,f\n", None, "several columns `gender`"),
            ("1.jpg,f\n2.jpg,m\n", None, "no header line"),
            ("file,gender\n,f\n", None, "no row names a file"),
            ("file,gender\n1,\n2,?\n", None, "column gender names no group"),
            ("", None, "empty"),
            (&many, None, "column gender has 65 different values"),
        ] {
            let said = table(text, file, &["gender"]).expect_err("refused");
            assert!(said.contains(reason), "{text:.40}: {said}");
        }
        let twice = table("file,sex\n1,f\n", None, &["sex", "Sex"]).expect_err("refused");
        assert!(twice.contains("column sex is asked for twice"), "{twice}");
    }
}
