//! FairFace: `{train,val}/N.jpg`, `fairface_label_{train,val}.csv`. PROTOCOL_EVAL 8.1. For the
//! audit alone.

use std::path::Path;

use crate::error::DataError;
use crate::item::Target;
use crate::listing::table;
use crate::prompts::Classes;
use crate::reader::{Listing, Source};

pub(crate) fn read(source: &Source<'_>) -> Result<Listing, DataError> {
    let list = source.path(&format!("fairface_label_{}.csv", source.split));
    let [race_of, gender_of, age_of] =
        ["race_csv", "gender_csv", "age_csv"].map(|name| words(source, name));
    let (race_of, gender_of, age_of) = (race_of?, gender_of?, age_of?);
    let rows = table(&list, b',', ["file", "age", "gender", "race"])?;
    let images = source.place(source.split);
    let mut found = source.listing();
    for [file, age, gender, race] in rows {
        let target = Target::Person {
            race: race_of.position(&race, &list)?,
            gender: gender_of.position(&gender, &list)?,
            age: age_of
                .position(&age, &list)
                .map_err(|error| dated(&list, &age).unwrap_or(error))?,
        };
        let name = file.strip_prefix(source.split).and_then(|name| name.strip_prefix('/'));
        let path = name.map_or(file.clone(), |name| format!("{images}/{name}"));
        found.file(path, target)?;
    }
    Ok(found)
}

/// A spreadsheet turns 3-9 into 03-Sep, and 10-19 into Oct-19: refused, not guessed.
fn dated(list: &Path, age: &str) -> Option<DataError> {
    let is_dated = age.contains('-') && age.chars().any(char::is_alphabetic);
    let reason = format!(
        "`{age}` is a date that a spreadsheet made of an age (03-Sep of 3-9, Oct-19 of 10-19): take the file as \
         it is published"
    );
    is_dated.then(|| DataError::malformed(list, reason))
}

/// A list of the prompt file: the words of the csv by position.
fn words<'a>(source: &Source<'a>, name: &'a str) -> Result<Classes<'a>, DataError> {
    let list = source.prompts.rest.get(name).and_then(serde_json::Value::as_array);
    Classes::new(name, list.into_iter().flatten().filter_map(serde_json::Value::as_str))
}
