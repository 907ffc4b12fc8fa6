//! Whose configuration lies beside the weights: open_clip's or transformers'.

use super::hints::Hints;
use super::{hugging_face_config, open_clip_config};
use crate::error::CheckpointError;
use serde_json::{Map, Value};
use std::path::Path;

/// Reads `open_clip_config.json`, its `model_cfg` alone, or transformers' `config.json`.
pub(super) fn hints(path: &Path, json: &str) -> Result<Hints, CheckpointError> {
    let malformed = |problem: &str| CheckpointError::malformed(path, "configuration", problem);
    let root: Value = serde_json::from_str(json).map_err(|error| {
        malformed(&format!("not JSON, at line {} column {}", error.line(), error.column()))
    })?;
    let Value::Object(root) = root else {
        return Err(malformed("not a JSON object"));
    };
    match kind(&root) {
        Some(Kind::OpenClip) => open_clip_config::hints(path, &root),
        Some(Kind::HuggingFace) => hugging_face_config::hints(path, &root),
        None => {
            Err(malformed("neither open_clip's (`model_cfg`) nor transformers' (`model_type`)"))
        }
    }
}

/// Whose configuration a JSON object is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    OpenClip,
    HuggingFace,
}

/// By the keys that one of the two always has.
pub(super) fn kind(root: &Map<String, Value>) -> Option<Kind> {
    let has = |keys: &[&str]| keys.iter().any(|key| root.contains_key(*key));
    if has(&["model_cfg", "vision_cfg"]) {
        return Some(Kind::OpenClip);
    }
    let theirs =
        ["model_type", "text_config", "vision_config", "text_config_dict", "vision_config_dict"];
    has(&theirs).then_some(Kind::HuggingFace)
}
