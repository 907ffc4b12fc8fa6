//! Why a JPEG cannot be decoded.

/// Why a JPEG cannot be decoded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum JpegError {
    /// The first bytes are not a start-of-image marker.
    #[error("not a JPEG: it does not begin with ff d8 ff")]
    NotJpeg,
    /// The bytes end before the image does.
    #[error("truncated JPEG: the data ends in {part}")]
    Truncated {
        /// What was being read.
        part: &'static str,
    },
    /// The bytes contradict the format.
    #[error("broken JPEG: {reason}")]
    Broken {
        /// What is wrong.
        reason: &'static str,
    },
    /// A valid kind of JPEG that this decoder does not read.
    #[error("{feature} is not supported")]
    Unsupported {
        /// The kind of file.
        feature: &'static str,
    },
    /// The header claims more pixels than the caller allows.
    #[error("JPEG header claims {width}x{height} pixels, limit {limit}")]
    TooManyPixels {
        /// Columns claimed.
        width: u32,
        /// Rows claimed.
        height: u32,
        /// The limit given, in pixels.
        limit: u64,
    },
    /// The scans of a small file would keep a processor busy for minutes.
    #[error("JPEG has {scans} scans over {blocks} blocks, limit {limit} block visits")]
    TooMuchWork {
        /// Scans begun so far.
        scans: u32,
        /// Blocks of the image.
        blocks: u64,
        /// Block visits allowed over all scans.
        limit: u64,
    },
}

impl JpegError {
    /// The way out, where there is one.
    #[must_use]
    pub fn help(&self) -> Option<&'static str> {
        match self {
            Self::Truncated { .. } => Some("fetch the file again; it was cut off"),
            Self::Unsupported { .. } => Some("re-save it as an 8-bit baseline or progressive JPEG"),
            Self::TooManyPixels { .. } => Some("raise the pixel limit if the image is trusted"),
            Self::TooMuchWork { .. } => Some("re-save it with fewer scans if the image is trusted"),
            Self::NotJpeg | Self::Broken { .. } => None,
        }
    }
}

pub(super) fn broken<T>(reason: &'static str) -> Result<T, JpegError> {
    Err(JpegError::Broken { reason })
}

pub(super) fn truncated<T>(part: &'static str) -> Result<T, JpegError> {
    Err(JpegError::Truncated { part })
}
