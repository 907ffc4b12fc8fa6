//! What a run begins with: a checkpoint, or an architecture with weights drawn anew.

use clip_model::{
    Activation, Architecture, Checkpoint, ImageArchitecture, Tensor, TextArchitecture, TextPooling,
    initialization, registry,
};
use clip_rs::{LoadOptions, open_checkpoint};

use crate::config::{Config, Loss, Model};

/// Rows of the token table: CLIP's tokenizer has as many.
const VOCABULARY: usize = 49_408;
/// CLIP's context.
const CONTEXT: usize = 77;
/// Features of a head where nobody says how many heads there are.
const HEAD: usize = 64;
/// Logit scale and bias of SigLIP at the beginning (Zhai et al. 2023).
const SIGMOID: (f64, f64) = (10.0, -10.0);

/// Why there is no model to begin with.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The checkpoint.
    #[error(transparent)]
    Clip(#[from] clip_rs::Error),
    /// No architecture has this name.
    #[error("architecture: {0}; {help}", help = .0.help())]
    Unknown(#[from] registry::UnknownModel),
    /// Sizes that are missing or do not fit together.
    #[error("{key}: {reason}")]
    Size {
        /// Which.
        key: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// A checkpoint of another architecture than is asked for.
    #[error(
        "from: {from} is of another architecture: {difference}; leave the key out to take the checkpoint's"
    )]
    Other {
        /// The checkpoint.
        from: String,
        /// In what it differs.
        difference: String,
    },
}

/// The model of a configuration at step 0.
///
/// # Errors
/// The checkpoint cannot be loaded, or is of another architecture; sizes do not fit.
pub fn start(config: &Config, load: &LoadOptions) -> Result<Checkpoint, StartError> {
    let model = &config.model;
    let mut checkpoint = match &model.from {
        Some(from) => {
            let checkpoint = open_checkpoint(from, load)?;
            check(from, model, &checkpoint.architecture)?;
            checkpoint
        }
        None => {
            let architecture = architecture(model, load.activation)?;
            let weights = initialization::state_dict(&architecture, config.run.seed);
            Checkpoint::of_weights(weights, architecture).map_err(clip_rs::Error::from)?
        }
    };
    set_logits(config, &mut checkpoint);
    Ok(checkpoint)
}

/// Sets the logit scale, and the bias of the sigmoid loss, where they are given or new.
fn set_logits(config: &Config, checkpoint: &mut Checkpoint) {
    let weights = &mut checkpoint.state_dict;
    let objective = &config.objective;
    let is_new = config.model.from.is_none();
    let is_sigmoid = objective.loss == Some(Loss::Sigmoid);
    let usual = (is_new && is_sigmoid).then_some(SIGMOID.0);
    if let Some(scale) = objective.initial_scale.or(usual) {
        let scale = Tensor::from_f32(&[], vec![scale.ln() as f32]);
        weights.insert("logit_scale", scale);
    }
    let usual = (is_sigmoid && weights.get("logit_bias").is_none()).then_some(SIGMOID.1);
    if let Some(bias) = objective.initial_bias.or(usual) {
        weights.insert("logit_bias", Tensor::from_f32(&[], vec![bias as f32]));
        checkpoint.architecture.logit_bias = true;
    }
}

/// The architecture of a name, of sizes, or of a name with other sizes.
fn architecture(model: &Model, told: Option<Activation>) -> Result<Architecture, StartError> {
    let named = match &model.architecture {
        Some(name) => Some(registry::find(name)?.architecture.clone()),
        None => None,
    };
    let (image, text) = (named.as_ref().map(|a| &a.image), named.as_ref().map(|a| &a.text));
    let activation = match &model.activation {
        Some(name) => activation(name)?,
        None => told.or(named.as_ref().map(|a| a.activation)).unwrap_or(Activation::QuickGelu),
    };
    let text = TextArchitecture {
        context_length: model.context_length.or(text.map(|t| t.context_length)).unwrap_or(CONTEXT),
        vocab_size: VOCABULARY,
        width: needed("text_width", model.text_width.or(text.map(|t| t.width)))?,
        layers: needed("text_layers", model.text_layers.or(text.map(|t| t.layers)))?,
        heads: 0,
        mlp_width: 0,
        pooling: TextPooling::Argmax,
    };
    let heads = model.text_heads.unwrap_or((text.width / HEAD).max(1));
    let text = TextArchitecture { heads, mlp_width: 4 * text.width, ..text };
    let architecture = Architecture {
        embed_dim: needed("embed_dim", model.embed_dim.or(named.as_ref().map(|a| a.embed_dim)))?,
        image: image_architecture(model, image)?,
        text,
        activation,
        logit_bias: false,
    };
    let wrong = |reason| StartError::Size { key: "model", reason };
    architecture.validate().map_err(wrong)?;
    Ok(architecture)
}

