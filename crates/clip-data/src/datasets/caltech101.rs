//! Caltech101 with its background class: `101_ObjectCategories/CLASS/image_0001.jpg`.
//! PROTOCOL_EVAL 6.1.

use crate::error::DataError;
use crate::listing::{drawn, of_class};
use crate::random::Seeded;
use crate::reader::{Listing, Source};

/// Training images of a class; the paper's draw is not published.
const PER_CLASS: usize = 30;

/// 30 of each class at random for training, the rest for the test; `split_file` takes another's
/// draw.
pub(crate) fn read(source: &Source<'_>) -> Result<Listing, DataError> {
    drawn(source, |found, labels| {
        let mut kept = Vec::new();
        for (class, label) in (0..).zip(labels) {
            let of_class = of_class(&found.items, class);
            let mut random = Seeded::named(0, &format!("caltech101/{label}"));
            let train = random.sample(of_class.len(), PER_CLASS);
            let is_of_split = |place: &usize| train.contains(place) == (source.split == "train");
            let of_split = (0..).zip(of_class).filter(|(place, _)| is_of_split(place));
            kept.extend(of_split.map(|(_, item)| item.clone()));
        }
        found.items = kept;
        found.notes.push(format!(
            "{PER_CLASS} training images of each class drawn with seed 0; the paper's draw is not published"
        ));
    })
}
