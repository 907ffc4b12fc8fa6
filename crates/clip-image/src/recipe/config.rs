//! Recipes out of the configuration files that checkpoints come with. PROTOCOL 1.8.5, 1.8.6.

use serde::Deserialize;
use serde_json::Value;

use super::{CropMode, Interpolation, MEAN, Recipe, ResizeMode, STD};
use crate::ImageError;

impl Recipe {
    /// Reads `open_clip_config.json`: `preprocess_cfg`, and the size from it or from
    /// `model_cfg.vision_cfg.image_size`. What is missing has open_clip's defaults.
    ///
    /// # Errors
    /// [`ImageError::Config`] for what is no JSON, for unknown words, and for a target that is not square.
    ///
    /// Source: PROTOCOL 1.8.5.
    pub fn from_open_clip_config(json: &str) -> Result<Self, ImageError> {
        let file: OpenClipFile = parse(json)?;
        let config = file.preprocess_cfg;
        let size = config.size.or(file.model_cfg.vision_cfg.image_size);
        let size =
            square(&size.ok_or_else(|| missing("preprocess_cfg.size or model_cfg.vision_cfg.image_size"))?)?;
        let resize = word(config.resize_mode.as_deref(), ResizeMode::Shortest)?;
        let crop = match resize {
            ResizeMode::Shortest => CropMode::Center,
            ResizeMode::Longest => CropMode::Pad,
            ResizeMode::Squash => CropMode::None,
        };
        let interpolation = match config.interpolation.as_deref() {
            Some("random") => Interpolation::Bicubic, // what it means when nothing is trained
            other => word(other, Interpolation::Bicubic)?,
        };
        if let Some(mode) = config.mode.filter(|mode| mode != "RGB") {
            return Err(ImageError::config(format!("mode `{mode}`, only RGB is known")));
        }
        let fill = fill(config.fill_color.as_ref())?;
        let mean = config.mean.map_or(Ok(MEAN), |value| channels("mean", &value))?;
        let std = config.std.map_or(Ok(STD), |value| channels("std", &value))?;
        Ok(Self { size, resize, interpolation, crop, fill, mean, std, ..Self::clip(size) })
    }

    /// Reads Hugging Face's `preprocessor_config.json`.
    ///
    /// Order and rounding stay the reference's: RGB last, crop offset rounded to even. Hugging Face converts first
    /// (set [`Recipe::convert_first`] for that) and rounds the crop offset down, which moves every fourth aspect
    /// ratio by one pixel (PROTOCOL 1.8.6); checkpoints were trained with the reference's.
    ///
    /// # Errors
    /// [`ImageError::Config`] for what is no JSON, for steps that are switched off or unknown, and for sizes that
    /// are not square.
    ///
    /// Source: PROTOCOL 1.8.6.
    pub fn from_preprocessor_config(json: &str) -> Result<Self, ImageError> {
        let file: PreprocessorFile = parse(json)?;
        for (name, on) in [
            ("do_resize", file.do_resize),
            ("do_rescale", file.do_rescale),
            ("do_normalize", file.do_normalize),
        ] {
            if on == Some(false) {
                return Err(ImageError::config(format!("`{name}` is false, a model's input needs the step")));
            }
        }
        if let Some(factor) = file.rescale_factor.filter(|factor| (factor * 255.0 - 1.0).abs() > 1e-6) {
            return Err(ImageError::config(format!("`rescale_factor` is {factor}, only 1/255 is known")));
        }
        let size = file.size.ok_or_else(|| missing("size"))?;
        let by_edge = size.get("shortest_edge");
        let center = file.do_center_crop.unwrap_or(file.crop_size.is_some());
        let resized = square(by_edge.unwrap_or(&size))?;
        let target = if center { file.crop_size.as_ref().map_or(Ok(resized), square)? } else { resized };
        if target != resized {
            return Err(ImageError::config(format!(
                "resize to {resized} and crop to {target}, only equal sizes are known"
            )));
        }
        let shortest = by_edge.is_some() || size.is_number();
        if shortest && !center {
            return Err(ImageError::config("the shorter side is resized and nothing is cropped"));
        }
        let (resize, crop) = if shortest {
            (ResizeMode::Shortest, CropMode::Center)
        } else {
            (ResizeMode::Squash, CropMode::None)
        };
        let interpolation = match file.resample {
            None | Some(3) => Interpolation::Bicubic,
            Some(0) => Interpolation::Nearest,
            Some(1) => Interpolation::Lanczos,
            Some(2) => Interpolation::Bilinear,
            Some(4) => Interpolation::Box,
            Some(5) => Interpolation::Hamming,
            Some(other) => {
                return Err(ImageError::config(format!("`resample` is {other}, 0 to 5 are known")));
            }
        };
        let mean = file.image_mean.map_or(Ok(MEAN), |value| channels("image_mean", &value))?;
        let std = file.image_std.map_or(Ok(STD), |value| channels("image_std", &value))?;
        Ok(Self { resize, interpolation, crop, mean, std, ..Self::clip(target) })
    }
}

#[derive(Deserialize)]
struct OpenClipFile {
    #[serde(default)]
    preprocess_cfg: PreprocessCfg,
    #[serde(default)]
    model_cfg: ModelCfg,
}

