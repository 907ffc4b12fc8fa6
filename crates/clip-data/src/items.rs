//! Items and the folder they lie below: all that features are computed from.

use std::borrow::Cow;
use std::ops::Deref;
use std::path::PathBuf;

use crate::error::DataError;
use crate::formats::{image_file, ppm, video};
use crate::item::{Border, Item, Media};

/// Items in a fixed order; reads as a slice of them.
#[derive(Debug, Clone, Default)]
pub struct Items {
    /// The items.
    pub list: Vec<Item>,
    /// The folder that their paths are relative to.
    pub folder: PathBuf,
}

impl Items {
    /// The bytes of an item's image file; of a clip its middle frame.
    ///
    /// # Errors
    /// It cannot be read, or decoded where something is cut off.
    pub fn bytes(&self, item: &Item) -> Result<Vec<u8>, DataError> {
        match &item.media {
            Media::Record { records, index } => records.bytes(*index),
            Media::Video { path, span } => video::middle_frame(&self.folder.join(&**path), *span),
            Media::File { path, border } => {
                let path = self.folder.join(&**path);
                let bytes = image_file::read(&path)?;
                if *border == Border::default() {
                    return Ok(bytes);
                }
                ppm::cut(&bytes, *border)
                    .map_err(|source| DataError::Image { path: path.display().to_string(), source })
            }
        }
    }

    /// What identifies the items: ids and targets in order, a line each.
    pub fn lines(&self) -> impl Iterator<Item = Cow<'_, str>> {
        self.list.iter().map(|item| Cow::Owned(format!("{}\t{:?}", item.id(), item.target)))
    }
}

impl Deref for Items {
    type Target = [Item];

    fn deref(&self) -> &[Item] {
        &self.list
    }
}

impl<'a> IntoIterator for &'a Items {
    type Item = &'a Item;
    type IntoIter = std::slice::Iter<'a, Item>;

    fn into_iter(self) -> Self::IntoIter {
        self.list.iter()
    }
}
