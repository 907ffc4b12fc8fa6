//! Bytes that several tensors look into.

use std::ops::Range;
use std::sync::Arc;

/// Bytes that several tensors look into: a mapped file, a vector, data of the program itself, or a
/// part of one of these.
#[derive(Clone)]
pub struct SharedBytes {
    storage: Arc<dyn Storage>,
    range: Range<usize>,
}

/// Where bytes lie.
pub(crate) trait Storage: Send + Sync {
    /// All of them.
    fn bytes(&self) -> &[u8];

    /// Lets the system take the memory of these bytes away until they are read again.
    fn release(&self, _range: Range<usize>) {}
}

struct Held<T>(T);

impl<T: AsRef<[u8]> + Send + Sync> Storage for Held<T> {
    fn bytes(&self) -> &[u8] {
        self.0.as_ref()
    }
}

impl SharedBytes {
    /// Shares `bytes`: a `Vec<u8>` or a `&'static [u8]`.
    pub fn new(bytes: impl AsRef<[u8]> + Send + Sync + 'static) -> Self {
        Self::of(Held(bytes))
    }

    /// Shares what a storage holds.
    pub(crate) fn of(storage: impl Storage + 'static) -> Self {
        let range = 0..storage.bytes().len();
        Self { storage: Arc::new(storage), range }
    }

    /// All of them.
    pub fn as_slice(&self) -> &[u8] {
        self.storage.bytes().get(self.range.clone()).unwrap_or(&[])
    }

    /// Lets the system take the memory of `length` bytes from `start` on, where they lie in a
    /// mapped file; reading them again brings them back.
    pub(crate) fn release(&self, start: usize, length: usize) {
        let start = self.range.start.saturating_add(start);
        let end = start.saturating_add(length).min(self.range.end);
        if start < end {
            self.storage.release(start..end);
        }
    }

    /// `length` bytes from `start` on; `None` where there are fewer.
    pub fn slice(&self, start: usize, length: usize) -> Option<Self> {
        let start = self.range.start.checked_add(start)?;
        let end = start.checked_add(length)?;
        (end <= self.range.end).then(|| Self { storage: self.storage.clone(), range: start..end })
    }
}

impl Default for SharedBytes {
    /// None.
    fn default() -> Self {
        Self::new([])
    }
}

impl std::fmt::Debug for SharedBytes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SharedBytes({} bytes)", self.as_slice().len())
    }
}
