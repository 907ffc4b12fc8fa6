//! Text and profiles in a PNG are not used; they are unpacked only to refuse what Pillow refuses.
//!
//! Limits as in Pillow: 1 MiB for one unpacked chunk, 64 MiB for all text together. Unpacking stops
//! at the limit.

use std::io::Read;

use flate2::read::ZlibDecoder;

use crate::{Format, ImageError};

const MAX_CHUNK: u64 = 1 << 20;
const MAX_TOTAL: u64 = 64 << 20;

/// How much text has been seen.
#[derive(Default)]
pub(super) struct TextBudget {
    total: u64,
}

impl TextBudget {
    pub(super) fn plain(&mut self, body: &[u8]) -> Result<(), ImageError> {
        let (key, text) = split(body).unwrap_or((body, &[]));
        if key.is_empty() { Ok(()) } else { self.count(text.len() as u64) }
    }

    pub(super) fn compressed(&mut self, body: &[u8]) -> Result<(), ImageError> {
        let (_, rest) = split(body).unwrap_or((body, &[]));
        self.unpack("compressed text", rest)
    }

    pub(super) fn profile(&mut self, body: &[u8]) -> Result<(), ImageError> {
        let (_, rest) = split(body).unwrap_or((&[], body));
        if rest.is_empty() {
            return Err(ImageError::truncated(Format::Png, "colour profile without data"));
        }
        self.unpack("colour profile", rest)
    }

    pub(super) fn international(&mut self, body: &[u8]) -> Result<(), ImageError> {
        let parts = || {
            let (_, rest) = split(body)?;
            let (flags, rest) = rest.split_first_chunk::<2>()?;
            let (_, rest) = split(rest)?;
            let (_, text) = split(rest)?;
            Some((*flags, text))
        };
        match parts() {
            Some(([0, _], text)) => self.count(text.len() as u64),
            Some(([_, 0], text)) => self.inflate("compressed text", text),
            _ => Ok(()),
        }
    }

    /// A byte for the method of compression, then the data.
    fn unpack(&mut self, what: &'static str, bytes: &[u8]) -> Result<(), ImageError> {
        match bytes.split_first() {
            Some((0, data)) => self.inflate(what, data),
            Some((method, _)) => Err(ImageError::corrupt(
                Format::Png,
                format!("{what} with compression method {method}, only 0 exists"),
            )),
            None => Ok(()),
        }
    }

    fn inflate(&mut self, what: &'static str, data: &[u8]) -> Result<(), ImageError> {
        let mut unpacked = ZlibDecoder::new(data).take(MAX_CHUNK.saturating_add(1));
        // Damaged data are dropped by Pillow without an error.
        let length = std::io::copy(&mut unpacked, &mut std::io::sink()).unwrap_or(0);
        if length > MAX_CHUNK {
            return Err(ImageError::TooLarge { format: Format::Png, what, limit: MAX_CHUNK });
        }
        self.count(length)
    }

    fn count(&mut self, bytes: u64) -> Result<(), ImageError> {
        self.total = self.total.saturating_add(bytes);
        if self.total > MAX_TOTAL {
            return Err(ImageError::TooLarge {
                format: Format::Png,
                what: "all text together",
                limit: MAX_TOTAL,
            });
        }
        Ok(())
    }
}

/// What stands before and behind the first zero byte.
fn split(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let zero = bytes.iter().position(|byte| *byte == 0)?;
    let (before, behind) = bytes.split_at_checked(zero)?;
    Some((before, behind.get(1..)?))
}
