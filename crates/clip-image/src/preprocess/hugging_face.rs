//! transformers' `CLIPImageProcessor`: `preprocessor_config.json`, or the `image_processor` of
//! `processor_config.json`. PROTOCOL 1.8.6.

use serde_json::{Map, Value, json};

use super::configuration::{CROP_OFFSET, channels, decimal, object, square, unknown_keys, word};
use super::{CropMode, CropOffset, Interpolation, MEAN, Preprocess, ResizeMode, STD};
use crate::ImageError;

/// Keys that are obeyed, or refused where they cannot be.
pub(super) const OBEYED: [&str; 18] = [
    "do_resize",
    "size",
    "default_to_square",
    "use_square_size",
    "resample",
    "do_center_crop",
    "crop_size",
    "do_rescale",
    "rescale_factor",
    "do_normalize",
    "image_mean",
    "image_std",
    "do_pad",
    "pad_size",
    "image_processor_type",
    "feature_extractor_type",
    "do_convert_rgb",
    CROP_OFFSET,
];

/// Keys that change no pixel: housekeeping, and how the library hands tensors around.
pub(super) const NEUTRAL: [&str; 8] = [
    "_valid_processor_keys",
    "processor_class",
    "data_format",
    "input_data_format",
    "device",
    "disable_grouping",
    "image_seq_length",
    "return_tensors",
];

/// The classes whose defaults these are.
const CLASSES: [&str; 4] = [
    "CLIPImageProcessor",
    "CLIPImageProcessorFast",
    "CLIPImageProcessorPil",
    "CLIPFeatureExtractor",
];

/// Pillow's numbers for its filters.
const RESAMPLE: [(u64, Interpolation); 6] = [
    (0, Interpolation::Nearest),
    (1, Interpolation::Lanczos),
    (2, Interpolation::Bilinear),
    (3, Interpolation::Bicubic),
    (4, Interpolation::Box),
    (5, Interpolation::Hamming),
];

impl Preprocess {
    /// Reads the configuration of transformers' `CLIPImageProcessor`. What is missing or null has
    /// the class's defaults. `warnings` gets a sentence for each key that is unknown; transformers
    /// reads over those.
    ///
    /// The crop's offset is rounded down as there, one pixel beside the reference's for every
    /// fourth aspect ratio (PROTOCOL 1.8.6). The order stays the reference's: RGB last.
    /// transformers converts first; see [`Preprocess::convert_first`] and
    /// [`Preprocess::transparency`].
    ///
    /// # Errors
    /// [`ImageError::Config`] for what is no JSON, for steps that are switched off or unknown, for
    /// other classes of processors, and for sizes that are not square.
    ///
    /// Source: PROTOCOL 1.8.6.
    pub fn from_preprocessor_config(
        json: &str,
        warnings: &mut Vec<String>,
    ) -> Result<Self, ImageError> {
        let mut fields = object(json)?;
        fields.retain(|_, value| !value.is_null());
        let known = [OBEYED.as_slice(), &NEUTRAL].concat();
        unknown_keys("image_processor", &Value::from(fields.clone()), &known, warnings);
        let config = Processor { fields };
        config.refuse_other_steps()?;
        let crop = config.flag("do_center_crop", true)?;
        let (size, resize) = config.size()?;
        if crop {
            let crop =
                config.fields.get("crop_size").map_or(Ok(224), |size| square("crop_size", size))?;
            if crop != size {
                return Err(ImageError::config(format!(
                    "`size` resizes to {size} and `crop_size` crops to {crop}, only equal sizes are known"
                )));
            }
        } else if resize == ResizeMode::Shortest {
            let problem = "`do_center_crop` is false and `size` is of the shorter side: no square comes of it";
            return Err(ImageError::config(problem));
        }
        let mean = config
            .fields
            .get("image_mean")
            .map_or(Ok(MEAN), |value| channels("image_mean", value))?;
        let std =
            config.fields.get("image_std").map_or(Ok(STD), |value| channels("image_std", value))?;
        let interpolation = config.interpolation()?;
        let crop = resize.usual_crop();
        let usual = if crop == CropMode::Center { CropOffset::Floor } else { CropOffset::Even };
        let crop_offset =
            word(CROP_OFFSET, config.fields.get(CROP_OFFSET).and_then(Value::as_str), usual)?;
        Ok(Self { resize, interpolation, crop, crop_offset, mean, std, ..Self::clip(size) })
    }