#[derive(Deserialize, Default)]
struct PreprocessCfg {
    size: Option<Value>,
    mode: Option<String>,
    mean: Option<Value>,
    std: Option<Value>,
    interpolation: Option<String>,
    resize_mode: Option<String>,
    fill_color: Option<Value>,
}

#[derive(Deserialize, Default)]
struct ModelCfg {
    #[serde(default)]
    vision_cfg: VisionCfg,
}

#[derive(Deserialize, Default)]
struct VisionCfg {
    image_size: Option<Value>,
}

#[derive(Deserialize)]
struct PreprocessorFile {
    do_resize: Option<bool>,
    do_center_crop: Option<bool>,
    do_rescale: Option<bool>,
    do_normalize: Option<bool>,
    size: Option<Value>,
    crop_size: Option<Value>,
    resample: Option<u8>,
    rescale_factor: Option<f64>,
    image_mean: Option<Value>,
    image_std: Option<Value>,
}

fn parse<'a, T: Deserialize<'a>>(json: &'a str) -> Result<T, ImageError> {
    serde_json::from_str(json).map_err(|error| ImageError::config(error.to_string()))
}

fn missing(name: &str) -> ImageError {
    ImageError::config(format!("`{name}` is missing"))
}

/// A number, two equal numbers, or `height` and `width`; 1 to 16384.
fn square(value: &Value) -> Result<u32, ImageError> {
    let sides = match value {
        Value::Number(_) => [Some(value), Some(value)],
        Value::Array(sides) if sides.len() == 1 => [sides.first(), sides.first()],
        Value::Array(sides) if sides.len() == 2 => [sides.first(), sides.last()],
        Value::Object(sides) => [sides.get("height"), sides.get("width")],
        _ => [None, None],
    };
    match sides.map(|side| side.and_then(Value::as_u64)) {
        [Some(height), Some(width)] if height == width && (1..=16384).contains(&width) => Ok(width as u32),
        _ => Err(ImageError::config(format!(
            "size {value}, one side or two equal sides of 1 to 16384 are known"
        ))),
    }
}

/// One number for all channels or one for each.
fn channels(name: &str, value: &Value) -> Result<[f32; 3], ImageError> {
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

/// One level, or the same level for each channel.
fn fill(value: Option<&Value>) -> Result<u8, ImageError> {
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

fn word<T: std::str::FromStr<Err = ImageError>>(text: Option<&str>, default: T) -> Result<T, ImageError> {
    text.map_or(Ok(default), str::parse)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn released_hugging_face_configuration_is_clip() {
        let old = r#"{"crop_size": 336, "do_center_crop": true, "do_normalize": true, "do_resize": true,
            "feature_extractor_type": "CLIPFeatureExtractor", "image_mean": [0.48145466, 0.4578275, 0.40821073],
            "image_std": [0.26862954, 0.26130258, 0.27577711], "resample": 3, "size": 336}"#;
        assert_eq!(Recipe::from_preprocessor_config(old).unwrap(), Recipe::clip(336));
        let new = r#"{"size": {"shortest_edge": 224}, "crop_size": {"height": 224, "width": 224},
            "rescale_factor": 0.00392156862745098, "do_convert_rgb": true}"#;
        assert_eq!(Recipe::from_preprocessor_config(new).unwrap(), Recipe::clip(224));
    }

    #[test]
    fn siglip_configuration_squashes() {
        let json = r#"{"size": {"height": 256, "width": 256}, "image_mean": [0.5, 0.5, 0.5],
            "image_std": [0.5, 0.5, 0.5], "resample": 2}"#;
        let recipe = Recipe::from_preprocessor_config(json).unwrap();
        assert_eq!((recipe.resize, recipe.crop, recipe.size), (ResizeMode::Squash, CropMode::None, 256));
        assert_eq!((recipe.interpolation, recipe.mean), (Interpolation::Bilinear, [0.5; 3]));
    }

    #[test]
    fn open_clip_configuration_takes_size_from_the_model() {
        let json = r#"{"model_cfg": {"vision_cfg": {"image_size": 288}}, "preprocess_cfg": {"mean": [0.5, 0.5, 0.5],
            "std": [0.5, 0.5, 0.5], "interpolation": "bilinear", "resize_mode": "longest", "fill_color": 127}}"#;
        let recipe = Recipe::from_open_clip_config(json).unwrap();
        assert_eq!((recipe.size, recipe.resize, recipe.crop), (288, ResizeMode::Longest, CropMode::Pad));
        assert_eq!((recipe.fill, recipe.std, recipe.interpolation), (127, [0.5; 3], Interpolation::Bilinear));
    }

    #[test]
    fn what_cannot_be_followed_is_said() {
        let cases = [
            (r#"{"preprocess_cfg": {"size": [224, 288]}}"#, "size [224,288]"),
            (r#"{"preprocess_cfg": {"size": 224, "interpolation": "cubic"}}"#, "no interpolation `cubic`"),
            (r#"{}"#, "`preprocess_cfg.size or model_cfg.vision_cfg.image_size` is missing"),
            ("nonsense", "expected"),
        ];
        for (json, part) in cases {
            let message = Recipe::from_open_clip_config(json).unwrap_err().to_string();
            assert!(message.contains(part), "{message}");
        }
        let error = Recipe::from_preprocessor_config(r#"{"size": 224, "crop_size": 200}"#).unwrap_err();
        assert!(error.to_string().contains("resize to 224 and crop to 200"), "{error}");
    }
}
