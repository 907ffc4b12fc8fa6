//! The configuration files that go with weights: open_clip's and transformers'.

use crate::architecture::{ImageArchitecture, TextArchitecture, TextPooling};
use crate::checkpoint::Checkpoint;
use crate::error::CheckpointError;
use serde_json::{Map, Value, json};

/// `open_clip_config.json`: architecture, tokenizer and preprocessing.
pub(super) fn open_clip(checkpoint: &Checkpoint, preprocessing: &Map<String, Value>) -> String {
    let architecture = &checkpoint.architecture;
    let text = &architecture.text;
    let vision_cfg = vision_cfg(&architecture.image);
    let mut text_cfg = text_cfg(text);
    for (field, value) in &checkpoint.tokenizer.fields {
        text_cfg[field] = value.clone();
    }
    let mut model_cfg = json!({
        "embed_dim": architecture.embed_dim,
        "quick_gelu": architecture.activation == crate::Activation::QuickGelu,
        "vision_cfg": vision_cfg,
        "text_cfg": text_cfg,
    });
    if architecture.logit_bias {
        // Its presence makes open_clip's model have one; the weights replace the value.
        model_cfg["init_logit_bias"] = json!(-10.0);
    }
    pretty(&json!({ "model_cfg": model_cfg, "preprocess_cfg": preprocessing }))
}

fn vision_cfg(image: &ImageArchitecture) -> Map<String, Value> {
    let mut vision_cfg = Map::new();
    let mut set = |name: &str, value: Value| drop(vision_cfg.insert(name.to_owned(), value));
    match *image {
        ImageArchitecture::VisionTransformer {
            resolution,
            patch_size,
            width,
            layers,
            heads,
            mlp_width,
        } => {
            set("image_size", json!(resolution));
            set("layers", json!(layers));
            set("width", json!(width));
            set("patch_size", json!(patch_size));
            set("head_width", json!(width / heads));
            if mlp_width != 4 * width {
                set("mlp_ratio", mlp_ratio(width, mlp_width));
            }
        }
        ImageArchitecture::ModifiedResNet { resolution, width, blocks, heads } => {
            set("image_size", json!(resolution));
            set("layers", json!(blocks));
            set("width", json!(width));
            set("head_width", json!(32 * width / heads));
        }
    }
    vision_cfg
}

fn text_cfg(text: &TextArchitecture) -> Value {
    let mut text_cfg = json!({
        "context_length": text.context_length,
        "vocab_size": text.vocab_size,
        "width": text.width,
        "heads": text.heads,
        "layers": text.layers,
    });
    if text.mlp_width != 4 * text.width {
        text_cfg["mlp_ratio"] = mlp_ratio(text.width, text.mlp_width);
    }
    match text.pooling {
        TextPooling::Argmax => {}
        TextPooling::First => text_cfg["pool_type"] = json!("first"),
        TextPooling::Last => text_cfg["pool_type"] = json!("last"),
        TextPooling::FirstId(id) => {
            text_cfg["pool_type"] = json!("eos");
            text_cfg["eos_id"] = json!(id);
        }
    }
    text_cfg
}

/// The number from which open_clip computes `int(width * ratio)` = `mlp_width`: the quotient,
/// unless it rounds down.
fn mlp_ratio(width: usize, mlp_width: usize) -> Value {
    let exact = mlp_width as f64 / width as f64;
    let reads_back = (width as f64 * exact) as usize == mlp_width;
    json!(if reads_back { exact } else { (mlp_width as f64 + 0.5) / width as f64 })
}

/// `config.json` of transformers. Pooling at the largest id is what `eos_token_id` 2 stands for
/// there (PROTOCOL 1.3).
pub(super) fn hugging_face(checkpoint: &Checkpoint) -> Result<String, CheckpointError> {
    let architecture = &checkpoint.architecture;
    let text = &architecture.text;
    let unsupported = |found: &str| CheckpointError::Unsupported {
        path: checkpoint.state_dict.path().to_path_buf(),
        found: format!("{found} in the layout of transformers"),
        supported: "`openai` and `open_clip` can hold it".to_owned(),
    };
    let ImageArchitecture::VisionTransformer {
        resolution,
        patch_size,
        width,
        layers,
        heads,
        mlp_width,
    } = architecture.image
    else {
        return Err(unsupported("a ModifiedResNet"));
    };
    if architecture.logit_bias {
        return Err(unsupported("the bias of a sigmoid loss (`logit_bias`)"));
    }
    let eos = eos_token_id(text.pooling)
        .ok_or_else(|| unsupported("pooling at the first or last token"))?;
    let activation = architecture.activation.name();
    Ok(pretty(&json!({
        "architectures": ["CLIPModel"],
        "model_type": "clip",
        "projection_dim": architecture.embed_dim,
        "logit_scale_init_value": 2.6592,
        "text_config": {
            "model_type": "clip_text_model",
            "hidden_act": activation,
            "hidden_size": text.width,
            "intermediate_size": text.mlp_width,
            "num_hidden_layers": text.layers,
            "num_attention_heads": text.heads,
            "max_position_embeddings": text.context_length,
            "vocab_size": text.vocab_size,
            "projection_dim": architecture.embed_dim,
            "layer_norm_eps": 1e-5,
            "bos_token_id": 49406,
            "eos_token_id": eos,
            "pad_token_id": 1,
        },
        "vision_config": {
            "model_type": "clip_vision_model",
            "hidden_act": activation,
            "hidden_size": width,
            "intermediate_size": mlp_width,
            "num_hidden_layers": layers,
            "num_attention_heads": heads,
            "image_size": resolution,
            "patch_size": patch_size,
            "projection_dim": architecture.embed_dim,
            "layer_norm_eps": 1e-5,
        },
    })))
}

fn eos_token_id(pooling: TextPooling) -> Option<u32> {
    match pooling {
        TextPooling::Argmax => Some(2),
        TextPooling::FirstId(id) => Some(id),
        TextPooling::First | TextPooling::Last => None,
    }
}

pub(super) fn pretty(value: &Value) -> String {
    format!("{value:#}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ratios_give_the_width_back() {
        for width in (1..3000).step_by(7) {
            for mlp_width in (1..9000).step_by(13) {
                let ratio = mlp_ratio(width, mlp_width).as_f64().unwrap();
                assert_eq!((width as f64 * ratio) as usize, mlp_width, "{width}");
            }
        }
    }
}
