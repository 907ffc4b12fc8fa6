//! What is wrong with a TIFF.

use crate::{Format, ImageError};

pub(super) fn corrupt(what: impl Into<String>) -> ImageError {
    ImageError::corrupt(Format::Tiff, what)
}

pub(super) fn unsupported(what: impl Into<String>) -> ImageError {
    ImageError::unsupported(Format::Tiff, what)
}

pub(super) fn truncated(what: impl Into<String>) -> ImageError {
    ImageError::truncated(Format::Tiff, what)
}