    /// `preprocessor_config.json` that says the same.
    ///
    /// # Errors
    /// [`ImageError::Config`] where transformers' class cannot say it: padding, or a crop that does
    /// not go with the resize.
    pub fn to_preprocessor_config(&self) -> Result<Map<String, Value>, ImageError> {
        let size = match (self.resize, self.crop) {
            (ResizeMode::Shortest, CropMode::Center) => json!({ "shortest_edge": self.size }),
            (ResizeMode::Squash, CropMode::None) => {
                json!({ "height": self.size, "width": self.size })
            }
            (resize, crop) => {
                let found = format!(
                    "resize `{resize}` with crop `{crop}` has no place in a `CLIPImageProcessor`"
                );
                return Err(ImageError::config(found));
            }
        };
        let resample = RESAMPLE
            .iter()
            .find(|(_, filter)| *filter == self.interpolation)
            .map(|(number, _)| number);
        let mut config = json!({
            "image_processor_type": "CLIPImageProcessor",
            "do_convert_rgb": true,
            "do_resize": true,
            "size": size,
            "resample": resample,
            "do_center_crop": self.crop == CropMode::Center,
            "crop_size": { "height": self.size, "width": self.size },
            "do_rescale": true,
            "rescale_factor": 1.0 / 255.0,
            "do_normalize": true,
            "image_mean": self.mean.map(decimal),
            "image_std": self.std.map(decimal),
        });
        if self.crop == CropMode::Center && self.crop_offset != CropOffset::Floor {
            config[CROP_OFFSET] = json!(self.crop_offset.to_string());
        }
        Ok(config.as_object().cloned().unwrap_or_default())
    }
}

/// The configuration without its nulls.
struct Processor {
    fields: Map<String, Value>,
}

impl Processor {
    fn refuse_other_steps(&self) -> Result<(), ImageError> {
        for key in ["image_processor_type", "feature_extractor_type"] {
            if let Some(class) = self.fields.get(key)
                && !class.as_str().is_some_and(|class| CLASSES.contains(&class))
            {
                return Err(ImageError::config(format!(
                    "`{key}` is {class}, `CLIPImageProcessor` is known"
                )));
            }
        }
        for key in ["do_resize", "do_rescale", "do_normalize"] {
            if !self.flag(key, true)? {
                return Err(ImageError::config(format!(
                    "`{key}` is false, a model's input needs the step"
                )));
            }
        }
        self.flag("do_convert_rgb", true)?; // a model takes three channels whatever it says
        if self.flag("use_square_size", false)? {
            return Err(ImageError::config(
                "`use_square_size` is true, `size` in height and width says the same",
            ));
        }
        if self.flag("do_pad", false)? && self.fields.contains_key("pad_size") {
            return Err(ImageError::config("`pad_size` pads what is a square already"));
        }
        match self.fields.get("rescale_factor") {
            None => Ok(()),
            Some(factor)
                if factor.as_f64().is_some_and(|factor| (factor * 255.0 - 1.0).abs() <= 1e-6) =>
            {
                Ok(())
            }
            Some(factor) => Err(ImageError::config(format!(
                "`rescale_factor` is {factor}, only 1/255 is known"
            ))),
        }
    }

    fn flag(&self, key: &str, default: bool) -> Result<bool, ImageError> {
        match self.fields.get(key) {
            None => Ok(default),
            Some(Value::Bool(flag)) => Ok(*flag),
            Some(value) => {
                Err(ImageError::config(format!("`{key}` is {value}, true or false is needed")))
            }
        }
    }

    /// The side, and which sides become it.
    fn size(&self) -> Result<(u32, ResizeMode), ImageError> {
        let Some(size) = self.fields.get("size") else { return Ok((224, ResizeMode::Shortest)) };
        let Some(object) = size.as_object() else {
            let squash = size.is_array() || self.flag("default_to_square", false)?;
            return Ok((
                square("size", size)?,
                if squash { ResizeMode::Squash } else { ResizeMode::Shortest },
            ));
        };
        let stated: Vec<&str> = object
            .iter()
            .filter(|(_, side)| !side.is_null())
            .map(|(key, _)| key.as_str())
            .collect();
        match stated.as_slice() {
            ["shortest_edge"] => {
                let side = object.get("shortest_edge").unwrap_or(&Value::Null);
                Ok((square("size", side)?, ResizeMode::Shortest))
            }
            ["height", "width"] | ["width", "height"] => {
                Ok((square("size", size)?, ResizeMode::Squash))
            }
            _ => Err(ImageError::config(format!(
                "`size` is {size}, `shortest_edge` alone or `height` and `width` are known"
            ))),
        }
    }

