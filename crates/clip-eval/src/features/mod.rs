//! Features of splits and of clips, each computed once ever.

mod cache;
mod content;
pub(crate) mod frames;
mod rows;

pub use self::cache::{FeatureCache, SplitFeatures};
pub(crate) use self::content::{
    CHANGED, Content, content_fingerprint, content_of, contents_of, fingerprint_of,
};
