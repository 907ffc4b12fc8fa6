//! `config.json` of transformers' `CLIPModel` (PROTOCOL 1.6.4). Fields and defaults are those of
//! version 5.23; the keys of older versions are those that 4.57 wrote.

use super::hints::{Hints, Section, Size};
use super::keys::Role::{Neutral, Obeyed, Tower};
use super::keys::{Keys, Unknown, check};
use super::open_clip_config::{END_OF_TEXT, VOCABULARY};
use crate::architecture::{Activation, TextPooling};
use crate::error::CheckpointError;
use serde_json::{Map, Value};
use std::path::Path;

/// `CLIPConfig`.
pub(super) const ROOT: Keys = &[
    ("model_type", Obeyed),
    ("projection_dim", Obeyed),
    ("text_config", Obeyed),
    ("text_config_dict", Obeyed),
    ("vision_config", Obeyed),
    ("vision_config_dict", Obeyed),
    ("logit_scale_init_value", Neutral),
    ("initializer_factor", Neutral),
    ("bos_token_id", Neutral), // the model reads those of `text_config`
    ("eos_token_id", Neutral),
    ("pad_token_id", Neutral),
];

/// `CLIPTextConfig`.
pub(super) const TEXT: Keys = &[
    ("hidden_act", Obeyed),
    ("hidden_size", Obeyed),
    ("intermediate_size", Obeyed),
    ("max_position_embeddings", Obeyed),
    ("num_attention_heads", Obeyed),
    ("num_hidden_layers", Obeyed),
    ("vocab_size", Obeyed),
    ("eos_token_id", Obeyed),
    ("layer_norm_eps", Tower(&["1e-5"])),
    ("projection_dim", Neutral), // the model reads the one above
    ("bos_token_id", Neutral),   // of the tokenizer: its files are compared
    ("pad_token_id", Neutral),   // behind the row that is read
    ("attention_dropout", Neutral),
    ("dropout", Neutral),
    ("initializer_factor", Neutral),
    ("initializer_range", Neutral),
];

/// `CLIPVisionConfig`.
pub(super) const VISION: Keys = &[
    ("hidden_act", Obeyed),
    ("hidden_size", Obeyed),
    ("image_size", Obeyed),
    ("intermediate_size", Obeyed),
    ("num_attention_heads", Obeyed),
    ("num_hidden_layers", Obeyed),
    ("patch_size", Obeyed),
    ("layer_norm_eps", Tower(&["1e-5"])),
    ("num_channels", Tower(&["3"])),
    ("projection_dim", Neutral),
    ("bos_token_id", Neutral),
    ("eos_token_id", Neutral),
    ("pad_token_id", Neutral),
    ("attention_dropout", Neutral),
    ("dropout", Neutral),
    ("initializer_factor", Neutral),
    ("initializer_range", Neutral),
];

