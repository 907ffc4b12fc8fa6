//! Birdsnap: lists of links, whose images die with the years. PROTOCOL_EVAL 6.1.
//!
//! `images.txt` (columns path, species_id), `species.txt` (id, common), `test_images.txt` (path):
//! tab-separated with a header. What is there is scored, the rest counted. The whole photo is used,
//! not its box.

use std::collections::{HashMap, HashSet};

use crate::error::DataError;
use crate::item::Target;
use crate::listing::table;
use crate::prompts::Classes;
use crate::reader::{Listing, Source};

pub(crate) fn read(source: &Source<'_>) -> Result<Listing, DataError> {
    let species = species(source)?;
    let test: HashSet<String> = table(&source.folder.join("test_images.txt"), b'\t', ["path"])?
        .into_iter()
        .flatten()
        .collect();
    let downloaded = ["images", "download/images"];
    let images =
        downloaded.into_iter().find(|place| source.folder.join(place).is_dir()).unwrap_or("images");
    let mut found = source.listing();
    for [path, id] in table(&source.folder.join("images.txt"), b'\t', ["path", "species_id"])? {
        if test.contains(&path) != (source.split == "test") {
            continue;
        }
        let class = species.get(&id).copied().ok_or_else(|| {
            let list = source.folder.join("images.txt");
            DataError::malformed(list, format!("species_id `{id}` of {path} is not in species.txt"))
        })?;
        found.file(format!("{images}/{path}"), Target::Class(class))?;
    }
    found.items.sort_by_cached_key(crate::Item::id); // images.txt has no promised order
    Ok(found)
}

/// Class of each species id, joined by name: the authors' names are the common ones without
/// apostrophes and hyphens.
fn species(source: &Source<'_>) -> Result<HashMap<String, u32>, DataError> {
    let names = source.prompts.classes.iter().filter_map(|names| names.first());
    let classes = Classes::new(&source.dataset.id, names)?;
    let list = source.folder.join("species.txt");
    let rows = table(&list, b'\t', ["id", "common"])?;
    let class = |[id, common]: [String; 2]| {
        let name = common.replace(['\'', '’'], "").replace('-', " ");
        Ok((id, classes.position(&name, &list)?))
    };
    rows.into_iter().map(class).collect()
}
