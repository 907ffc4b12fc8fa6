//! Flowers102: `imagelabels.mat` and `setid.mat`. PROTOCOL_EVAL 6.1.
//!
//! Many code bases swap `trnid` and `tstid` because the latter is larger; CLIP does not: 6,149
//! images are the test.

use crate::error::DataError;
use crate::formats::matlab::{self, Value};
use crate::item::Target;
use crate::reader::{Listing, Source};

pub(super) fn read(source: &Source<'_>) -> Result<Listing, DataError> {
    let key = match source.split {
        "train" => "trnid",
        "val" => "valid",
        _ => "tstid",
    };
    let (labels_path, split_path) = (source.path("imagelabels.mat"), source.path("setid.mat"));
    let integers = |path: &std::path::Path, name: &str| {
        let numbers = matlab::read(path, &[name])?.get(name).and_then(Value::integers);
        numbers
            .ok_or_else(|| DataError::malformed(path, format!("`{name}` holds no whole numbers")))
    };
    let labels = integers(&labels_path, "labels")?;
    let (classes, images) = (source.prompts.classes()?, source.place("jpg"));
    let mut found = source.listing();
    for image in integers(&split_path, key)? {
        let label = (image as usize).checked_sub(1).and_then(|index| labels.get(index));
        let label = label.ok_or_else(|| {
            DataError::malformed(
                &split_path,
                format!("image {image}, labels are for 1 to {}", labels.len()),
            )
        })?;
        let class = classes.position(&label.to_string(), &labels_path)?;
        found.file(format!("{images}/image_{image:05}.jpg"), Target::Class(class))?;
    }
    Ok(found)
}