/// `PreTrainedConfig`, in each of the three objects: housekeeping, training, and the generation of
/// text.
pub(super) const COMMON: Keys = &[
    ("_attn_implementation_autoset", Neutral),
    ("_commit_hash", Neutral),
    ("_name_or_path", Neutral),
    ("add_cross_attention", Neutral),
    ("architectures", Neutral),
    ("attn_implementation", Neutral),
    ("bad_words_ids", Neutral),
    ("begin_suppress_tokens", Neutral),
    ("chunk_size_feed_forward", Neutral), // not by CLIP
    ("cross_attention_hidden_size", Neutral),
    ("decoder_start_token_id", Neutral),
    ("diversity_penalty", Neutral),
    ("do_sample", Neutral),
    ("dtype", Neutral), // tensors say their own
    ("early_stopping", Neutral),
    ("encoder_no_repeat_ngram_size", Neutral),
    ("exponential_decay_length_penalty", Neutral),
    ("finetuning_task", Neutral),
    ("forced_bos_token_id", Neutral),
    ("forced_eos_token_id", Neutral),
    ("gradient_checkpointing", Neutral),
    ("id2label", Neutral),
    ("is_decoder", Neutral),
    ("is_encoder_decoder", Neutral),
    ("label2id", Neutral),
    ("length_penalty", Neutral),
    ("max_length", Neutral),
    ("min_length", Neutral),
    ("model_type", Neutral),
    ("name_or_path", Neutral),
    ("no_repeat_ngram_size", Neutral),
    ("num_beam_groups", Neutral),
    ("num_beams", Neutral),
    ("num_labels", Neutral),
    ("num_return_sequences", Neutral),
    ("output_attentions", Neutral),
    ("output_hidden_states", Neutral),
    ("output_scores", Neutral),
    ("per_layer_config", Tower(&["{}"])),
    ("prefix", Neutral),
    ("problem_type", Neutral),
    ("pruned_heads", Tower(&["{}"])),
    ("quantization_config", Tower(&[])),
    ("remove_invalid_values", Neutral),
    ("repetition_penalty", Neutral),
    ("return_dict", Neutral),
    ("return_dict_in_generate", Neutral),
    ("sep_token_id", Neutral),
    ("suppress_tokens", Neutral),
    ("task_specific_params", Neutral),
    ("temperature", Neutral),
    ("tf_legacy_loss", Neutral),
    ("tie_encoder_decoder", Neutral),
    ("tie_last_hidden_states", Neutral), // of the hidden states that are handed out
    ("tie_word_embeddings", Neutral),
    ("tokenizer_class", Neutral), // the one of `tokenizer_config.json` is compared
    ("top_k", Neutral),
    ("top_p", Neutral),
    ("torch_dtype", Neutral),
    ("torchscript", Neutral),
    ("transformers_version", Neutral),
    ("typical_p", Neutral),
    ("use_bfloat16", Neutral),
    ("use_cache", Neutral),
];

/// Reads `config.json`. A missing field takes the value of B/32, as transformers does.
pub(super) fn hints(path: &Path, root: &Map<String, Value>) -> Result<Hints, CheckpointError> {
    let mut hints = Hints::default();
    let root = Section { path, name: "config", fields: root };
    if let Some(kind) = root.text("model_type")?
        && kind != "clip"
    {
        return Err(root.unsupported("model_type", "`clip` is"));
    }
    let none = Map::new();
    let text = Section {
        path,
        name: "text_config",
        fields: tower(&root, "text_config", "text_config_dict", &none)?,
    };
    let vision = Section {
        path,
        name: "vision_config",
        fields: tower(&root, "vision_config", "vision_config_dict", &none)?,
    };
    check(&root, &[ROOT, COMMON], Unknown::Warned, &mut hints)?;
    check(&text, &[TEXT, COMMON], Unknown::Warned, &mut hints)?;
    check(&vision, &[VISION, COMMON], Unknown::Warned, &mut hints)?;

    let (text_activation, image_activation) = (activation(&text)?, activation(&vision)?);
    if text_activation != image_activation {
        return Err(vision.unsupported("hidden_act", "one activation for both towers is"));
    }
    hints.activation = Some(text_activation);
    hints.image_heads = Some(vision.size("num_attention_heads")?.unwrap_or(12));
    hints.text_heads = Some(text.size("num_attention_heads")?.unwrap_or(8));
    hints.pooling = Some(pooling(&text, &mut hints));
    tokens(&text, &mut hints)?;
    sizes(&root, &text, &vision, &mut hints)?;
    Ok(hints)
}

fn sizes(
    root: &Section<'_>,
    text: &Section<'_>,
    vision: &Section<'_>,
    hints: &mut Hints,
) -> Result<(), CheckpointError> {
    let mut state = |size, section: &Section<'_>, field, default| {
        hints.state(size, section, field, section.size(field)?.or(default));
        Ok::<_, CheckpointError>(())
    };
    state(Size::EmbedDim, root, "projection_dim", None)?;
    state(Size::Resolution, vision, "image_size", Some(224))?;
    state(Size::Patch, vision, "patch_size", Some(32))?;
    state(Size::ImageWidth, vision, "hidden_size", Some(768))?;
    state(Size::ImageLayers, vision, "num_hidden_layers", Some(12))?;
    state(Size::ImageMlp, vision, "intermediate_size", None)?;
    state(Size::ContextLength, text, "max_position_embeddings", Some(77))?;
    state(Size::TextWidth, text, "hidden_size", Some(512))?;
    state(Size::TextLayers, text, "num_hidden_layers", Some(12))?;
    state(Size::TextMlp, text, "intermediate_size", None)?;
    state(Size::Vocabulary, text, "vocab_size", Some(VOCABULARY))
}

