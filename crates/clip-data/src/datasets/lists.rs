//! Lists in text files: one entry a line, in the dialects of the data sets.

#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects
    )
)]

use std::path::Path;

use serde::de::DeserializeOwned;

use super::Source;
use crate::error::DataError;
use crate::item::Presence;

/// Longest list that is read, in bytes; the longest of the catalogue (`dataset_coco.json`) has 144 MB.
pub(crate) const LIMIT: u64 = 512 << 20;

/// The text of a list, without a byte order mark: UTF-8, or UTF-16 where a mark says so.
///
/// # Errors
/// It cannot be read, is longer than 512 MiB, or is in another encoding.
pub(crate) fn text(path: &Path) -> Result<String, DataError> {
    let bytes = clip_files::read(path, LIMIT).map_err(DataError::read(path))?;
    decoded(bytes).map_err(|reason| DataError::malformed(path, reason))
}

fn decoded(bytes: Vec<u8>) -> Result<String, String> {
    let is_wider = matches!(bytes.get(..4), Some([0xff, 0xfe, 0, 0])); // UTF-32 begins as UTF-16 does
    if is_wider || bytes.get(..2).is_some_and(|start| start.contains(&0)) {
        return Err("is UTF-32, or UTF-16 without a mark: save it as UTF-8".to_owned());
    }
    let wide = match bytes.get(..2) {
        Some([0xff, 0xfe]) => Some(u16::from_le_bytes as fn([u8; 2]) -> u16),
        Some([0xfe, 0xff]) => Some(u16::from_be_bytes as fn([u8; 2]) -> u16),
        _ => None,
    };
    if let Some(unit) = wide {
        let units =
            bytes.get(2..).unwrap_or_default().as_chunks::<2>().0.iter().map(|pair| unit(*pair));
        let text: Result<String, _> = char::decode_utf16(units).collect();
        return text.map_err(|_| "begins as UTF-16 and is none: save it as UTF-8".to_owned());
    }
    let text = String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        let line = error
            .as_bytes()
            .iter()
            .take(at)
            .filter(|&&byte| byte == b'\n')
            .count()
            .saturating_add(1);
        format!("byte {at}, in line {line}, is not UTF-8: save it as UTF-8")
    })?;
    Ok(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text))
}

/// JSON of a known form.
///
/// # Errors
/// It cannot be read, or has another form.
pub(crate) fn json<T: DeserializeOwned>(path: &Path) -> Result<T, DataError> {
    serde_json::from_str(&text(path)?)
        .map_err(|error| DataError::malformed(path, error.to_string()))
}

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

/// The reason as an error at a line of a file.
pub(crate) fn at<'a>(path: &'a Path, line: usize) -> impl FnOnce(String) -> DataError + 'a {
    move |reason| DataError::malformed(path, format!("line {line}: {reason}"))
}

/// Labels by position; every prompt file of a data set with class folders states them.
pub(crate) fn labels<'a>(source: &Source<'a>) -> Result<&'a [String], DataError> {
    source.prompts.classes()?; // says why where there are none
    Ok(source.prompts.labels.as_deref().unwrap_or_default())
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
    fn encoding_is_the_one_that_the_mark_says_or_utf_8() {
        let wide =
            |unit: fn(u16) -> [u8; 2]| "\u{feff}caf\u{e9}".encode_utf16().flat_map(unit).collect();
        for bytes in [
            wide(u16::to_le_bytes),
            wide(u16::to_be_bytes),
            "\u{feff}caf\u{e9}".into(),
            "caf\u{e9}".into(),
        ] {
            assert_eq!(decoded(bytes).as_deref(), Ok("caf\u{e9}"));
        }
        assert!(decoded(b"a\nb\xe9".to_vec()).expect_err("Latin-1").contains("byte 3, in line 2"));
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
