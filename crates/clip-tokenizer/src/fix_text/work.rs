//! How much may be done for one text before its repair is left as it stands.

/// Characters that may still be looked at, counted in bytes of UTF-8, by the steps that repeat.
///
/// Repairs nested in each other take one round each, so a line of n characters can ask for n²/10
/// looks. The allowance is above that for every line of up to 8,000 characters, and linear beyond.
pub(super) struct Work {
    left: usize,
    depth: usize,
}

impl Work {
    /// Runs within runs; each level is at most about half as long as the one around it.
    const DEEPEST: usize = 64;

    pub(super) fn for_text(text: &str) -> Self {
        Self { left: text.len().saturating_mul(64).saturating_add(16_000_000), depth: 0 }
    }

    /// Whether `bytes` more may be looked at.
    pub(super) fn spend(&mut self, bytes: usize) -> bool {
        let enough = self.left.checked_sub(bytes);
        self.left = enough.unwrap_or(0);
        enough.is_some()
    }

    /// Does `inner` one level deeper, or nothing at all when that is too deep.
    pub(super) fn deeper<T>(&mut self, inner: impl FnOnce(&mut Self) -> Option<T>) -> Option<T> {
        if self.depth >= Self::DEEPEST {
            return None;
        }
        self.depth = self.depth.saturating_add(1);
        let result = inner(self);
        self.depth = self.depth.saturating_sub(1);
        result
    }
}
