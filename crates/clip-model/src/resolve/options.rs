//! Where is looked, and whether the network may be asked.

use crate::cache::CacheFolders;
#[cfg(feature = "download")]
use crate::download::Progress;
use std::sync::atomic::AtomicBool;

/// Where to look and what is allowed.
#[derive(Clone, Copy, Default)]
pub struct ResolveOptions<'a> {
    /// Whether the network may be used. It is not by default.
    pub download: bool,
    /// Whether what is here is read whole and compared with what it should be, and fetched again
    /// where it is broken.
    pub verify: bool,
    /// Base address of released files, `<base>/<sha256>/<file>`, instead of the original.
    pub mirror: Option<&'a str>,
    /// Base address of hub files, `<base>/<owner>/<name>/resolve/main/<file>`, instead of
    /// `https://huggingface.co`.
    pub hub: Option<&'a str>,
    /// Cache folders instead of those of the environment.
    pub folders: Option<&'a CacheFolders>,
    /// Told of every piece of a download.
    #[cfg(feature = "download")]
    pub progress: Option<&'a (dyn Fn(Progress<'_>) + Sync)>,
    /// Ends a download once it is set; what came is kept for the next time.
    pub stop: Option<&'a AtomicBool>,
}

/// Stands in a folder once everything has been fetched, with the SHA-256 and name of each file on a
/// line.
pub(super) const COMPLETE: &str = ".complete";
