//! SVHN, cropped digits (format 2): MATLAB files. PROTOCOL_EVAL 6.3.
//!
//! `X` is `[32, 32, 3, N]` with the first dimension fastest, so an image is three planes stored
//! column by column; in `y` 10 means the digit 0.

use crate::error::DataError;
use crate::formats::image_array::{ImageArray, Order, Store};
use crate::formats::matlab::{self, Numbers, Value};
use crate::reader::{Listing, Source};

pub(super) fn read(source: &Source<'_>) -> Result<Listing, DataError> {
    let name = format!("{}_32x32", source.split);
    let path = source.path(&format!("{name}.mat"));
    let mut variables = matlab::read(&path, &["X", "y"])?;
    let wrong = |reason: &str| DataError::malformed(&path, reason);
    let labels = variables.get("y").and_then(Value::integers);
    let labels = labels.ok_or_else(|| wrong("`y` holds no whole numbers"))?;
    let Some(Value::Numbers(array)) = variables.remove("X") else {
        return Err(wrong("`X` holds no numbers"));
    };
    let Numbers::Bytes(pixels) = array.numbers else { return Err(wrong("`X` holds no bytes")) };
    let count = match *array.shape {
        [32, 32, 3, count] => count,
        [32, 32, 3] => 1, // MATLAB drops a last dimension of one
        _ => {
            return Err(wrong(&format!(
                "`X` has shape {:?}, expected [32, 32, 3, N]",
                array.shape
            )));
        }
    };
    if count != labels.len() {
        return Err(wrong(&format!("{count} images, {} labels", labels.len())));
    }
    let digits = labels.iter().map(|&label| if label == 10 { 0 } else { label });
    let targets = source.targets(digits, &path)?;
    let (width, height, stride) = (32, 32, 32 * 32 * 3);
    let store = Store::Memory(path.clone(), pixels);
    let order = Order::PlanesOfColumns;
    let array = ImageArray { name, store, first: 0, stride, width, height, order };
    Ok(source.records(array, targets))
}
