//! SVHN, cropped digits (format 2): MATLAB files. PROTOCOL_EVAL 6.3.
//!
//! `X` is `[32, 32, 3, N]` with the first dimension fastest, so an image is three planes stored column by column; in
//! `y` 10 means the digit 0.

use std::sync::Arc;

use crate::error::DataError;
use crate::formats::image_array::{ImageArray, Order, Store};
use crate::formats::matlab::{self, Numbers, Value};
use crate::item::{Item, Records, Target};
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
    let classes = source.prompts.classes()?;
    let target = |&label: &u32| {
        let digit = if label == 10 { 0 } else { label };
        classes.position(&digit.to_string(), &path).map(Target::Class)
    };
    let targets = labels.iter().map(target).collect::<Result<Vec<_>, _>>()?;
    let (width, height, stride) = (32, 32, 32 * 32 * 3);
    let store = Store::Memory(path.clone(), pixels);
    let order = Order::PlanesOfColumns;
    let records: Arc<dyn Records> =
        Arc::new(ImageArray { name, store, first: 0, stride, width, height, order });
    Ok(Listing { items: Item::of_records(&records, targets), ..Listing::default() })
}
