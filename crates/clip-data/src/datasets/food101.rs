//! Food101: `images/CLASS/N.jpg`, `meta/{train,test}.txt` with lines `class/id`, or the `.json`
//! beside them. PROTOCOL_EVAL 6.1.

use std::collections::BTreeMap;

use crate::error::DataError;
use crate::listing::{class_list, entries, folder_and_file};
use crate::reader::{Listing, Source};
use crate::text::{json, text};

pub(crate) fn read(source: &Source<'_>) -> Result<Listing, DataError> {
    let name = |ending| format!("meta/{}.{ending}", source.split);
    let list = source.first_of(&[&name("txt"), &name("json")])?;
    let is_json = list.extension().is_some_and(|ending| ending == "json");
    let lines: Vec<(usize, String)> = if is_json {
        let of_classes: BTreeMap<String, Vec<String>> = json(&list)?;
        (1..).zip(of_classes.into_values().flatten()).collect()
    } else {
        entries(&text(&list)?).map(|(number, line)| (number, line.to_owned())).collect()
    };
    let images = source.place("images");
    let mut found = class_list(source, &list, lines, |line| {
        Ok((folder_and_file(line)?.0, format!("{images}/{line}.jpg")))
    })?;
    if is_json {
        found.notes.push(format!("layout of a copy: {} in place of {}", name("json"), name("txt")));
    }
    Ok(found)
}
