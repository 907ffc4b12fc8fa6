//! FGVC Aircraft, its 100 variants: `images/ID.jpg`, `images_variant_SPLIT.txt`. PROTOCOL_EVAL 6.1.

use crate::error::DataError;
use crate::item::Border;
use crate::listing::{class_list, entries, id_and_name};
use crate::reader::{Listing, Source};
use crate::text::text;

/// Height of the copyright line at the foot of each photo, in pixels.
const BANNER: u32 = 20;

pub(crate) fn read(source: &Source<'_>) -> Result<Listing, DataError> {
    let list = source.path(&format!("images_variant_{}.txt", source.split));
    let images = source.place("images");
    let mut found = class_list(source, &list, entries(&text(&list)?), |line| {
        let (id, variant) = id_and_name(line)?; // names hold blanks
        Ok((variant, format!("{images}/{id}.jpg")))
    })?;
    if source.options.strip_banner {
        found.cut(Border { all: 0, foot: BANNER });
        found.notes.push(format!("the last {BANNER} rows of each photo are cut off"));
    }
    Ok(found)
}