fn needed(key: &'static str, size: Option<usize>) -> Result<usize, StartError> {
    let reason = "is missing; or name an architecture, or a checkpoint with `from`";
    size.ok_or_else(|| StartError::Size { key, reason: reason.to_owned() })
}

fn activation(name: &str) -> Result<Activation, StartError> {
    match name {
        "quickgelu" | "quick_gelu" => Ok(Activation::QuickGelu),
        "gelu" => Ok(Activation::Gelu),
        _ => {
            let reason = format!("there is no `{name}`; there are quickgelu and gelu");
            Err(StartError::Size { key: "activation", reason })
        }
    }
}

fn image_architecture(
    model: &Model,
    named: Option<&ImageArchitecture>,
) -> Result<ImageArchitecture, StartError> {
    let resolution = model.resolution.or(named.map(ImageArchitecture::resolution));
    let resolution = needed("resolution", resolution)?;
    let both = "has a meaning for a vision transformer only, image_blocks for a ResNet only";
    let refuse = |key: &'static str| Err(StartError::Size { key, reason: both.to_owned() });
    let (width, layers, patch, blocks) = match named {
        Some(&ImageArchitecture::VisionTransformer { width, layers, patch_size, .. }) => {
            (Some(width), Some(layers), Some(patch_size), None)
        }
        Some(&ImageArchitecture::ModifiedResNet { width, blocks, .. }) => {
            (Some(width), None, None, Some(blocks))
        }
        None => (None, None, None, None),
    };
    let width = needed("image_width", model.image_width.or(width))?;
    if let Some(blocks) = model.image_blocks.or(blocks) {
        if model.patch_size.is_some() {
            return refuse("patch_size");
        }
        if model.image_layers.is_some() {
            return refuse("image_layers");
        }
        let heads = model.image_heads.unwrap_or((32 * width / HEAD).max(1));
        return Ok(ImageArchitecture::ModifiedResNet { resolution, width, blocks, heads });
    }
    Ok(ImageArchitecture::VisionTransformer {
        resolution,
        patch_size: needed("patch_size", model.patch_size.or(patch))?,
        width,
        layers: needed("image_layers", model.image_layers.or(layers))?,
        heads: model.image_heads.unwrap_or((width / HEAD).max(1)),
        mlp_width: 4 * width,
    })
}

/// Whether a checkpoint is what the configuration asks for, as far as it asks.
fn check(from: &str, model: &Model, found: &Architecture) -> Result<(), StartError> {
    let other = |difference: String| StartError::Other { from: from.to_owned(), difference };
    if let Some(name) = &model.architecture {
        let asked = &registry::find(name)?.architecture;
        if (&asked.image, &asked.text) != (&found.image, &found.text) {
            return Err(other(format!("it has {}, {name} {}", in_short(found), in_short(asked))));
        }
    }
    let (width, layers, patch, heads, blocks) = match found.image {
        ImageArchitecture::VisionTransformer { width, layers, patch_size, heads, .. } => {
            (width, Some(layers), Some(patch_size), heads, None)
        }
        ImageArchitecture::ModifiedResNet { width, blocks, heads, .. } => {
            (width, None, None, heads, Some(blocks))
        }
    };
    let text = &found.text;
    for (key, asked, has) in [
        ("resolution", model.resolution, Some(found.image.resolution())),
        ("embed_dim", model.embed_dim, Some(found.embed_dim)),
        ("patch_size", model.patch_size, patch),
        ("image_width", model.image_width, Some(width)),
        ("image_layers", model.image_layers, layers),
        ("image_heads", model.image_heads, Some(heads)),
        ("text_width", model.text_width, Some(text.width)),
        ("text_layers", model.text_layers, Some(text.layers)),
        ("text_heads", model.text_heads, Some(text.heads)),
        ("context_length", model.context_length, Some(text.context_length)),
    ] {
        if let Some(asked) = asked.filter(|asked| Some(*asked) != has) {
            let has = has.map_or("none".to_owned(), |has| has.to_string());
            return Err(other(format!("{key} = {asked} is asked for, it has {has}")));
        }
    }
    if model.image_blocks.is_some_and(|asked| Some(asked) != blocks) {
        return Err(other(format!("image_blocks are asked for, it has {blocks:?}")));
    }
    Ok(())
}

