//! open_clip's `model_cfg` (PROTOCOL 1.6.3). Fields and defaults are those of version 3.3.0.

use super::hints::{Hints, Section, Size};
use crate::architecture::{Activation, TextPooling};
use crate::error::CheckpointError;
use serde_json::{Map, Value};
use std::path::Path;

/// Fields that change the computation, and the values with which they do not. `null` never does.
const NEUTRAL_VISION: &[(&str, &[&str])] = &[
    ("ls_init_value", &[]),
    ("attentional_pool", &["false"]),
    ("no_ln_pre", &["false"]),
    ("pos_embed_type", &["\"learnable\""]),
    ("pool_type", &["\"tok\""]),
    ("act_kwargs", &["{}"]),
    ("norm_kwargs", &["{}"]),
    ("timm_model_name", &[]),
];
const NEUTRAL_TEXT: &[(&str, &[&str])] = &[
    ("ls_init_value", &[]),
    ("embed_cls", &["false"]),
    ("no_causal_mask", &["false"]),
    ("proj_bias", &["false"]),
    ("proj_type", &["\"linear\""]),
    ("act_kwargs", &["{}"]),
    ("norm_kwargs", &["{}"]),
    ("hf_model_name", &[]),
];
const NEUTRAL_BLOCK: &[(&str, &[&str])] = &[
    ("block_type", &["\"default\""]),
    ("qk_norm", &["false"]),
    ("scaled_cosine_attn", &["false"]),
    ("scale_heads", &["false"]),
    ("scale_attn_inner", &["false"]),
    ("scale_attn", &["false"]),
    ("scale_fc", &["false"]),
];

pub(super) fn hints(path: &Path, model: &Map<String, Value>) -> Result<Hints, CheckpointError> {
    let model = Section { path, name: "model_cfg", fields: model };
    let section = |name: &'static str| match model.fields.get(name) {
        Some(Value::Object(fields)) => Ok(Section { path, name, fields }),
        _ => Err(model.malformed(name, "an object")),
    };
    let (vision, text) = (section("vision_cfg")?, section("text_cfg")?);
    refuse_other_computations(&vision, NEUTRAL_VISION)?;
    refuse_other_computations(&vision, NEUTRAL_BLOCK)?;
    refuse_other_computations(&text, NEUTRAL_TEXT)?;
    refuse_other_computations(&text, NEUTRAL_BLOCK)?;

    let quick = model.boolean("quick_gelu")?;
    let mut hints = Hints {
        activation: Some(if quick { Activation::QuickGelu } else { Activation::Gelu }),
        pooling: Some(pooling(&text)?),
        image_head_width: Some(vision.size("head_width")?.unwrap_or(64)),
        text_heads: Some(text.size("heads")?.unwrap_or(8)),
        ..Hints::default()
    };
    hints.state(Size::EmbedDim, model.size("embed_dim")?);
    hints.state(Size::Resolution, resolution(&vision)?);
    hints.state(Size::ImageWidth, vision.size("width")?);
    // A list of four means a ResNet, whose patch size is a leftover.
    if !matches!(vision.fields.get("layers"), Some(Value::Array(_))) {
        hints.state(Size::ImageLayers, vision.size("layers")?);
        hints.state(Size::Patch, vision.size("patch_size")?);
    }
    hints.state(Size::ContextLength, text.size("context_length")?);
    hints.state(Size::Vocabulary, text.size("vocab_size")?);
    hints.state(Size::TextWidth, text.size("width")?);
    hints.state(Size::TextLayers, text.size("layers")?);
    Ok(hints)
}

/// Anything that asks for a computation this program does not have is an error, not a wrong answer.
fn refuse_other_computations(
    section: &Section<'_>,
    neutral: &[(&str, &[&str])],
) -> Result<(), CheckpointError> {
    for (field, values) in neutral {
        match section.fields.get(*field) {
            None | Some(Value::Null) => {}
            Some(value) if values.contains(&value.to_string().as_str()) => {}
            Some(_) => return Err(section.unsupported(field, "CLIP's own towers are")),
        }
    }
    Ok(())
}

fn pooling(text: &Section<'_>) -> Result<TextPooling, CheckpointError> {
    Ok(match text.text("pool_type")? {
        None | Some("argmax") => TextPooling::Argmax,
        Some("first") => TextPooling::First,
        Some("last") => TextPooling::Last,
        // open_clip's default of 2 belongs to another tokenizer, but it is its default.
        Some("eos") => match u32::try_from(text.size("eos_id")?.unwrap_or(2)) {
            Ok(id) => TextPooling::FirstId(id),
            Err(_) => return Err(text.malformed("eos_id", "a token id")),
        },
        Some(_) => return Err(text.unsupported("pool_type", "argmax, eos, first and last are")),
    })
}

/// A number, or two equal numbers.
fn resolution(vision: &Section<'_>) -> Result<Option<usize>, CheckpointError> {
    match vision.fields.get("image_size") {
        Some(Value::Array(sides)) => match sides.as_slice() {
            [height, width] if height == width => {
                let side = height.as_u64().and_then(|side| usize::try_from(side).ok());
                side.map(Some).ok_or_else(|| vision.malformed("image_size", "a size in pixels"))
            }
            _ => Err(vision.unsupported("image_size", "square inputs are")),
        },
        _ => vision.size("image_size"),
    }
}
