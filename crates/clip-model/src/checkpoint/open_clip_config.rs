//! open_clip's `open_clip_config.json` and `model_cfg` (PROTOCOL 1.6.3). Fields and defaults are
//! those of version 3.3.0.

use super::hints::{Hints, Section, Size};
use super::keys::Role::{Neutral, Obeyed, Tokens, Tower};
use super::keys::{Keys, Unknown, check};
use crate::architecture::{Activation, TextPooling};
use crate::error::CheckpointError;
use serde_json::{Map, Value};
use std::path::Path;

/// The file. `preprocess_cfg` is for images (`clip-image`).
pub(super) const FILE: Keys = &[("model_cfg", Obeyed), ("preprocess_cfg", Obeyed)];

/// What may stand beside the bare model's fields in a file that somebody put together.
const PREPROCESSING: Keys = &[("preprocess_cfg", Obeyed)];

/// Arguments of `CLIP` and `CustomTextCLIP`.
pub(super) const MODEL: Keys = &[
    ("embed_dim", Obeyed),
    ("vision_cfg", Obeyed),
    ("text_cfg", Obeyed),
    ("quick_gelu", Obeyed),
    ("custom_text", Neutral), // what the tensors are called
    ("init_logit_scale", Neutral),
    ("nonscalar_logit_scale", Neutral),
    ("output_dict", Neutral),
    ("cast_dtype", Neutral),
    ("init_logit_bias", Neutral), // how the bias of the sigmoid loss began
    ("multimodal_cfg", Tower(&[])), // CoCa
];

/// `CLIPVisionCfg`.
pub(super) const VISION: Keys = &[
    ("layers", Obeyed),
    ("width", Obeyed),
    ("head_width", Obeyed),
    ("mlp_ratio", Obeyed),
    ("patch_size", Obeyed),
    ("image_size", Obeyed),
    ("ls_init_value", Tower(&[])),
    ("patch_dropout", Neutral), // in training only
    ("attentional_pool", Tower(&["false"])),
    ("attn_pooler_queries", Neutral), // of the attentional pool
    ("attn_pooler_heads", Neutral),
    ("no_ln_pre", Tower(&["false"])),
    ("pos_embed_type", Tower(&["\"learnable\"", "\"sin_cos_2d\""])), // how the table began
    ("final_ln_after_pool", Neutral), // the same where one token is read
    ("pool_type", Tower(&["\"tok\""])),
    ("output_tokens", Tower(&["false"])),
    ("act_kwargs", Tower(&["{}"])),
    ("norm_kwargs", Tower(&["{}", "{\"eps\": 1e-5}"])),
    ("timm_model_name", Tower(&["\"\""])),
    ("timm_model_pretrained", Neutral), // of a tower of timm
    ("timm_pool", Neutral),
    ("timm_proj", Neutral),
    ("timm_proj_bias", Neutral),
    ("timm_drop", Neutral),
    ("timm_drop_path", Neutral),
];

/// `CLIPTextCfg`.
pub(super) const TEXT: Keys = &[
    ("context_length", Obeyed),
    ("vocab_size", Obeyed),
    ("hf_tokenizer_name", Obeyed),
    ("tokenizer_mode", Tokens(&["\"\""])),
    ("tokenizer_kwargs", Obeyed),
    ("width", Obeyed),
    ("heads", Obeyed),
    ("layers", Obeyed),
    ("mlp_ratio", Obeyed),
    ("ls_init_value", Tower(&[])),
    ("embed_cls", Tower(&["false"])),
    ("pad_id", Neutral), // of `embed_cls`
    ("eos_id", Obeyed),
    ("no_causal_mask", Tower(&["false"])),
    ("final_ln_after_pool", Neutral), // version 3.3 reads over it
    ("pool_type", Obeyed),
    ("proj_bias", Tower(&["false"])),
    ("proj_type", Tower(&["\"linear\""])),
    ("output_tokens", Tower(&["false"])),
    ("act_kwargs", Tower(&["{}"])),
    ("norm_kwargs", Tower(&["{}", "{\"eps\": 1e-5}"])),
    ("hf_model_name", Tower(&["\"\""])),
    ("hf_model_pretrained", Neutral), // of a tower of transformers
    ("hf_proj_type", Neutral),
    ("hf_pooler_type", Neutral),
];

