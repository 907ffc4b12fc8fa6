//! EuroSAT and RESISC45: class folders, split by CPython's generator with seed 42.
//! PROTOCOL_EVAL 6.1.

use crate::error::DataError;
use crate::item::Item;
use crate::listing::{drawn, of_class};
use crate::random::Python;
use crate::reader::{Listing, Source};

/// Images of a class of EuroSAT that the authors drew; a third each for training, validation and
/// test.
const DRAWN: usize = 1500;

/// `2750/Class/Class_1.jpg`. Of each class, in sorted order, `random.sample(files, 1500)`; the
/// authors' files came in the order of their file system, which is lost: ours are sorted.
pub(crate) fn eurosat(source: &Source<'_>) -> Result<Listing, DataError> {
    drawn(source, |found, labels| {
        let mut random = Python::seed(42);
        let mut kept = Vec::new();
        let mut sorted: Vec<(u32, &String)> = (0..).zip(labels).collect();
        sorted.sort_by_key(|(_, label)| *label);
        for (class, _) in sorted {
            let of_class = of_class(&found.items, class);
            let count = DRAWN.min(of_class.len());
            let drawn = random.sample(of_class.len(), count);
            let third = count.div_ceil(3);
            let skipped = match source.split {
                "train" => 0,
                "val" => third,
                _ => third.saturating_mul(2),
            };
            let of_split = drawn.iter().skip(skipped).take(third);
            kept.extend(of_split.filter_map(|place| of_class.get(*place).copied()).cloned());
        }
        found.items = kept;
        found.notes.push(
            "drawn with seed 42 from sorted names; the authors' order of files is lost".to_owned(),
        );
        if source.folder.join("test.csv").is_file() {
            found.notes.push(
                "layout of a copy: its test.csv is another's split, which is not used".to_owned(),
            );
        }
    })
}

/// `airplane/airplane_001.jpg`. All names sorted and shuffled: a tenth for training, a tenth for
/// validation, the rest for the test.
pub(crate) fn resisc45(source: &Source<'_>) -> Result<Listing, DataError> {
    drawn(source, |found, _| {
        found.items.sort_by_cached_key(Item::id);
        Python::seed(42).shuffle(&mut found.items);
        let all = found.items.len();
        let tenth = all.div_euclid(10);
        let (skipped, count) = match source.split {
            "train" => (0, tenth),
            "val" => (tenth, tenth),
            _ => (tenth.saturating_mul(2), all),
        };
        found.items = found.items.iter().skip(skipped).take(count).cloned().collect();
    })
}
