//! `preprocess_cfg` of open_clip's `open_clip_config.json`, read and written. PROTOCOL 1.8.5.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::configuration::{
    CROP_OFFSET, channels, decimal, fill, missing, object, square, unknown_keys, word,
};
use super::{CropMode, CropOffset, Interpolation, MEAN, Preprocess, ResizeMode, STD};
use crate::ImageError;

/// Every field of `PreprocessCfg` (version 3.3); all are obeyed.
pub(super) const KEYS: [&str; 7] =
    ["size", "mode", "mean", "std", "interpolation", "resize_mode", "fill_color"];

#[derive(Deserialize, Default)]
#[serde(default)]
struct PreprocessCfg {
    size: Option<Value>,
    mode: Option<String>,
    mean: Option<Value>,
    std: Option<Value>,
    interpolation: Option<String>,
    resize_mode: Option<String>,
    fill_color: Option<Value>,
    crop_offset: Option<String>,
}

impl Preprocess {
    /// Reads `open_clip_config.json`: `preprocess_cfg`, and the size from
    /// `model_cfg.vision_cfg.image_size`, which wins over `preprocess_cfg.size` as in open_clip.
    /// What is missing has open_clip's defaults. `warnings` gets a sentence for each key that is
    /// unknown; open_clip reads over those.
    ///
    /// # Errors
    /// [`ImageError::Config`] for what is no JSON, for unknown words, and for a target that is not
    /// square.
    ///
    /// Source: PROTOCOL 1.8.5.
    pub fn from_open_clip_config(
        json: &str,
        warnings: &mut Vec<String>,
    ) -> Result<Self, ImageError> {
        let file = object(json)?;
        let fields = file.get("preprocess_cfg").filter(|fields| !fields.is_null());
        let fields = fields.cloned().unwrap_or_else(|| json!({}));
        unknown_keys("preprocess_cfg", &fields, &KEYS, warnings);
        let config = PreprocessCfg::deserialize(fields)
            .map_err(|error| ImageError::config(format!("`preprocess_cfg`: {error}")))?;
        let file = Value::from(file);
        let model = file.get("model_cfg").unwrap_or(&file);
        let size = match (
            model.pointer("/vision_cfg/image_size").filter(|size| !size.is_null()),
            &config.size,
        ) {
            (Some(size), _) => square("vision_cfg.image_size", size)?,
            (None, Some(size)) => square("preprocess_cfg.size", size)?,
            (None, None) => {
                return Err(missing("preprocess_cfg.size or model_cfg.vision_cfg.image_size"));
            }
        };
        let resize = word("resize_mode", config.resize_mode.as_deref(), ResizeMode::Shortest)?;
        let interpolation = match config.interpolation.as_deref() {
            Some("random") => Interpolation::Bicubic, // what it means when nothing is trained
            other => word("interpolation", other, Interpolation::Bicubic)?,
        };
        if let Some(mode) = config.mode.filter(|mode| mode != "RGB") {
            return Err(ImageError::config(format!("`mode` is `{mode}`, only RGB is known")));
        }
        let fill = fill(config.fill_color.as_ref())?;
        // open_clip takes its default in the place of a plain 0.
        let stated = |value: Option<Value>| value.filter(|value| value.as_f64() != Some(0.0));
        let mean = stated(config.mean).map_or(Ok(MEAN), |value| channels("mean", &value))?;
        let std = stated(config.std).map_or(Ok(STD), |value| channels("std", &value))?;
        Ok(Self {
            size,
            resize,
            interpolation,
            crop: resize.usual_crop(),
            fill,
            mean,
            std,
            ..Self::clip(size)
        })
    }

    /// `preprocess_cfg` that says the same. Filters that open_clip does not know are written by
    /// their names too; [`Preprocess::is_known_to_open_clip`] tells.
    ///
    /// # Errors
    /// [`ImageError::Config`] for a crop that does not go with the resize.
    pub fn to_open_clip_config(&self) -> Result<Map<String, Value>, ImageError> {
        if self.crop != self.resize.usual_crop() {
            let found = format!(
                "crop `{}` after resize `{}` has no place in `preprocess_cfg`",
                self.crop, self.resize
            );
            return Err(ImageError::config(found));
        }
        let mut config = Map::new();
        config.insert("size".to_owned(), json!([self.size, self.size]));
        config.insert("mode".to_owned(), json!("RGB"));
        config.insert("mean".to_owned(), json!(self.mean.map(decimal)));
        config.insert("std".to_owned(), json!(self.std.map(decimal)));
        config.insert("interpolation".to_owned(), json!(self.interpolation.to_string()));
        config.insert("resize_mode".to_owned(), json!(self.resize.to_string()));
        config.insert("fill_color".to_owned(), json!(self.fill));
        if self.crop == CropMode::Center && self.crop_offset != CropOffset::Even {
            config.insert(CROP_OFFSET.to_owned(), json!(self.crop_offset.to_string()));
        }
        Ok(config)
    }

