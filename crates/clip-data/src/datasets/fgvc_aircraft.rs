//! FGVC Aircraft, its 100 variants: `images/ID.jpg`, `images_variant_SPLIT.txt`. PROTOCOL_EVAL 6.1.

use crate::error::DataError;
use crate::item::{Border, Target};
use crate::listing::lists::{at, entries, id_and_name};
use crate::reader::{Listing, Source};
use crate::text::text;

/// Height of the copyright line at the foot of each photo, in pixels.
const BANNER: u32 = 20;

pub(crate) fn read(source: &Source<'_>) -> Result<Listing, DataError> {
    let list = source.path(&format!("images_variant_{}.txt", source.split));
    let (classes, images) = (source.prompts.classes()?, source.place("images"));
    let foot = if source.options.strip_banner { BANNER } else { 0 };
    let mut found = Listing::default();
    if foot > 0 {
        found.notes.push(format!("the last {BANNER} rows of each photo are cut off"));
    }
    for (number, line) in entries(&text(&list)?) {
        let (id, variant) = id_and_name(line).map_err(at(&list, number))?; // names hold blanks
        let target = Target::Class(classes.position(variant, &list)?);
        found.cut_file(
            source.folder,
            format!("{images}/{id}.jpg"),
            Border { all: 0, foot },
            target,
        )?;
    }
    Ok(found)
}
