//! Hateful Memes: `img/ID.png`, `{train,dev_seen,…}.jsonl`. PROTOCOL_EVAL 6.1.
//!
//! Only the image is given to the model, never the `text` of a line. The path is the field `img`:
//! names pad the id.

use serde::Deserialize;

use crate::error::DataError;
use crate::item::Target;
use crate::listing::{at, entries};
use crate::reader::{Listing, Source};
use crate::text::text;

#[derive(Deserialize)]
struct Line {
    img: String,
    label: Option<u32>,
}

pub(crate) fn read(source: &Source<'_>) -> Result<Listing, DataError> {
    let now = format!("{}.jsonl", source.split);
    let older = format!("{}.jsonl", source.split.trim_end_matches("_seen"));
    let list = source.first_of(&[&now, &older])?;
    let classes = source.prompts.classes()?;
    let mut found = source.listing();
    if list.ends_with(&older) && older != now {
        found.notes.push(format!("layout of the first release: {older}"));
    }
    let images = source.place("img");
    for (number, line) in entries(&text(&list)?) {
        let line: Line =
            serde_json::from_str(line).map_err(|error| at(&list, number)(error.to_string()))?;
        let target = match line.label {
            Some(label) => Target::Class(classes.position(&label.to_string(), &list)?),
            None => Target::Unknown,
        };
        let name = line.img.strip_prefix("img/");
        let path = name.map_or(line.img.clone(), |name| format!("{images}/{name}"));
        found.file(path, target)?;
    }
    let unknown = found.items.iter().filter(|item| item.target == Target::Unknown).count();
    found.count(unknown, "images have no published label");
    Ok(found)
}
