//! The layout of transformers' `CLIPModel` (PROTOCOL 1.6.4): names and `config.json`.

use super::hints::{Hints, Section, Size};
use crate::architecture::{Activation, TextPooling};
use crate::error::CheckpointError;
use serde_json::{Map, Value};
use std::path::Path;

/// What becomes of a tensor of this layout.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Mapped {
    /// Takes another name.
    Renamed(String),
    /// Takes another name, its rows become columns.
    Transposed(String),
    /// One of the three row blocks of a packed projection: 0 = q, 1 = k, 2 = v.
    Packed(String, usize),
    /// A buffer of old versions without information.
    Ignored,
}

/// Where a tensor of this layout goes. Names it does not know stay as they are, to be reported.
pub(crate) fn to_reference(name: &str) -> Mapped {
    if name.ends_with(".embeddings.position_ids") {
        return Mapped::Ignored;
    }
    for (theirs, ours) in TRANSPOSED {
        if name == theirs {
            return Mapped::Transposed(ours.to_owned());
        }
    }
    for (theirs, ours) in RENAMED {
        if name == theirs {
            return Mapped::Renamed(ours.to_owned());
        }
    }
    block(name).unwrap_or_else(|| Mapped::Renamed(name.to_owned()))
}

pub(crate) const TRANSPOSED: [(&str, &str); 2] =
    [("visual_projection.weight", "visual.proj"), ("text_projection.weight", "text_projection")];

pub(crate) const RENAMED: [(&str, &str); 12] = [
    ("logit_scale", "logit_scale"),
    ("vision_model.embeddings.class_embedding", "visual.class_embedding"),
    ("vision_model.embeddings.patch_embedding.weight", "visual.conv1.weight"),
    ("vision_model.embeddings.position_embedding.weight", "visual.positional_embedding"),
    // The misspelling is the real name.
    ("vision_model.pre_layrnorm.weight", "visual.ln_pre.weight"),
    ("vision_model.pre_layrnorm.bias", "visual.ln_pre.bias"),
    ("vision_model.post_layernorm.weight", "visual.ln_post.weight"),
    ("vision_model.post_layernorm.bias", "visual.ln_post.bias"),
    ("text_model.embeddings.token_embedding.weight", "token_embedding.weight"),
    ("text_model.embeddings.position_embedding.weight", "positional_embedding"),
    ("text_model.final_layer_norm.weight", "ln_final.weight"),
    ("text_model.final_layer_norm.bias", "ln_final.bias"),
];

pub(crate) const TOWERS: [(&str, &str); 2] = [
    ("vision_model.encoder.layers.", "visual.transformer.resblocks."),
    ("text_model.encoder.layers.", "transformer.resblocks."),
];

pub(crate) const BLOCK: [(&str, &str); 5] = [
    ("layer_norm1", "ln_1"),
    ("layer_norm2", "ln_2"),
    ("self_attn.out_proj", "attn.out_proj"),
    ("mlp.fc1", "mlp.c_fc"),
    ("mlp.fc2", "mlp.c_proj"),
];

fn block(name: &str) -> Option<Mapped> {
    let (prefix, rest) =
        TOWERS.iter().find_map(|(theirs, ours)| Some((*ours, name.strip_prefix(theirs)?)))?;
    let (index, leaf) = rest.split_once('.')?;
    let (part, field) = leaf.rsplit_once('.')?;
    for (i, letter) in ["q", "k", "v"].into_iter().enumerate() {
        if part.strip_prefix("self_attn.") == Some(&format!("{letter}_proj")) {
            return Some(Mapped::Packed(format!("{prefix}{index}.attn.in_proj_{field}"), i));
        }
    }
    let (_, ours) = BLOCK.iter().find(|(theirs, _)| part == *theirs)?;
    Some(Mapped::Renamed(format!("{prefix}{index}.{ours}.{field}")))
}

