//! The configuration files that go with weights: open_clip's and transformers'.

use crate::architecture::{ImageArchitecture, TextPooling};
use crate::checkpoint::{Checkpoint, PreprocessKind};
use crate::error::CheckpointError;
use serde_json::{Map, Value, json};

/// `open_clip_config.json`: architecture and preprocessing.
pub(super) fn open_clip(checkpoint: &Checkpoint) -> String {
    let architecture = &checkpoint.architecture;
    let text = &architecture.text;
    let mut vision_cfg = Map::new();
    let mut set = |name: &str, value: Value| drop(vision_cfg.insert(name.to_owned(), value));
    match architecture.image {
        ImageArchitecture::VisionTransformer { resolution, patch_size, width, layers, heads, mlp_width } => {
            set("image_size", json!(resolution));
            set("layers", json!(layers));
            set("width", json!(width));
            set("patch_size", json!(patch_size));
            set("head_width", json!(width / heads));
            if mlp_width != 4 * width {
                set("mlp_ratio", json!(mlp_width as f64 / width as f64));
            }
        }
        ImageArchitecture::ModifiedResNet { resolution, width, blocks, heads } => {
            set("image_size", json!(resolution));
            set("layers", json!(blocks));
            set("width", json!(width));
            set("head_width", json!(32 * width / heads));
        }
    }
    let mut text_cfg = json!({
        "context_length": text.context_length,
        "vocab_size": text.vocab_size,
        "width": text.width,
        "heads": text.heads,
        "layers": text.layers,
    });
    if text.mlp_width != 4 * text.width {
        text_cfg["mlp_ratio"] = json!(text.mlp_width as f64 / text.width as f64);
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
    let [mean, std] = mean_and_std(checkpoint);
    pretty(&json!({
        "model_cfg": {
            "embed_dim": architecture.embed_dim,
            "quick_gelu": architecture.activation == crate::Activation::QuickGelu,
            "vision_cfg": vision_cfg,
            "text_cfg": text_cfg,
        },
        "preprocess_cfg": {
            "mean": mean,
            "std": std,
            "interpolation": "bicubic",
            "resize_mode": "shortest",
        },
    }))
}

/// `config.json` of transformers. Pooling at the largest id is what `eos_token_id` 2 stands for there
/// (PROTOCOL 1.3).
pub(super) fn hugging_face(checkpoint: &Checkpoint) -> Result<String, CheckpointError> {
    let architecture = &checkpoint.architecture;
    let text = &architecture.text;
    let unsupported = |found: &str| CheckpointError::Unsupported {
        path: checkpoint.state_dict.path().to_path_buf(),
        found: format!("{found} in the layout of transformers"),
        supported: "`openai` and `open_clip` can hold it".to_owned(),
    };
    let ImageArchitecture::VisionTransformer { resolution, patch_size, width, layers, heads, mlp_width } =
        architecture.image
    else {
        return Err(unsupported("a ModifiedResNet"));
    };
    let eos = match text.pooling {
        TextPooling::Argmax => 2,
        TextPooling::FirstId(id) => id,
        TextPooling::First | TextPooling::Last => {
            return Err(unsupported("pooling at the first or last token"));
        }
    };
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

/// `preprocessor_config.json` of transformers.
pub(super) fn preprocessor(checkpoint: &Checkpoint) -> String {
    let side = checkpoint.architecture.image.resolution();
    let [mean, std] = mean_and_std(checkpoint);
    pretty(&json!({
        "image_processor_type": "CLIPImageProcessor",
        "do_convert_rgb": true,
        "do_resize": true,
        "size": {"shortest_edge": side},
        "resample": 3,
        "do_center_crop": true,
        "crop_size": {"height": side, "width": side},
        "do_rescale": true,
        "rescale_factor": 1.0 / 255.0,
        "do_normalize": true,
        "image_mean": mean,
        "image_std": std,
    }))
}

/// As the checkpoint's own preprocessing says, else CLIP's (PROTOCOL 1.8.1).
fn mean_and_std(checkpoint: &Checkpoint) -> [Value; 2] {
    let stated = checkpoint.preprocess_config.as_ref().and_then(|config| {
        let json: Value = serde_json::from_str(&config.json).ok()?;
        let [mean, std] = match config.kind {
            PreprocessKind::OpenClip => ["mean", "std"].map(|field| json["preprocess_cfg"][field].clone()),
            PreprocessKind::HuggingFace => ["image_mean", "image_std"].map(|field| json[field].clone()),
        };
        (mean.is_array() && std.is_array()).then_some([mean, std])
    });
    stated.unwrap_or_else(|| {
        [json!([0.48145466, 0.4578275, 0.40821073]), json!([0.26862954, 0.26130258, 0.27577711])]
    })
}

fn pretty(value: &Value) -> String {
    format!("{value:#}\n")
}
