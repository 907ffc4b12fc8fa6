//! What a configuration says of a model. Shapes are believed before configurations; where both
//! speak they must agree.

use super::{hugging_face_config, open_clip};
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
    /// Sizes the shapes give too.
    pub(super) stated: Vec<StatedSize>,
    /// `tokenizer_kwargs.clean` is `canonicalize`.
    pub(super) canonicalize: bool,
    /// Why texts cannot become this model's tokens: the first field that says so.
    pub(super) texts_refused: Option<String>,
    /// The same, unless tokenizer files beside the weights show that the tokens are CLIP's.
    pub(super) texts_refused_without_files: Option<String>,
    /// open_clip's fields on tokens as they stand, to be written again.
    pub(super) tokenizer_fields: Map<String, Value>,
    pub(super) warnings: Vec<String>,
}

/// A size and the field that states it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct StatedSize {
    pub(super) size: Size,
    pub(super) stated: usize,
    /// `section.field`
    pub(super) field: String,
}

/// A size that both shapes and configurations give.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Size {
    EmbedDim,
    Resolution,
    Patch,
    ImageWidth,
    ImageLayers,
    ImageMlp,
    /// Blocks of one of a ResNet's stages, from 0.
    Stage(usize),
    ContextLength,
    Vocabulary,
    TextWidth,
    TextLayers,
    TextMlp,
}

impl Hints {
    /// Reads `open_clip_config.json`, its `model_cfg` alone, or transformers' `config.json`.
    pub(super) fn parse(path: &Path, json: &str) -> Result<Self, CheckpointError> {
        let malformed = |problem: &str| CheckpointError::malformed(path, "configuration", problem);
        let root: Value = serde_json::from_str(json).map_err(|error| {
            malformed(&format!("not JSON, at line {} column {}", error.line(), error.column()))
        })?;
        let Value::Object(root) = root else {
            return Err(malformed("not a JSON object"));
        };
        match kind(&root) {
            Some(Kind::OpenClip) => open_clip::hints(path, &root),
            Some(Kind::HuggingFace) => hugging_face_config::hints(path, &root),
            None => {
                Err(malformed("neither open_clip's (`model_cfg`) nor transformers' (`model_type`)"))
            }
        }
    }

    pub(super) fn state(
        &mut self,
        size: Size,
        section: &Section<'_>,
        field: &str,
        stated: Option<usize>,
    ) {
        let field = format!("{}.{field}", section.name);
        self.stated.extend(stated.map(|stated| StatedSize { size, stated, field }));
    }

    /// The first reason stays.
    pub(super) fn refuse_texts(&mut self, reason: String) {
        self.texts_refused.get_or_insert(reason);
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

/// Typed look-ups in one object of a configuration.
pub(super) struct Section<'a> {
    pub(super) path: &'a Path,
    pub(super) name: &'static str,
    pub(super) fields: &'a Map<String, Value>,
}

impl<'a> Section<'a> {
    /// An object in it that must be there.
    pub(super) fn section(&self, name: &'static str) -> Result<Section<'a>, CheckpointError> {
        match self.fields.get(name) {
            Some(Value::Object(fields)) => Ok(Section { path: self.path, name, fields }),
            _ => Err(self.malformed(name, "an object")),
        }
    }

    pub(super) fn malformed(&self, field: &str, expected: &str) -> CheckpointError {
        let problem = format!("`{}.{field}` is not {expected}", self.name);
        CheckpointError::malformed(self.path, "configuration", problem)
    }

    pub(super) fn unsupported(&self, field: &str, supported: &str) -> CheckpointError {
        CheckpointError::Unsupported {
            path: self.path.to_path_buf(),
            found: match self.fields.get(field) {
                Some(value) => {
                    format!("a configuration where {}", super::keys::stated(self, field, value))
                }
                None => format!("a configuration without `{}.{field}`", self.name),
            },
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
            Some(value) => {
                value.as_str().map(Some).ok_or_else(|| self.malformed(field, "a string"))
            }
        }
    }

    pub(super) fn boolean(&self, field: &str) -> Result<bool, CheckpointError> {
        match self.fields.get(field) {
            None | Some(Value::Null) => Ok(false),
            Some(value) => value.as_bool().ok_or_else(|| self.malformed(field, "true or false")),
        }
    }
}