    fn interpolation(&self) -> Result<Interpolation, ImageError> {
        let Some(resample) = self.fields.get("resample") else { return Ok(Interpolation::Bicubic) };
        let found = RESAMPLE.iter().find(|(number, _)| resample.as_u64() == Some(*number));
        found.map(|(_, filter)| *filter).ok_or_else(|| {
            ImageError::config(format!(
                "`resample` is {resample}, Pillow's numbers 0 to 5 are known"
            ))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Result<Preprocess, ImageError> {
        Preprocess::from_preprocessor_config(json, &mut Vec::new())
    }

    #[test]
    fn released_configurations_are_clip() {
        let old = r#"{"crop_size": 336, "do_center_crop": true, "do_normalize": true, "do_resize": true,
            "feature_extractor_type": "CLIPFeatureExtractor", "image_mean": [0.48145466, 0.4578275, 0.40821073],
            "image_std": [0.26862954, 0.26130258, 0.27577711], "resample": 3, "size": 336}"#;
        let theirs = |size| Preprocess { crop_offset: CropOffset::Floor, ..Preprocess::clip(size) };
        assert_eq!(read(old).unwrap(), theirs(336));
        let new = r#"{"size": {"shortest_edge": 224}, "crop_size": {"height": 224, "width": 224},
            "rescale_factor": 0.00392156862745098, "do_convert_rgb": true}"#;
        assert_eq!(read(new).unwrap(), theirs(224));
        assert_eq!(read("{}").unwrap(), theirs(224));
    }

    #[test]
    fn every_spelling_of_a_size_is_known_or_refused_by_name() {
        let squash = |json: &str| read(json).unwrap().resize == ResizeMode::Squash;
        assert!(
            !squash(r#"{"size": 224}"#) && squash(r#"{"size": 224, "default_to_square": true}"#)
        );
        assert!(
            squash(r#"{"size": [224, 224]}"#)
                && squash(r#"{"size": {"width": 224, "height": 224}}"#)
        );
        assert!(squash(
            r#"{"size": {"height": 96, "width": 96}, "do_center_crop": false, "crop_size": 224}"#
        ));
        assert!(!squash(r#"{"size": {"shortest_edge": 224, "longest_edge": null}}"#));
        for size in [
            r#"{"shortest_edge": 224, "longest_edge": 300}"#,
            r#"{"longest_edge": 224}"#,
            r#"{"max_height": 224, "max_width": 224}"#,
            r#"{"height": 224, "width": 200}"#,
            r#"{"height": 224}"#,
            "[224]",
            "0",
        ] {
            let error = read(&format!(r#"{{"size": {size}}}"#)).unwrap_err().to_string();
            assert!(error.contains("size"), "{error}");
        }
    }

    #[test]
    fn steps_that_cannot_be_followed_are_refused_by_name() {
        for (json, name) in [
            (r#"{"do_resize": false}"#, "do_resize"),
            (r#"{"do_rescale": false}"#, "do_rescale"),
            (r#"{"do_normalize": false}"#, "do_normalize"),
            (r#"{"rescale_factor": 0.5}"#, "rescale_factor"),
            (r#"{"do_center_crop": false}"#, "do_center_crop"),
            (r#"{"crop_size": 200}"#, "crop_size"),
            (r#"{"size": 336}"#, "crop_size"),
            (r#"{"resample": 7}"#, "resample"),
            (r#"{"resample": "bicubic"}"#, "resample"),
            (r#"{"do_pad": true, "pad_size": {"height": 300, "width": 300}}"#, "pad_size"),
            (r#"{"use_square_size": true}"#, "use_square_size"),
            (r#"{"image_processor_type": "SiglipImageProcessor"}"#, "image_processor_type"),
            (r#"{"image_std": [1, 0, 1]}"#, "image_std"),
            (r#"{"image_mean": [1, 0]}"#, "image_mean"),
        ] {
            let error = read(json).unwrap_err().to_string();
            assert!(error.contains(&format!("`{name}`")), "{error}");
        }
    }

    #[test]
    fn what_is_written_reads_back() {
        for resize in [ResizeMode::Shortest, ResizeMode::Squash] {
            for (_, interpolation) in RESAMPLE {
                let std = [0.229, 0.1, 0.3];
                let preprocess = Preprocess {
                    resize,
                    interpolation,
                    crop: resize.usual_crop(),
                    std,
                    ..Preprocess::clip(96)
                };
                let written = Value::from(preprocess.to_preprocessor_config().unwrap());
                assert_eq!(read(&written.to_string()).unwrap(), preprocess);
            }
        }
        let longest =
            Preprocess { resize: ResizeMode::Longest, crop: CropMode::Pad, ..Preprocess::clip(96) };
        assert!(longest.to_preprocessor_config().is_err());
    }
}
