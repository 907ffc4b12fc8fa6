//! MNIST: IDX files, as published inside gzip or unpacked. PROTOCOL_EVAL 6.1.

use std::path::PathBuf;

use crate::error::DataError;
use crate::formats::idx;
use crate::formats::image_array::{ImageArray, Order, Store};
use crate::reader::{Listing, Source};

pub(super) fn read(source: &Source<'_>) -> Result<Listing, DataError> {
    let part = if source.split == "train" { "train" } else { "t10k" };
    let images_path = find(source, part, "images", 3)?;
    let labels_path = find(source, part, "labels", 1)?;
    let images = idx::read(&images_path)?;
    let labels = idx::read(&labels_path)?;
    let [count, height, width] = *images.shape else {
        return Err(DataError::malformed(
            images_path,
            format!("shape {:?}, expected images", images.shape),
        ));
    };
    let [labels_count] = *labels.shape else {
        return Err(DataError::malformed(
            labels_path,
            format!("shape {:?}, expected labels", labels.shape),
        ));
    };
    if labels_count != count {
        return Err(DataError::malformed(
            labels_path,
            format!("{labels_count} labels for {count} images"),
        ));
    }
    let targets = source.targets(labels.values, &labels_path)?;
    let array = ImageArray {
        name: part.to_owned(),
        store: Store::Memory(images_path, images.values),
        first: 0,
        stride: height.saturating_mul(width),
        width: width as u32,
        height: height as u32,
        order: Order::Grey,
    };
    Ok(source.records(array, targets))
}

/// `t10k-images-idx3-ubyte.gz`, unpacked, or with the dot that some copies have.
fn find(source: &Source<'_>, part: &str, what: &str, rank: u32) -> Result<PathBuf, DataError> {
    let published = format!("{part}-{what}-idx{rank}-ubyte.gz");
    let unpacked = format!("{part}-{what}-idx{rank}-ubyte");
    source.first_of(&[&published, &unpacked, &format!("{part}-{what}.idx{rank}-ubyte")])
}
