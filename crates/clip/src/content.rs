//! What an input is, whatever it is called.

use std::fmt;

use clip_image::Image;

/// The bytes of an image file or of a text, as a number: the first 128 bits of their BLAKE3 hash.
/// Inputs of equal content have equal rows.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct ContentId([u8; 16]);

impl ContentId {
    /// That of `bytes`.
    pub fn of(bytes: &[u8]) -> ContentId {
        ContentId::from_hash(&blake3::hash(bytes))
    }

    /// That of pixels which came from no file: of what the pixels are and what they look like.
    pub(crate) fn of_image(image: &Image) -> ContentId {
        let mut hasher = blake3::Hasher::new();
        hasher.update(image.mode.name().as_bytes());
        hasher.update(&image.width.to_le_bytes()).update(&image.height.to_le_bytes());
        image.palette.iter().for_each(|palette| {
            hasher.update(palette.colors.as_flattened());
        });
        ContentId::from_hash(&hasher.update(&image.data).finalize())
    }

    pub(crate) fn from_hash(hash: &blake3::Hash) -> ContentId {
        let mut first = [0; 16];
        first.copy_from_slice(&hash.as_bytes()[..16]);
        ContentId(first)
    }

    pub(crate) fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// Reads what [`fmt::Display`] writes.
    pub(crate) fn parse(text: &str) -> Option<ContentId> {
        let content = ContentId(u128::from_str_radix(text, 16).ok()?.to_be_bytes());
        (content.to_string() == text).then_some(content)
    }
}

impl fmt::Display for ContentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", u128::from_be_bytes(self.0))
    }
}

impl fmt::Debug for ContentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        let content = ContentId::of(b"");
        assert_eq!(content.to_string(), "af1349b9f5f9a1a6a0404dea36dcc949"); // BLAKE3 of nothing
        assert_eq!(ContentId::parse(&content.to_string()), Some(content));
        assert_eq!(ContentId::parse("+f1349b9f5f9a1a6a0404dea36dcc949"), None);
    }
}
