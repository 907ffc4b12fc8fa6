//! ObjectNet: `images/FOLDER/*.png`, the 113 folders that ImageNet has classes for.
//! PROTOCOL_EVAL 6.2.

use crate::error::DataError;
use crate::item::{Border, Item, Target};
use crate::listing::{folders_in, images_or_none};
use crate::names::joined;
use crate::prompts::{Classes, PromptSet};
use crate::reader::{Listing, Source};

/// Each picture has a red border of two pixels, so that it is recognised where it does not belong.
const RED: Border = Border { all: 2, foot: 0 };

pub(crate) fn read(source: &Source<'_>) -> Result<Listing, DataError> {
    let labels = source.labels()?;
    let scored = source.prompts.classes()?;
    let all = PromptSet::of("objectnet_folders_313")?;
    let all = all.rest.get("folder_to_name").and_then(serde_json::Value::as_object);
    let all = Classes::new(
        &source.dataset.id,
        all.into_iter().flatten().map(|(folder, _)| folder.as_str()),
    )?;

    let inside = source.place("images");
    let images = source.folder.join(&inside);
    let (mut found, mut other) = (source.listing(), 0_usize);
    let names = folders_in(&images)?;
    for name in &names {
        all.position(name, &images)?;
        let Ok(class) = scored.position(name, &images) else {
            other = other.saturating_add(1);
            continue;
        };
        for path in images_or_none(&mut found, &joined(&inside, name)) {
            found.items.push(Item::file(path, Target::Class(class)));
        }
    }
    found.cut(RED);
    let missing = labels.iter().filter(|label| names.binary_search(label).is_err());
    found.missing.extend(missing.map(|label| joined(&inside, label) + "/"));
    found.count(other, "folders that ImageNet has no class for are left out");
    Ok(found)
}
