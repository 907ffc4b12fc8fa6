//! What a configuration says of a model. Shapes are believed before configurations; where both
//! speak they must agree.

use super::{hugging_face, open_clip};
use crate::architecture::{Activation, TextPooling};
use crate::error::CheckpointError;
use serde_json::{Map, Value};
use std::path::Path;

/// A configuration's statements; `None` where it is silent.
#[derive(Debug, Clone, Default)]
pub(super) struct Hints {
    pub(super) activation: Option<Activation>,
    pub(super) pooling: Option<TextPooling>,
    pub(super) image_heads: Option<usize>,
    pub(super) text_heads: Option<usize>,
    /// Features per head of the image tower, for a width that the shapes give.
    pub(super) image_head_width: Option<usize>,
    /// Sizes the shapes give too: `(what, stated)`.
    pub(super) stated: Vec<(Size, usize)>,
    pub(super) warnings: Vec<String>,
}

/// A size that both shapes and configurations give.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Size {
    EmbedDim,
    Resolution,
    Patch,
    ImageWidth,
    ImageLayers,
    ContextLength,
    Vocabulary,
    TextWidth,
    TextLayers,
}

impl Hints {
    /// Reads `open_clip_config.json`, its `model_cfg` alone, or transformers' `config.json`.
    pub(super) fn parse(path: &Path, json: &str) -> Result<Self, CheckpointError> {
        let malformed = |problem: String| CheckpointError::malformed(path, "configuration", problem);
        let root: Value = serde_json::from_str(json).map_err(|error| {
            malformed(format!("not JSON, at line {} column {}", error.line(), error.column()))
        })?;
        let Value::Object(root) = root else {
            return Err(malformed("not a JSON object".to_owned()));
        };
        if let Some(model) = root.get("model_cfg") {
            let model =
                model.as_object().ok_or_else(|| malformed("`model_cfg` is not an object".to_owned()))?;
            return open_clip::hints(path, model);
        }
        if root.contains_key("vision_cfg") {
            return open_clip::hints(path, &root);
        }
        hugging_face::hints(path, &root)
    }

    pub(super) fn state(&mut self, size: Size, stated: Option<usize>) {
        self.stated.extend(stated.map(|stated| (size, stated)));
    }
}

/// Typed look-ups in one object of a configuration.
pub(super) struct Section<'a> {
    pub(super) path: &'a Path,
    pub(super) name: &'static str,
    pub(super) fields: &'a Map<String, Value>,
}

impl Section<'_> {
    pub(super) fn malformed(&self, field: &str, expected: &str) -> CheckpointError {
        let problem = format!("`{}.{field}` is not {expected}", self.name);
        CheckpointError::malformed(self.path, "configuration", problem)
    }

    pub(super) fn unsupported(&self, field: &str, supported: &str) -> CheckpointError {
        CheckpointError::Unsupported {
            path: self.path.to_path_buf(),
            found: format!("`{}.{field}` of the configuration", self.name),
            supported: supported.to_owned(),
        }
    }

    /// A positive whole number, `None` where the field is absent or null.
    pub(super) fn size(&self, field: &str) -> Result<Option<usize>, CheckpointError> {
        match self.fields.get(field) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => match value.as_u64().and_then(|size| usize::try_from(size).ok()) {
                Some(size) if size > 0 => Ok(Some(size)),
                _ => Err(self.malformed(field, "a positive whole number")),
            },
        }
    }

    pub(super) fn text(&self, field: &str) -> Result<Option<&str>, CheckpointError> {
        match self.fields.get(field) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => value.as_str().map(Some).ok_or_else(|| self.malformed(field, "a string")),
        }
    }

    pub(super) fn boolean(&self, field: &str) -> Result<bool, CheckpointError> {
        match self.fields.get(field) {
            None | Some(Value::Null) => Ok(false),
            Some(value) => value.as_bool().ok_or_else(|| self.malformed(field, "true or false")),
        }
    }
}
