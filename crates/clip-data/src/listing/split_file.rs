//! Another's draw of a split, in place of ours: lines of text, or CoOp's `split_zhou_*.json`.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;

use serde::Deserialize;

use crate::error::DataError;
use crate::item::Item;
use crate::listing::lists::entries;
use crate::reader::Listing;
use crate::text::text;

/// Lines named in an error; the others are counted.
const NAMED: usize = 3;

/// Of all items those of `split` by the list: `id<tab>split` a line; or ids alone, which are the
/// training images, the others the test's; or CoOp's `{"train": [["CLASS/x.jpg", 0, "name"], …],
/// "val": …, "test": …}`. Folders before an id do not count.
///
/// # Errors
/// The list cannot be read, names what is in none of the data set's folders or something twice, or
/// says nothing of the split.
pub(crate) fn chosen(mut found: Listing, list: &Path, split: &str) -> Result<Listing, DataError> {
    let malformed = |reason| DataError::malformed(list, reason);
    let lines = parse(&text(list)?).map_err(malformed)?;
    let says_splits = lines.iter().any(|line| line.split.is_some());
    let belongs = |line: &Line| line.split.map_or(split == "train", |of| of == split);
    if !lines.iter().any(belongs) && (says_splits || split != "test") {
        return Err(malformed(format!("has no line `id<tab>{split}`")));
    }
    found.missing.clear(); // the list says what belongs to the split
    let mut pool = Pool::of(found.items.drain(..));
    let mut unknown = Vec::new();
    for line in &lines {
        match pool.take(&line.id).map_err(malformed)? {
            Named::Item(item) if belongs(line) => found.items.push(item),
            Named::Absent if belongs(line) => found.missing.push(line.id.clone()),
            Named::Nothing => unknown.push(line.id.as_str()),
            _ => {}
        }
    }
    if !unknown.is_empty() {
        let named = unknown.get(..NAMED).unwrap_or(&unknown).join("`, `");
        let (count, all) = (unknown.len(), lines.len());
        let reason = format!("{count} of {all} ids are in no folder of the data set: `{named}`");
        return Err(malformed(reason));
    }
    if !says_splits && split == "test" {
        found.items.extend(pool.items.into_values());
        found.items.sort_by_cached_key(Item::id);
    }
    found.notes.push(format!("split as listed in {}", list.display()));
    Ok(found)
}

/// All images of the data set, of which a list takes some.
struct Pool {
    items: HashMap<String, Item>,
    folders: HashSet<String>,
    taken: HashSet<String>,
}

/// What a list names.
enum Named {
    Item(Item),
    /// A file that is not there, in a folder that is.
    Absent,
    Nothing,
}

impl Pool {
    fn of(items: impl Iterator<Item = Item>) -> Pool {
        let items: HashMap<String, Item> = items.map(|item| (item.id(), item)).collect();
        let folders =
            items.keys().filter_map(|id| Some(id.rsplit_once('/')?.0.to_owned())).collect();
        Pool { items, folders, taken: HashSet::new() }
    }

    /// What the id is of, with any folders before it.
    fn take(&mut self, id: &str) -> Result<Named, String> {
        let starts = std::iter::once(0)
            .chain(id.match_indices('/').map(|(slash, _)| slash.saturating_add(1)));
        let ends: Vec<&str> = starts.filter_map(|start| id.get(start..)).collect();
        if ends.iter().any(|id| self.taken.contains(*id)) {
            return Err(format!("`{id}` is listed twice"));
        }
        if let Some(item) = ends.iter().find_map(|id| self.items.remove(*id)) {
            self.taken.insert(item.id());
            return Ok(Named::Item(item));
        }
        let folder_is_there = |id: &&str| {
            id.rsplit_once('/').is_some_and(|(folder, _)| self.folders.contains(folder))
        };
        Ok(if ends.iter().any(folder_is_there) { Named::Absent } else { Named::Nothing })
    }
}

