//! What the configuration files of both libraries have in common: numbers, words, and keys that
//! nobody knows.

use serde_json::{Map, Value};

use crate::ImageError;

/// A key of our own in both libraries' files, where they have no word for it: `even` or `floor`.
/// They read over it.
pub(super) const CROP_OFFSET: &str = "crop_offset";

pub(super) fn object(json: &str) -> Result<Map<String, Value>, ImageError> {
    serde_json::from_str(json).map_err(|error| ImageError::config(error.to_string()))
}

pub(super) fn missing(name: &str) -> ImageError {
    ImageError::config(format!("`{name}` is missing"))
}

/// One sentence for each key of `fields` that is not among `known`.
pub(super) fn unknown_keys(
    section: &str,
    fields: &Value,
    known: &[&str],
    warnings: &mut Vec<String>,
) {
    let keys = fields.as_object().into_iter().flat_map(Map::keys);
    warnings.extend(keys.filter(|key| !known.contains(&key.as_str())).map(|key| {
        format!("`{section}.{key:.80}` of the configuration is unknown here and was not followed")
    }));
}

/// A number, two equal numbers, or `height` and `width`; 1 to 16384.
pub(super) fn square(name: &str, value: &Value) -> Result<u32, ImageError> {
    let sides = match value {
        Value::Number(_) => [Some(value), Some(value)],
        Value::Array(sides) if sides.len() == 2 => [sides.first(), sides.last()],
        Value::Object(sides) => [sides.get("height"), sides.get("width")],
        _ => [None, None],
    };
    match sides.map(|side| side.and_then(Value::as_u64)) {
        [Some(height), Some(width)] if height == width && (1..=16384).contains(&width) => {
            Ok(width as u32)
        }
        _ => Err(ImageError::config(format!(
            "`{name}` is {value}, one side or two equal sides of 1 to 16384 are known"
        ))),
    }
}

/// One number for all channels or one for each.
pub(super) fn channels(name: &str, value: &Value) -> Result<[f32; 3], ImageError> {
    let numbers: Option<Vec<f64>> = match value {
        Value::Array(values) if values.len() == 3 => values.iter().map(Value::as_f64).collect(),
        Value::Number(_) => value.as_f64().map(|number| vec![number; 3]),
        _ => None,
    };
    match numbers.as_deref() {
        Some([red, green, blue])
            if !name.ends_with("std") || [red, green, blue].iter().all(|v| **v > 0.0) =>
        {
            Ok([*red as f32, *green as f32, *blue as f32])
        }
        _ => Err(ImageError::config(format!("`{name}` is {value}, three numbers are needed"))),
    }
}

/// The shortest decimal that reads back as this number.
pub(super) fn decimal(value: f32) -> f64 {
    value.to_string().parse().unwrap_or(f64::from(value))
}

/// One level, or the same level for each channel.
pub(super) fn fill(value: Option<&Value>) -> Result<u8, ImageError> {
    let level = match value {
        None | Some(Value::Null) => Some(0),
        Some(Value::Array(levels)) if levels.iter().all(|level| Some(level) == levels.first()) => {
            levels.first().and_then(Value::as_u64)
        }
        Some(value) => value.as_u64(),
    };
    let level = level.and_then(|level| u8::try_from(level).ok());
    level.ok_or_else(|| ImageError::config("`fill_color` is not one grey level of 0 to 255"))
}

pub(super) fn word<T: std::str::FromStr<Err = ImageError>>(
    key: &str,
    text: Option<&str>,
    default: T,
) -> Result<T, ImageError> {
    let named = |error| match error {
        ImageError::Config { what } => ImageError::config(format!("`{key}`: {what}")),
        other => other,
    };
    text.map_or(Ok(default), |text| text.parse().map_err(named))
}

#[cfg(test)]
mod tests {
    use super::super::{hugging_face, open_clip};
    use super::*;

    /// The keys that open_clip 3.3 and transformers 5.23 and before write.
    #[test]
    fn every_key_that_the_libraries_write_is_known() {
        let inventory: Value =
            serde_json::from_str(include_str!("../../tests/data/configuration_keys.json")).unwrap();
        let keys = |section: &str| {
            let keys = inventory[section].as_array().unwrap();
            keys.iter().map(|key| key.as_str().unwrap().to_owned()).collect::<Vec<_>>()
        };
        for key in keys("open_clip preprocess_cfg") {
            assert!(open_clip::KEYS.contains(&key.as_str()), "{key}");
        }
        for key in keys("transformers image_processor") {
            let known = [hugging_face::OBEYED.as_slice(), &hugging_face::NEUTRAL].concat();
            assert!(known.contains(&key.as_str()), "{key}");
        }
    }

    #[test]
    fn decimals_are_the_shortest_that_read_back() {
        assert_eq!((decimal(0.5), decimal(0.1)), (0.5, 0.1));
        assert_eq!(decimal(0.481_454_66) as f32, 0.481_454_66);
    }
}
