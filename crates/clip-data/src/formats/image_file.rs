//! Image files that stand alone.

use std::path::Path;

use clip_image::{Format, Limits, is_image_name};

use crate::error::DataError;

/// The bytes of one.
///
/// # Errors
/// It cannot be read, is a folder, pipe or device, or larger than any image that is decoded.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>, DataError> {
    clip_files::read(path, Limits::default().file_bytes()).map_err(DataError::read(path))
}

/// Whether a file is one, by its ending or else by its first bytes; what is damaged or in a format
/// that is not read is one as well, and met when it is read.
pub(crate) fn is_one(path: &Path) -> bool {
    is_image_name(path) || clip_files::head(path, 512).is_ok_and(|head| Format::begins(&head))
}