    /// Whether open_clip has this filter: version 3.3 refuses all but two.
    pub fn is_known_to_open_clip(&self) -> bool {
        matches!(self.interpolation, Interpolation::Bicubic | Interpolation::Bilinear)
    }
}

impl ResizeMode {
    /// What makes a square of the resized image: for each of the three there is one crop that goes
    /// with it.
    pub fn usual_crop(self) -> CropMode {
        match self {
            Self::Shortest => CropMode::Center,
            Self::Longest => CropMode::Pad,
            Self::Squash => CropMode::None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Result<Preprocess, ImageError> {
        Preprocess::from_open_clip_config(json, &mut Vec::new())
    }

    #[test]
    fn configuration_takes_size_from_the_model() {
        let json = r#"{"model_cfg": {"vision_cfg": {"image_size": 288}}, "preprocess_cfg": {"mean": [0.5, 0.5, 0.5],
            "std": 0.5, "interpolation": "bilinear", "resize_mode": "longest", "fill_color": 127, "size": 224}}"#;
        let preprocess = read(json).unwrap();
        assert_eq!(
            (preprocess.size, preprocess.resize, preprocess.crop),
            (288, ResizeMode::Longest, CropMode::Pad)
        );
        assert_eq!(
            (preprocess.fill, preprocess.std, preprocess.interpolation),
            (127, [0.5; 3], Interpolation::Bilinear)
        );
    }

    #[test]
    fn what_cannot_be_followed_is_said() {
        let cases = [
            (r#"{"preprocess_cfg": {"size": [224, 288]}}"#, "`preprocess_cfg.size` is [224,288]"),
            (
                r#"{"preprocess_cfg": {"size": 224, "interpolation": "cubic"}}"#,
                "`interpolation`: no interpolation `cubic`",
            ),
            (r#"{"preprocess_cfg": {"size": 224, "mode": "BGR"}}"#, "`mode` is `BGR`"),
            (r#"{}"#, "`preprocess_cfg.size or model_cfg.vision_cfg.image_size` is missing"),
            ("nonsense", "expected"),
        ];
        for (json, part) in cases {
            let message = read(json).unwrap_err().to_string();
            assert!(message.contains(part), "{message}");
        }
        let mut warnings = Vec::new();
        Preprocess::from_open_clip_config(
            r#"{"preprocess_cfg": {"size": 224, "sise": 1}}"#,
            &mut warnings,
        )
        .unwrap();
        assert_eq!(
            warnings,
            ["`preprocess_cfg.sise` of the configuration is unknown here and was not followed"]
        );
    }

    #[test]
    fn plain_zero_is_open_clips_default() {
        let preprocess =
            read(r#"{"preprocess_cfg": {"size": 224, "mean": 0, "std": 0.0}}"#).unwrap();
        assert_eq!(preprocess, Preprocess::clip(224));
        assert_eq!(
            read(r#"{"preprocess_cfg": {"size": 224, "mean": [0, 0, 0]}}"#).unwrap().mean,
            [0.0; 3]
        );
    }

    #[test]
    fn what_is_written_reads_back() {
        for resize in [ResizeMode::Shortest, ResizeMode::Longest, ResizeMode::Squash] {
            for interpolation in
                [Interpolation::Bicubic, Interpolation::Lanczos, Interpolation::Nearest]
            {
                let mean = [0.1, 0.485, 0.3];
                let preprocess = Preprocess {
                    resize,
                    interpolation,
                    crop: resize.usual_crop(),
                    fill: 9,
                    mean,
                    ..Preprocess::clip(96)
                };
                let written =
                    json!({ "preprocess_cfg": preprocess.to_open_clip_config().unwrap() });
                assert_eq!(read(&written.to_string()).unwrap(), preprocess);
            }
        }
        let preprocess = Preprocess { crop: CropMode::None, ..Preprocess::clip(96) };
        assert!(preprocess.to_open_clip_config().is_err());
    }
}
