//! File formats of data sets that no image decoder reads.
//!
//! Every parser takes any bytes: it ends in values or in an error that names file and reason, with
//! memory bounded by the size of the file and the limit that its constants state.

pub mod image_array;
pub(crate) mod image_file;
pub mod ppm;
pub mod video;

pub use clip_formats::{FileBytes, archive, hdf5, idx, matlab};

use self::archive::Archive;
use crate::error::DataError;
use crate::item::Records;

impl Records for Archive {
    fn name(&self, index: usize) -> String {
        self.names().nth(index).unwrap_or_default().to_owned()
    }

    fn bytes(&self, index: usize) -> Result<Vec<u8>, DataError> {
        Ok(self.read(index)?)
    }
}
