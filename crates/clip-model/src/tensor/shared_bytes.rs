//! Bytes that several tensors look into.

use std::ops::Range;
use std::sync::Arc;

/// Bytes that several tensors look into: a mapped file, a vector, data of the program itself, or a
/// part of one of these.
#[derive(Clone)]
pub struct SharedBytes {
    bytes: Arc<dyn AsRef<[u8]> + Send + Sync>,
    range: Range<usize>,
}

impl SharedBytes {
    /// Shares `bytes`: a `Vec<u8>`, a `&'static [u8]` or a memory map.
    pub fn new(bytes: impl AsRef<[u8]> + Send + Sync + 'static) -> Self {
        let range = 0..bytes.as_ref().len();
        Self { bytes: Arc::new(bytes), range }
    }

    /// All of them.
    pub fn as_slice(&self) -> &[u8] {
        (*self.bytes).as_ref().get(self.range.clone()).unwrap_or(&[])
    }

    /// `length` bytes from `start` on; `None` where there are fewer.
    pub fn slice(&self, start: usize, length: usize) -> Option<Self> {
        let start = self.range.start.checked_add(start)?;
        let end = start.checked_add(length)?;
        (end <= self.range.end).then(|| Self { bytes: self.bytes.clone(), range: start..end })
    }
}

impl std::fmt::Debug for SharedBytes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SharedBytes({} bytes)", self.as_slice().len())
    }
}
