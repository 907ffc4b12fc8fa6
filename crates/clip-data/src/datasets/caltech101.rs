//! Caltech101 with its background class: `101_ObjectCategories/CLASS/image_0001.jpg`. PROTOCOL_EVAL 6.1.

use crate::error::DataError;
use crate::item::Target;
use crate::listing::class_folders::class_folders;
use crate::listing::split_file::chosen;
use crate::random::Seeded;
use crate::reader::{Listing, Source};

/// Training images of a class; the paper's draw is not published.
const PER_CLASS: usize = 30;

/// 30 of each class at random for training, the rest for the test; `split_file` takes another's draw.
pub(crate) fn read(source: &Source<'_>) -> Result<Listing, DataError> {
    let labels = source.labels()?;
    let mut found = class_folders(source, "", labels)?;
    if source.split == "all" {
        return Ok(found);
    }
    if let Some(list) = &source.options.split_file {
        return chosen(found, list, source.split);
    }
    let mut kept = Vec::new();
    for (position, label) in (0..).zip(labels) {
        let of_class: Vec<_> = found
            .items
            .iter()
            .filter(|item| item.target == Target::Class(position))
            .cloned()
            .collect();
        let mut drawn =
            Seeded::named(0, &format!("caltech101/{label}")).sample(of_class.len(), PER_CLASS);
        drawn.sort_unstable();
        let train = |place: &usize| drawn.binary_search(place).is_ok();
        let of_split =
            (0..).zip(of_class).filter(|(place, _)| train(place) == (source.split == "train"));
        kept.extend(of_split.map(|(_, item)| item));
    }
    found.items = kept;
    found.notes.push(format!(
        "{PER_CLASS} training images of each class drawn with seed 0; the paper's draw is not published"
    ));
    Ok(found)
}
