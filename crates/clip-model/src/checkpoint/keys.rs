//! Every key of a configuration is obeyed, neutral, or refused by its name; none is passed over.
//! The tables stand with their sources (`open_clip_config`, `hugging_face_config`,
//! `tokenizer_files`); this is what their rows mean.

use super::hints::{Hints, Section};
use crate::error::CheckpointError;
use serde_json::{Map, Value};

/// What becomes of a key. `null` stands for the default everywhere and is neutral.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// Followed, or compared with the shapes.
    Obeyed,
    /// No feature depends on it: training, housekeeping, or what the tensors themselves hold.
    Neutral,
    /// Asks for another computation of a tower, but for these values (JSON): the model is refused.
    Tower(&'static [&'static str]),
    /// Asks for other tokens, but for these values (JSON): texts are refused, images are not
    /// concerned.
    Tokens(&'static [&'static str]),
}

/// The keys of one object.
pub(super) type Keys = &'static [(&'static str, Role)];

/// What becomes of a key that stands in no table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unknown {
    /// The library that owns the format refuses it as well.
    Refused,
    /// The library that owns the format reads over it: said.
    Warned,
    /// It is for the tokenizer: texts are refused.
    TextsRefused,
}

/// The role of `key` in `tables`.
pub(super) fn role(tables: &[Keys], key: &str) -> Option<Role> {
    tables
        .iter()
        .flat_map(|table| table.iter())
        .find(|(name, _)| *name == key)
        .map(|(_, role)| *role)
}

/// Goes through every key of `section`.
pub(super) fn check(
    section: &Section<'_>,
    tables: &[Keys],
    unknown: Unknown,
    hints: &mut Hints,
) -> Result<(), CheckpointError> {
    for (key, value) in section.fields {
        match role(tables, key) {
            _ if value.is_null() => {}
            Some(Role::Obeyed | Role::Neutral) => {}
            Some(Role::Tower(neutral)) if is_one_of(value, neutral) => {}
            Some(Role::Tower(_)) => return Err(section.unsupported(key, "CLIP's own towers are")),
            Some(Role::Tokens(neutral)) if is_one_of(value, neutral) => {}
            Some(Role::Tokens(_)) => hints.refuse_texts(section.stated(key, value)),
            None => unknown_key(section, key, value, unknown, hints)?,
        }
    }
    Ok(())
}

fn unknown_key(
    section: &Section<'_>,
    key: &str,
    value: &Value,
    unknown: Unknown,
    hints: &mut Hints,
) -> Result<(), CheckpointError> {
    let name = format!("{}.{key:.80}", section.name);
    match unknown {
        Unknown::Refused => {
            return Err(CheckpointError::UnknownKey {
                path: section.path.to_path_buf(),
                key: name,
            });
        }
        Unknown::Warned => {
            let warning =
                format!("`{name}` of the configuration is unknown here and was not followed");
            hints.warnings.push(warning);
        }
        Unknown::TextsRefused => hints.refuse_texts(section.stated(key, value)),
    }
    Ok(())
}

fn is_one_of(value: &Value, neutral: &[&str]) -> bool {
    neutral
        .iter()
        .filter_map(|text| serde_json::from_str::<Value>(text).ok())
        .any(|neutral| same(value, &neutral))
}

/// 1 and 1.0 are one number.
fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => a.as_f64() == b.as_f64(),
        (Value::Object(a), Value::Object(b)) => same_fields(a, b),
        _ => a == b,
    }
}

fn same_fields(a: &Map<String, Value>, b: &Map<String, Value>) -> bool {
    a.len() == b.len() && a.iter().all(|(key, a)| b.get(key).is_some_and(|b| same(a, b)))
}

#[cfg(test)]
mod tests {
    use super::super::{hugging_face_config, open_clip_config, tokenizer_files};
    use super::*;
    use std::collections::BTreeMap;

    /// The keys that open_clip 3.3 (its dataclasses and its 144 configurations) and transformers
    /// 5.23 and 4.57 write.
    #[test]
    fn every_key_that_the_libraries_write_is_in_a_table() {
        let inventory: BTreeMap<String, Vec<String>> =
            serde_json::from_str(include_str!("../../tests/data/configuration_keys.json")).unwrap();
        for (section, keys) in inventory {
            let tables = match section.as_str() {
                "open_clip file" => vec![open_clip_config::FILE],
                "open_clip model_cfg" => vec![open_clip_config::MODEL],
                "open_clip vision_cfg" => vec![open_clip_config::VISION, open_clip_config::BLOCK],
                "open_clip text_cfg" => vec![open_clip_config::TEXT, open_clip_config::BLOCK],
                "open_clip tokenizer_kwargs" => vec![open_clip_config::TOKENIZER],
                "transformers config" => {
                    vec![hugging_face_config::ROOT, hugging_face_config::COMMON]
                }
                "transformers text_config" => {
                    vec![hugging_face_config::TEXT, hugging_face_config::COMMON]
                }
                "transformers vision_config" => {
                    vec![hugging_face_config::VISION, hugging_face_config::COMMON]
                }
                "transformers tokenizer_config" => vec![tokenizer_files::CONFIG],
                other => panic!("{other}"),
            };
            for key in keys {
                assert!(role(&tables, &key).is_some(), "{section}: {key}");
            }
        }
    }

    #[test]
    fn numbers_are_compared_as_numbers() {
        let is =
            |value: &str, neutral| is_one_of(&serde_json::from_str(value).unwrap(), &[neutral]);
        assert!(
            is("0.00001", "1e-5")
                && is("1e-05", "1e-5")
                && is(r#"{"eps": 0.00001}"#, r#"{"eps": 1e-5}"#)
        );
        assert!(
            !is("1e-6", "1e-5")
                && !is("0", "false")
                && !is(r#"{"eps": 1e-5, "x": 1}"#, r#"{"eps": 1e-5}"#)
        );
    }
}
