//! Lists in text files: one entry a line, in the dialects of the data sets.

use std::path::Path;

use serde::de::DeserializeOwned;

use crate::error::DataError;
use crate::item::Presence;
use crate::text::text;

/// Lines with something in them and their numbers from 1, without ends and outer blanks.
pub fn entries(text: &str) -> impl Iterator<Item = (usize, &str)> {
    (1..)
        .zip(text.lines())
        .map(|(number, line)| (number, line.trim()))
        .filter(|(_, line)| !line.is_empty())
}

/// `first rest of the line` at the first blank: `0034309 Boeing 717`.
///
/// # Errors
/// There is no blank.
pub fn id_and_name(line: &str) -> Result<(&str, &str), String> {
    let (id, name) =
        line.split_once(char::is_whitespace).ok_or_else(|| format!("`{line}` has no blank"))?;
    Ok((id, name.trim_start()))
}

/// A line of `ImageSets/Main`: `000019 -1`, `000021  1`; 0 is only difficult instances.
///
/// # Errors
/// The mark is none of the three.
pub fn presence(line: &str) -> Result<(&str, Presence), String> {
    let (id, mark) = id_and_name(line)?;
    let presence = match mark {
        "-1" => Presence::Absent,
        "0" => Presence::Difficult,
        "1" => Presence::Present,
        _ => return Err(format!("`{mark}` is none of -1, 0, 1")),
    };
    Ok((id, presence))
}

/// `outer/inner` at the last slash.
///
/// # Errors
/// There is none.
pub fn folder_and_file(line: &str) -> Result<(&str, &str), String> {
    line.rsplit_once('/').ok_or_else(|| format!("`{line}` has no folder"))
}

/// A table with a header line: the columns called `names`, in that order, of each row.
///
/// # Errors
/// The header lacks a column, or a row is too short.
pub fn columns<const N: usize>(
    text: &str,
    separator: u8,
    names: [&str; N],
) -> Result<Vec<[String; N]>, String> {
    let mut reader =
        csv::ReaderBuilder::new().delimiter(separator).flexible(true).from_reader(text.as_bytes());
    let header = reader.headers().map_err(|error| error.to_string())?;
    let mut places = [0; N];
    for (place, name) in places.iter_mut().zip(names) {
        let found = header.iter().position(|column| column.trim() == name);
        *place = found.ok_or_else(|| format!("there is no column `{name}`"))?;
    }
    let mut rows = Vec::new();
    for record in reader.records() {
        let record = record.map_err(|error| error.to_string())?;
        let line = record.position().map_or(0, csv::Position::line);
        let mut row = std::array::from_fn(|_| String::new());
        for ((cell, place), name) in row.iter_mut().zip(places).zip(names) {
            let found = record.get(place).ok_or_else(|| format!("line {line} has no `{name}`"))?;
            found.trim().clone_into(cell);
        }
        rows.push(row);
    }
    Ok(rows)
}

/// [`columns`] of a file.
///
/// # Errors
/// As [`columns`], or the file cannot be read.
pub(crate) fn table<const N: usize>(
    path: &Path,
    separator: u8,
    names: [&str; N],
) -> Result<Vec<[String; N]>, DataError> {
    columns(&text(path)?, separator, names).map_err(|reason| DataError::malformed(path, reason))
}

/// The rows of a CSV file with a header line, one by one.
///
/// # Errors
/// The file cannot be read, or a row is no `T`.
pub(crate) fn csv_rows<T: DeserializeOwned>(
    path: &Path,
    trim: csv::Trim,
) -> Result<impl Iterator<Item = Result<T, DataError>>, DataError> {
    let file = clip_files::open(path, u64::MAX).map_err(DataError::read(path))?;
    let rows = csv::ReaderBuilder::new().trim(trim).from_reader(file).into_deserialize();
    let path = path.to_owned();
    Ok(rows.map(move |row| row.map_err(|error| DataError::malformed(&path, error.to_string()))))
}

/// The reason as an error at a line of a file.
pub(crate) fn at<'a>(path: &'a Path, line: usize) -> impl FnOnce(String) -> DataError + 'a {
    move |reason| DataError::malformed(path, format!("line {line}: {reason}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn difficult_is_neither_absent_nor_present() {
        assert_eq!(presence("000021  1"), Ok(("000021", Presence::Present)));
        assert_eq!(presence("000021 -1"), Ok(("000021", Presence::Absent)));
        assert_eq!(presence("2008_000021  0"), Ok(("2008_000021", Presence::Difficult)));
        assert!(presence("000021 2").is_err());
        assert!(presence("000021").is_err());
    }

    #[test]
    fn names_keep_their_blanks() {
        assert_eq!(id_and_name("1514522 F-16A/B"), Ok(("1514522", "F-16A/B")));
        assert_eq!(id_and_name("0056978 Cessna 172"), Ok(("0056978", "Cessna 172")));
    }

    #[test]
    fn columns_are_found_by_name() {
        let rows = columns("a;b;c\r\n1;2;3\r\n4;5;6\r\n", b';', ["c", "a"]).expect("a table");
        assert_eq!(rows, [["3", "1"], ["6", "4"]]);
        assert_eq!(columns("a;b\n1;2\n", b';', ["c"]), Err("there is no column `c`".to_owned()));
        assert_eq!(columns("a;b\n1\n", b';', ["b"]), Err("line 2 has no `b`".to_owned()));
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "\\PC{0,60}[\n\t;, ]{0,4}\\PC{0,60}") {
            for (_, line) in entries(&text) {
                let _ = (presence(line), folder_and_file(line));
            }
            let _ = columns(&text, b'\t', ["path"]);
        }
    }
}
