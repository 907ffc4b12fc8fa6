//! Features of splits and of clips, each computed once ever.

mod cache;
mod content;
pub(crate) mod frames;
pub mod head;
mod rows;

pub use self::cache::{FeatureCache, SplitFeatures};
pub(crate) use self::content::content_fingerprint;
pub use self::content::list_fingerprint;