/// `ViT 224 px / 32, width 768, 12 layers; text width 512, 12 layers; 512 dimensions`.
pub fn in_short(architecture: &Architecture) -> String {
    let image = match architecture.image {
        ImageArchitecture::VisionTransformer { resolution, patch_size, width, layers, .. } => {
            format!("ViT {resolution} px / {patch_size}, width {width}, {layers} layers")
        }
        ImageArchitecture::ModifiedResNet { resolution, width, blocks, .. } => {
            format!("ResNet {resolution} px, width {width}, blocks {blocks:?}")
        }
    };
    let (text, embed_dim) = (&architecture.text, architecture.embed_dim);
    let (width, layers) = (text.width, text.layers);
    format!("{image}; text width {width}, {layers} layers; {embed_dim} dimensions")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(change: impl FnOnce(&mut Model)) -> Result<Architecture, String> {
        let mut model = Model::default();
        change(&mut model);
        architecture(&model, None).map_err(|error| error.to_string())
    }

    #[test]
    fn architectures_come_by_name_by_sizes_or_by_both() {
        let named = with(|m| m.architecture = Some("ViT-B-32".to_owned())).expect("released");
        assert_eq!(named, registry::find("ViT-B/32").expect("released").architecture);
        let smaller = with(|m| {
            m.architecture = Some("ViT-B/32".to_owned());
            (m.image_layers, m.resolution) = (Some(2), Some(64));
        });
        assert!(
            in_short(&smaller.expect("fits")).starts_with("ViT 64 px / 32, width 768, 2 layers")
        );
        let sized = with(|m| {
            (m.resolution, m.image_width, m.embed_dim) = (Some(64), Some(8), Some(32));
            (m.text_width, m.text_layers, m.image_blocks) = (Some(64), Some(1), Some([1; 4]));
        });
        assert!(matches!(
            sized.expect("fits").image,
            ImageArchitecture::ModifiedResNet { heads: 4, width: 8, .. }
        ));
    }

    #[test]
    fn what_is_missing_misspelt_or_does_not_fit_is_said() {
        let missing = with(|m| m.resolution = Some(64)).expect_err("sizes");
        assert!(missing.starts_with("text_width: is missing"), "{missing}");
        let unknown = with(|m| m.architecture = Some("ViT-B/23".to_owned())).expect_err("a name");
        assert!(unknown.contains("did you mean `ViT-B/32`?"), "{unknown}");
        let uneven = with(|m| {
            m.architecture = Some("ViT-B/32".to_owned());
            m.resolution = Some(100);
        });
        assert!(uneven.is_err(), "{uneven:?}");
        let of_resnet = with(|m| {
            m.architecture = Some("RN50".to_owned());
            m.patch_size = Some(16);
        });
        assert!(of_resnet.expect_err("no patches").starts_with("patch_size: has a meaning"));
    }

    #[test]
    fn checkpoint_of_another_architecture_is_refused_by_what_differs() {
        let mut config = Config::default();
        config.model.from = Some("starter".to_owned());
        let load = LoadOptions::default();
        start(&config, &load).expect("as it is");
        config.model.resolution = Some(64);
        let error = start(&config, &load).expect_err("another").to_string();
        assert!(error.contains("resolution = 64 is asked for, it has 224"), "{error}");
        config.model.resolution = None;
        config.model.architecture = Some("RN50".to_owned());
        let error = start(&config, &load).expect_err("another").to_string();
        assert!(error.contains("of another architecture"), "{error}");
    }
}