/// What both towers' blocks share.
pub(super) const BLOCK: Keys = &[
    ("block_type", Tower(&["\"default\""])),
    ("qk_norm", Tower(&["false"])),
    ("scaled_cosine_attn", Tower(&["false"])),
    ("scale_heads", Tower(&["false"])),
    ("scale_attn_inner", Tower(&["false"])),
    ("scale_attn", Tower(&["false"])),
    ("scale_fc", Tower(&["false"])),
];

/// `tokenizer_kwargs`: arguments of `SimpleTokenizer` and `HFTokenizer`.
pub(super) const TOKENIZER: Keys = &[
    ("clean", Obeyed),
    ("strip_sep_token", Tokens(&["false"])),
    ("reduction_mask", Tokens(&["\"\""])),
    ("additional_special_tokens", Tokens(&["[]"])),
    ("context_length", Tokens(&[])), // given twice: version 3.3 fails
    ("bpe_path", Tokens(&[])),
    ("language", Tokens(&[])),
];

/// Names whose tokenizer is CLIP's own.
const CLIP_TOKENIZERS: [&str; 4] = [
    "openai/clip-vit-base-patch32",
    "openai/clip-vit-base-patch16",
    "openai/clip-vit-large-patch14",
    "openai/clip-vit-large-patch14-336",
];

/// Fields of `text_cfg` that are written again as they stood.
const TOKENIZER_FIELDS: [&str; 3] = ["hf_tokenizer_name", "tokenizer_mode", "tokenizer_kwargs"];

/// Ids of CLIP's vocabulary, and the one that ends a text.
pub(super) const VOCABULARY: usize = 49408;
pub(super) const END_OF_TEXT: u32 = 49407;

/// Reads the file, or its `model_cfg` alone.
pub(super) fn hints(path: &Path, root: &Map<String, Value>) -> Result<Hints, CheckpointError> {
    let mut hints = Hints::default();
    let file = Section { path, name: "open_clip_config", fields: root };
    let model = match root.get("model_cfg") {
        Some(Value::Object(model)) => {
            check(&file, &[FILE], Unknown::Warned, &mut hints)?;
            model
        }
        Some(_) => return Err(file.malformed("model_cfg", "an object")),
        None => root,
    };
    let model = Section { path, name: "model_cfg", fields: model };
    check(&model, &[MODEL, PREPROCESSING], Unknown::Refused, &mut hints)?;
    let (vision, text) = (model.section("vision_cfg")?, model.section("text_cfg")?);
    check(&vision, &[VISION, BLOCK], Unknown::Refused, &mut hints)?;
    check(&text, &[TEXT, BLOCK], Unknown::Refused, &mut hints)?;

    let quick = model.boolean("quick_gelu")?;
    hints.activation = Some(if quick { Activation::QuickGelu } else { Activation::Gelu });
    hints.image_head_width = Some(vision.size("head_width")?.unwrap_or(64));
    hints.text_heads = Some(text.size("heads")?.unwrap_or(8));
    tokenizer(&text, &mut hints)?;
    hints.pooling = Some(pooling(&text, &mut hints)?);
    sizes(&model, &vision, &text, &mut hints)?;
    Ok(hints)
}

fn sizes(
    model: &Section<'_>,
    vision: &Section<'_>,
    text: &Section<'_>,
    hints: &mut Hints,
) -> Result<(), CheckpointError> {
    let mut state = |size, section: &Section<'_>, field| {
        hints.state(size, section, field, section.size(field)?);
        Ok::<_, CheckpointError>(())
    };
    state(Size::EmbedDim, model, "embed_dim")?;
    state(Size::ImageWidth, vision, "width")?;
    state(Size::ContextLength, text, "context_length")?;
    state(Size::Vocabulary, text, "vocab_size")?;
    state(Size::TextWidth, text, "width")?;
    state(Size::TextLayers, text, "layers")?;
    // A list means a ResNet, whose patch size and MLP are leftovers.
    match vision.fields.get("layers") {
        Some(Value::Array(stages)) => {
            for (stage, blocks) in stages.iter().enumerate() {
                let blocks = blocks.as_u64().and_then(|blocks| usize::try_from(blocks).ok());
                let blocks =
                    blocks.ok_or_else(|| vision.malformed("layers", "a number or four numbers"))?;
                hints.state(Size::Stage(stage), vision, "layers", Some(blocks));
            }
        }
        _ => {
            state(Size::ImageLayers, vision, "layers")?;
            state(Size::Patch, vision, "patch_size")?;
            hints.state(Size::ImageMlp, vision, "mlp_ratio", mlp_width(vision, 768)?);
        }
    }
    hints.state(Size::TextMlp, text, "mlp_ratio", mlp_width(text, 512)?);
    hints.state(Size::Resolution, vision, "image_size", resolution(vision)?);
    Ok(())
}