/// Old files carry `…_dict` too: where it stands, it and its defaults take the place of everything
/// that the other says (trap 9.44).
fn tower<'a>(
    root: &Section<'a>,
    plain: &str,
    over: &str,
    none: &'a Map<String, Value>,
) -> Result<&'a Map<String, Value>, CheckpointError> {
    let object = |name| match root.fields.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Object(section)) => Ok(Some(section)),
        Some(_) => Err(root.malformed(name, "an object")),
    };
    let plain = object(plain)?;
    Ok(object(over)?.or(plain).unwrap_or(none))
}

fn activation(section: &Section<'_>) -> Result<Activation, CheckpointError> {
    match section.text("hidden_act")? {
        None | Some("quick_gelu") => Ok(Activation::QuickGelu),
        Some("gelu") => Ok(Activation::Gelu),
        Some(_) => Err(section.unsupported("hidden_act", "quick_gelu and gelu are")),
    }
}

/// `eos_token_id` 2 stands in old files and means the largest id (PROTOCOL 1.3).
fn pooling(text: &Section<'_>, hints: &mut Hints) -> TextPooling {
    let stated_id = text.fields.get("eos_token_id");
    match stated_id
        .map_or(Some(END_OF_TEXT), |id| id.as_u64().and_then(|id| u32::try_from(id).ok()))
    {
        Some(2) => TextPooling::Argmax,
        Some(END_OF_TEXT) => TextPooling::FirstId(END_OF_TEXT),
        id => {
            let stated = text.stated("eos_token_id", stated_id.unwrap_or(&Value::Null));
            hints.refuse_texts(format!(
                "{stated}, and CLIP's tokenizer ends a text with {END_OF_TEXT}"
            ));
            TextPooling::FirstId(id.unwrap_or(END_OF_TEXT))
        }
    }
}

/// Rows beyond CLIP's vocabulary are another tokenizer's, or fill a block: its files tell.
fn tokens(text: &Section<'_>, hints: &mut Hints) -> Result<(), CheckpointError> {
    let rows = text.size("vocab_size")?.unwrap_or(VOCABULARY);
    let reason =
        format!("`text_config.vocab_size` is {rows}, and CLIP's tokenizer has {VOCABULARY} ids");
    match rows {
        VOCABULARY => {}
        0..VOCABULARY => hints.refuse_texts(reason),
        _ => hints.texts_refused_without_files = Some(reason),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(json: &str) -> Hints {
        super::super::configuration::hints(Path::new("m"), json).unwrap()
    }

    fn stated(hints: &Hints, size: Size) -> Option<usize> {
        hints.stated.iter().find(|stated| stated.size == size).map(|stated| stated.stated)
    }

    #[test]
    fn sparse_configuration_takes_the_defaults_of_b_32_and_dicts_take_its_place() {
        let hints = parsed(
            r#"{"text_config": {"hidden_size": 640, "hidden_act": "gelu"}, "text_config_dict": {"hidden_size": 768,
            "eos_token_id": 2}, "vision_config": null}"#,
        );
        assert_eq!(hints.activation, Some(Activation::QuickGelu), "the default of the dict");
        assert_eq!(hints.pooling, Some(TextPooling::Argmax));
        assert_eq!(stated(&hints, Size::TextWidth), Some(768));
        assert_eq!(stated(&hints, Size::Patch), Some(32));
    }

    #[test]
    fn end_ids_that_no_text_has_refuse_texts_by_name() {
        for id in ["3", "0", "[49407]", "null", "49408", "-1"] {
            let hints = parsed(&format!(r#"{{"text_config": {{"eos_token_id": {id}}}}}"#));
            let reason = hints.texts_refused.expect(id);
            assert!(reason.contains("`text_config.eos_token_id`"), "{reason}");
        }
        assert_eq!(parsed(r#"{"model_type": "clip"}"#).texts_refused, None);
    }
}
