//! Oxford-IIIT Pet: `images/Breed_N.jpg`, `annotations/{trainval,test}.txt`. PROTOCOL_EVAL 6.1.
//!
//! The breed is the part of the name before the last `_`: class ids are alphabetical without case, the authors' names
//! are in ASCII order, so that joining by id would exchange cats and dogs.

use crate::error::DataError;
use crate::item::Target;
use crate::listing::lists::{at, entries};
use crate::reader::{Listing, Source};
use crate::text::text;

pub(crate) fn read(source: &Source<'_>) -> Result<Listing, DataError> {
    let list = source.path(&format!("annotations/{}.txt", source.split));
    let (classes, images) = (source.prompts.classes()?, source.place("images"));
    let mut found = Listing::default();
    for (number, line) in entries(&text(&list)?).filter(|(_, line)| !line.starts_with('#')) {
        let name = line.split_whitespace().next().unwrap_or_default();
        let breed = name.rsplit_once('_').ok_or_else(|| format!("`{name}` has no breed"));
        let (breed, _) = breed.map_err(at(&list, number))?;
        let target = Target::Class(classes.position(breed, &list)?);
        found.file(source.folder, format!("{images}/{name}.jpg"), target)?; // PNG and GIF files are called so too
    }
    Ok(found)
}
