//! What a configuration says of a model. Shapes are believed before configurations; where both
//! speak they must agree.

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

    /// `` `section.key` is VALUE``, the value cut.
    pub(super) fn stated(&self, key: &str, value: &Value) -> String {
        let value = value.to_string();
        let cut: String = value.chars().take(80).collect();
        format!("`{}.{key}` is {cut}{}", self.name, if cut.len() < value.len() { "…" } else { "" })
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
                    format!("a configuration where {}", self.stated(field, value))
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