/// Reads `config.json`. A missing field takes the value of B/32, as transformers does; old files
/// carry `text_config_dict` and `vision_config_dict`, which override (trap 9.44).
pub(super) fn hints(path: &Path, root: &Map<String, Value>) -> Result<Hints, CheckpointError> {
    let root = Section { path, name: "config", fields: root };
    if let Some(kind) = root.text("model_type")?
        && kind != "clip"
    {
        return Err(root.unsupported("model_type", "`clip` is"));
    }
    let text = merged(&root, "text_config", "text_config_dict")?;
    let vision = merged(&root, "vision_config", "vision_config_dict")?;
    let text = Section { path, name: "text_config", fields: &text };
    let vision = Section { path, name: "vision_config", fields: &vision };
    for section in [&text, &vision] {
        refuse_other_epsilon(section)?;
    }

    let (text_activation, image_activation) = (activation(&text)?, activation(&vision)?);
    if text_activation != image_activation {
        return Err(vision.unsupported("hidden_act", "one activation for both towers is"));
    }
    let mut hints = Hints {
        activation: Some(text_activation),
        pooling: Some(pooling(&text)?),
        image_heads: Some(vision.size("num_attention_heads")?.unwrap_or(12)),
        text_heads: Some(text.size("num_attention_heads")?.unwrap_or(8)),
        ..Hints::default()
    };
    hints.state(Size::EmbedDim, root.size("projection_dim")?);
    hints.state(Size::Resolution, vision.size("image_size")?.or(Some(224)));
    hints.state(Size::Patch, vision.size("patch_size")?.or(Some(32)));
    hints.state(Size::ImageWidth, vision.size("hidden_size")?.or(Some(768)));
    hints.state(Size::ImageLayers, vision.size("num_hidden_layers")?.or(Some(12)));
    hints.state(Size::ContextLength, text.size("max_position_embeddings")?.or(Some(77)));
    hints.state(Size::TextWidth, text.size("hidden_size")?.or(Some(512)));
    hints.state(Size::TextLayers, text.size("num_hidden_layers")?.or(Some(12)));
    hints.state(Size::Vocabulary, text.size("vocab_size")?.or(Some(49408)));
    Ok(hints)
}

fn merged(root: &Section<'_>, plain: &str, over: &str) -> Result<Map<String, Value>, CheckpointError> {
    let mut fields = Map::new();
    for name in [plain, over] {
        match root.fields.get(name) {
            None | Some(Value::Null) => {}
            Some(Value::Object(section)) => fields.extend(section.clone()),
            Some(_) => return Err(root.malformed(name, "an object")),
        }
    }
    Ok(fields)
}

fn activation(section: &Section<'_>) -> Result<Activation, CheckpointError> {
    match section.text("hidden_act")? {
        None | Some("quick_gelu") => Ok(Activation::QuickGelu),
        Some("gelu") => Ok(Activation::Gelu),
        Some(_) => Err(section.unsupported("hidden_act", "quick_gelu and gelu are")),
    }
}

/// `eos_token_id` 2 stands in old files and means the largest id (PROTOCOL 1.3).
fn pooling(text: &Section<'_>) -> Result<TextPooling, CheckpointError> {
    match text.fields.get("eos_token_id").map_or(Some(49407), Value::as_u64) {
        Some(2) => Ok(TextPooling::Argmax),
        Some(id) => match u32::try_from(id) {
            Ok(id) => Ok(TextPooling::FirstId(id)),
            Err(_) => Err(text.malformed("eos_token_id", "a token id")),
        },
        None => Err(text.malformed("eos_token_id", "a token id")),
    }
}

fn refuse_other_epsilon(section: &Section<'_>) -> Result<(), CheckpointError> {
    match section.fields.get("layer_norm_eps") {
        None | Some(Value::Null) => Ok(()),
        Some(value) if value.as_f64() == Some(1e-5) => Ok(()),
        Some(_) => Err(section.unsupported("layer_norm_eps", "1e-5 is")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_map_to_the_reference() {
        let renamed = |name: &str| Mapped::Renamed(name.to_owned());
        let cases = [
            ("vision_model.pre_layrnorm.bias", renamed("visual.ln_pre.bias")),
            ("text_projection.weight", Mapped::Transposed("text_projection".to_owned())),
            (
                "text_model.encoder.layers.11.mlp.fc2.weight",
                renamed("transformer.resblocks.11.mlp.c_proj.weight"),
            ),
            (
                "vision_model.encoder.layers.0.self_attn.k_proj.bias",
                Mapped::Packed("visual.transformer.resblocks.0.attn.in_proj_bias".to_owned(), 1),
            ),
            ("text_model.embeddings.position_ids", Mapped::Ignored),
            (
                "text_model.encoder.layers.0.unknown.weight",
                renamed("text_model.encoder.layers.0.unknown.weight"),
            ),
        ];
        for (name, expected) in cases {
            assert_eq!(to_reference(name), expected, "{name}");
        }
    }

    #[test]
    fn sparse_configuration_takes_the_defaults_of_b_32_and_dicts_override() {
        let json = r#"{"text_config": {"hidden_size": 640}, "text_config_dict": {"hidden_size": 768,
            "eos_token_id": 2}, "vision_config": null}"#;
        let hints = Hints::parse(Path::new("m"), json).unwrap();
        assert_eq!(hints.activation, Some(Activation::QuickGelu));
        assert_eq!(hints.pooling, Some(TextPooling::Argmax));
        assert!(hints.stated.contains(&(Size::TextWidth, 768)));
        assert!(hints.stated.contains(&(Size::Patch, 32)));
    }
}
