//! PASCAL VOC 2007, classification: `JPEGImages/ID.jpg`, `ImageSets/Main/CLASS_SPLIT.txt`.
//! PROTOCOL_EVAL 6.1.

use std::collections::BTreeMap;

use crate::error::DataError;
use crate::item::{Presence, Target};
use crate::listing::{at, entries, presence};
use crate::reader::{Listing, Source};
use crate::text::text;

/// Presence of each class, in the authors' order: *not* the official one, so each list is read by
/// its name.
pub(crate) fn read(source: &Source<'_>) -> Result<Listing, DataError> {
    let labels = source.labels()?;
    let mut images: BTreeMap<String, Vec<Presence>> = BTreeMap::new();
    for (class, label) in labels.iter().enumerate() {
        let list = source.path(&format!("ImageSets/Main/{label}_{}.txt", source.split));
        for (number, line) in entries(&text(&list)?) {
            let (id, presence) = presence(line).map_err(at(&list, number))?;
            let known = images.entry(id.to_owned()).or_default();
            if known.len() != class {
                let reason = format!("{id} is not in the lists of all classes, or twice in one");
                return Err(at(&list, number)(reason));
            }
            known.push(presence);
        }
    }
    let (mut found, pictures) = (source.listing(), source.place("JPEGImages"));
    for (id, presences) in images {
        if presences.len() != labels.len() {
            let lists = source.folder.join("ImageSets/Main");
            return Err(DataError::malformed(
                lists,
                format!("{id} is not in the lists of all classes"),
            ));
        }
        found.file(format!("{pictures}/{id}.jpg"), Target::Labels(presences.into()))?;
    }
    Ok(found)
}