/// `int(width * mlp_ratio)`, where the ratio is stated.
fn mlp_width(tower: &Section<'_>, default_width: usize) -> Result<Option<usize>, CheckpointError> {
    let width = tower.size("width")?.unwrap_or(default_width);
    match tower.fields.get("mlp_ratio") {
        None | Some(Value::Null) => Ok(None),
        Some(ratio) => match ratio.as_f64().map(|ratio| width as f64 * ratio) {
            Some(mlp) if (1.0..1e9).contains(&mlp) => Ok(Some(mlp as usize)),
            _ => Err(tower.malformed("mlp_ratio", "a positive number")),
        },
    }
}

/// Padding behind the end of a text is computed only for `last`, which reads it.
fn pooling(text: &Section<'_>, hints: &mut Hints) -> Result<TextPooling, CheckpointError> {
    let pooling = match text.text("pool_type")? {
        None | Some("argmax") => TextPooling::Argmax,
        Some("first") => TextPooling::First,
        Some("last") => TextPooling::Last,
        // open_clip's default of 2 belongs to another tokenizer, but it is its default.
        Some("eos") => TextPooling::FirstId(token_id(text, "eos_id")?.unwrap_or(2)),
        Some(_) => return Err(text.unsupported("pool_type", "argmax, eos, first and last are")),
    };
    match pooling {
        TextPooling::First => hints.refuse_texts(
            "`text_cfg.pool_type` is \"first\", where every text has the same feature under a causal mask"
                .to_owned(),
        ),
        TextPooling::Last if text.text("hf_tokenizer_name")?.is_some_and(|name| !name.is_empty()) => hints
            .refuse_texts(
                "`text_cfg.pool_type` is \"last\", which reads what transformers' tokenizer pads with"
                    .to_owned(),
            ),
        TextPooling::FirstId(id) if id != END_OF_TEXT => hints.refuse_texts(format!(
            "`text_cfg.eos_id` is {id}, and CLIP's tokenizer ends a text with {END_OF_TEXT}"
        )),
        _ => {}
    }
    Ok(pooling)
}

fn token_id(text: &Section<'_>, field: &str) -> Result<Option<u32>, CheckpointError> {
    match text.fields.get(field) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => match value.as_u64().and_then(|id| u32::try_from(id).ok()) {
            Some(id) => Ok(Some(id)),
            None => Err(text.malformed(field, "a token id")),
        },
    }
}

fn tokenizer(text: &Section<'_>, hints: &mut Hints) -> Result<(), CheckpointError> {
    for field in TOKENIZER_FIELDS {
        if let Some(value) = text.fields.get(field).filter(|value| !value.is_null()) {
            hints.tokenizer_fields.insert(field.to_owned(), value.clone());
        }
    }
    let name = text.text("hf_tokenizer_name")?.filter(|name| !name.is_empty());
    if let Some(name) = name
        && !CLIP_TOKENIZERS.contains(&name)
    {
        hints.refuse_texts(text.stated("hf_tokenizer_name", &Value::from(name)));
    }
    if let Some(rows) = text.size("vocab_size")?
        && rows < VOCABULARY
    {
        hints.refuse_texts(format!(
            "`text_cfg.vocab_size` is {rows}, and CLIP's tokenizer has {VOCABULARY} ids"
        ));
    }
    match text.fields.get("tokenizer_kwargs") {
        None | Some(Value::Null) => Ok(()),
        Some(Value::Object(fields)) => {
            let arguments = Section { path: text.path, name: "text_cfg.tokenizer_kwargs", fields };
            check(&arguments, &[TOKENIZER], Unknown::TextsRefused, hints)?;
            match arguments.text("clean")? {
                None | Some("lower") => {}
                // CLIP's tokenizer in transformers makes lower case whatever was cleaned before.
                Some("whitespace") if name.is_some() => {}
                Some("canonicalize") => hints.canonicalize = true,
                Some(other) => hints.refuse_texts(arguments.stated("clean", &Value::from(other))),
            }
            Ok(())
        }
        Some(_) => Err(text.malformed("tokenizer_kwargs", "an object")),
    }
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