/// An id, and the split it belongs to where the list says so.
#[derive(Debug, PartialEq, Eq)]
struct Line {
    id: String,
    split: Option<&'static str>,
}

/// CoOp's entry is a path, a class of its own counting and a name; others have paths alone.
#[derive(Deserialize)]
#[serde(untagged)]
enum Entry {
    Path(String),
    Coop(String, serde::de::IgnoredAny, serde::de::IgnoredAny),
}

fn parse(text: &str) -> Result<Vec<Line>, String> {
    let id = |id: &str| id.trim().replace('\\', "/");
    if text.trim_start().starts_with(['{', '[']) {
        let splits: BTreeMap<String, Vec<Entry>> = serde_json::from_str(text).map_err(|error| {
            format!(
                "not of the form {{\"train\": [[\"CLASS/x.jpg\", 0, \"name\"], …], \"test\": …}}: {error}"
            )
        })?;
        let mut lines = Vec::new();
        for (split, entries) in &splits {
            let split = Some(split_of(split)?);
            let path = |entry: &Entry| match entry {
                Entry::Path(path) | Entry::Coop(path, ..) => id(path),
            };
            lines.extend(entries.iter().map(|entry| Line { id: path(entry), split }));
        }
        return Ok(lines);
    }
    let mut lines = Vec::new();
    for (number, line) in entries(text) {
        let (path, split) =
            line.split_once('\t').map_or((line, None), |(path, split)| (path, Some(split)));
        let split = split.map(|split| split_of(split.trim())).transpose();
        lines.push(Line {
            id: id(path),
            split: split.map_err(|reason| format!("line {number}: {reason}"))?,
        });
    }
    let with = lines.iter().filter(|line| line.split.is_some()).count();
    if with > 0 && with < lines.len() {
        return Err(format!(
            "{with} of {} lines are `id<tab>split`, the others ids alone",
            lines.len()
        ));
    }
    Ok(lines)
}

fn split_of(word: &str) -> Result<&'static str, String> {
    match word {
        "train" => Ok("train"),
        "val" | "valid" | "validation" => Ok("val"),
        "test" => Ok("test"),
        _ => Err(format!("`{word}` is none of train, val, test")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(parsed: &[(&str, Option<&'static str>)]) -> Vec<Line> {
        parsed.iter().map(|(id, split)| Line { id: (*id).to_owned(), split: *split }).collect()
    }

    #[test]
    fn lists_and_coop_s_json_say_the_same() {
        let expected = Ok(lines(&[("a/1.jpg", Some("test")), ("b/2.jpg", Some("train"))]));
        assert_eq!(parse("a\\1.jpg\ttest\r\nb/2.jpg\ttrain\r\n"), expected);
        let coop = r#"{"test": [["a/1.jpg", 0, "a"]], "train": [["b/2.jpg", 1, "b"]], "val": []}"#;
        assert_eq!(parse(coop), expected);
        assert_eq!(parse(r#"{"test": ["a/1.jpg"], "train": ["b/2.jpg"]}"#), expected);
        assert_eq!(parse("a/1.jpg\nb/2.jpg\n"), Ok(lines(&[("a/1.jpg", None), ("b/2.jpg", None)])));
    }

    #[test]
    fn what_is_no_split_is_refused() {
        for (text, reason) in [
            ("a\ttset\n", "line 1: `tset`"),
            ("a\ttest\nb\n", "1 of 2 lines"),
            ("{\"tests\": []}", "`tests` is none"),
            ("[\"a\"]", "not of the form"),
            ("{\"test\": [[1]]}", "not of the form"),
        ] {
            let found = parse(text).expect_err("refused");
            assert!(found.contains(reason), "{text}: {found}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "\\PC{0,60}[\n\t{\\[\":, ]{0,4}\\PC{0,60}") {
            let _ = parse(&text);
        }
    }
}
