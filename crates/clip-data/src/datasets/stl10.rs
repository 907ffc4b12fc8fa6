//! STL-10: planes stored column by column, labels from 1, ten folds of the training part.
//! PROTOCOL_EVAL 6.1.

use crate::error::DataError;
use crate::formats::FileBytes;
use crate::formats::image_array::{ImageArray, Order, Store};
use crate::item::Item;
use crate::reader::{Listing, Source};
use crate::text;

/// A byte for each of 100,000 images, and room.
const LARGEST_LABELS: u64 = 1 << 20;
const STRIDE: u64 = 3 * 96 * 96;

pub(super) fn read(source: &Source<'_>) -> Result<Listing, DataError> {
    let (part, fold) = match source.split.strip_prefix("fold-") {
        Some(fold) => ("train", Some(fold.parse::<usize>().unwrap_or(0))),
        None => (source.split, None),
    };
    let folder = source.path("stl10_binary");
    let labels_path = folder.join(format!("{part}_y.bin"));
    let labels =
        clip_files::read(&labels_path, LARGEST_LABELS).map_err(DataError::read(&labels_path))?;
    let file = FileBytes::open(folder.join(format!("{part}_X.bin")))?;
    if file.len() != STRIDE.saturating_mul(labels.len() as u64) {
        let reason =
            format!("{} bytes, expected {STRIDE} for each of {} labels", file.len(), labels.len());
        return Err(DataError::malformed(file.path(), reason));
    }
    let targets = source.targets(labels, &labels_path)?;
    let array = ImageArray {
        name: part.to_owned(),
        store: Store::File(file),
        first: 0,
        stride: STRIDE,
        width: 96,
        height: 96,
        order: Order::PlanesOfColumns,
    };
    let mut found = source.records(array, targets);
    if let Some(fold) = fold {
        found.items = chosen(source, fold, &found.items)?;
    }
    Ok(found)
}

/// The images whose positions line `fold` of `fold_indices.txt` lists, in its order.
fn chosen(source: &Source<'_>, fold: usize, all: &[Item]) -> Result<Vec<Item>, DataError> {
    let path = source.path("stl10_binary/fold_indices.txt");
    let text = text::text(&path)?;
    let number = fold.saturating_add(1);
    let line = text.lines().nth(fold).filter(|line| !line.trim().is_empty());
    let line =
        line.ok_or_else(|| DataError::malformed(&path, format!("there is no line {number}")))?;
    let item = |word: &str| {
        let index = word.parse::<usize>().ok();
        index.and_then(|index| all.get(index)).cloned().ok_or_else(|| {
            let reason =
                format!("line {number}: `{word}` is not a position among {} images", all.len());
            DataError::malformed(&path, reason)
        })
    };
    line.split_ascii_whitespace().map(item).collect()
}
