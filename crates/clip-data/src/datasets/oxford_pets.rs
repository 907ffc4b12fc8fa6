//! Oxford-IIIT Pet: `images/Breed_N.jpg`, `annotations/{trainval,test}.txt`. PROTOCOL_EVAL 6.1.
//!
//! The breed is the part of the name before the last `_`: class ids are alphabetical without case,
//! the authors' names are in ASCII order, so that joining by id would exchange cats and dogs.

use crate::error::DataError;
use crate::listing::{class_list, entries};
use crate::reader::{Listing, Source};
use crate::text::text;

pub(crate) fn read(source: &Source<'_>) -> Result<Listing, DataError> {
    let list = source.path(&format!("annotations/{}.txt", source.split));
    let (text, images) = (text(&list)?, source.place("images"));
    let lines = entries(&text).filter(|(_, line)| !line.starts_with('#'));
    class_list(source, &list, lines, |line| {
        let name = line.split_whitespace().next().unwrap_or_default();
        let (breed, _) = name.rsplit_once('_').ok_or_else(|| format!("`{name}` has no breed"))?;
        Ok((breed, format!("{images}/{name}.jpg"))) // PNG and GIF files are called so too
    })
}
