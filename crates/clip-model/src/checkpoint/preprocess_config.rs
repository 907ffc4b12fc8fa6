//! The preprocessing that came with the weights, not read here.

use std::path::{Path, PathBuf};

/// A preprocessing configuration in its own words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PreprocessConfig {
    /// Whose format it is.
    pub kind: PreprocessKind,
    /// The file it stands in.
    pub path: PathBuf,
    /// The JSON text: `open_clip_config.json` (with `preprocess_cfg` in it),
    /// `preprocessor_config.json`, or the `image_processor` of a `processor_config.json`.
    pub json: String,
}

impl PreprocessConfig {
    /// None where open_clip's file has no `preprocess_cfg`.
    pub(super) fn of_open_clip(path: &Path, json: &str) -> Option<Self> {
        let root: serde_json::Value = serde_json::from_str(json).ok()?;
        root.get("preprocess_cfg").filter(|fields| !fields.is_null())?;
        Some(Self {
            kind: PreprocessKind::OpenClip,
            path: path.to_path_buf(),
            json: json.to_owned(),
        })
    }
}

/// Whose format a [`PreprocessConfig`] is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PreprocessKind {
    /// open_clip's `open_clip_config.json`.
    OpenClip,
    /// transformers' `preprocessor_config.json`, or what stands in `processor_config.json`.
    HuggingFace,
}
