//! A case of the references: `CASE.json` and the files beside it.

use super::error::ReplayError;
use clip_model::{
    Activation, Architecture, ImageArchitecture, StateDict, TextArchitecture, TextPooling,
    safetensors,
};
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// `CASE.json`.
#[derive(Debug, Deserialize)]
pub(super) struct Case {
    pub(super) config: Config,
    pub(super) seed: u64,
    pub(super) initial: Initial,
    pub(super) batch_0: FirstBatch,
    pub(super) steps: Vec<Step>,
    pub(super) gradients_that_are_zero_by_symmetry: Vec<String>,
    pub(super) first_moment_after: Summaries,
    pub(super) second_moment_after: Summaries,
    pub(super) ema: Ema,
    pub(super) evaluation_after_training: Evaluation,
    pub(super) variants: Variants,
}

/// Sizes and hyper-parameters.
#[derive(Debug, Deserialize)]
pub(super) struct Config {
    embed_dim: usize,
    image_resolution: usize,
    vision_layers: VisionLayers,
    vision_width: usize,
    vision_patch_size: Option<usize>,
    vision_heads: usize,
    text_width: usize,
    text_heads: usize,
    text_layers: usize,
    pub(super) batch: usize,
    pub(super) lr: f64,
    pub(super) betas: [f64; 2],
    pub(super) eps: f64,
    pub(super) weight_decay: f64,
    pub(super) warmup: u64,
    pub(super) steps: u64,
    pub(super) grad_clip: f64,
    pub(super) context_length: usize,
    pub(super) vocab_size: usize,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum VisionLayers {
    Transformer(usize),
    ResNet([usize; 4]),
}

/// The table of tensors.
#[derive(Debug, Deserialize)]
pub(super) struct Initial {
    pub(super) rows: Vec<InitialRow>,
}

/// Name, shape, scale, offset, check sum, and whether it decays: nothing for what is no parameter.
#[derive(Debug, Deserialize)]
pub(super) struct InitialRow(
    pub(super) String,
    pub(super) Vec<usize>,
    pub(super) f32,
    pub(super) f32,
    pub(super) String,
    pub(super) Option<bool>,
);

#[derive(Debug, Deserialize)]
pub(super) struct FirstBatch {
    pub(super) pixels_bits_sum: String,
    pub(super) token_ids: Vec<Vec<u32>>,
}

/// One optimizer step.
#[derive(Debug, Deserialize)]
pub(super) struct Step {
    pub(super) lr: f64,
    pub(super) loss: f64,
    pub(super) grad_norm: f64,
    pub(super) grad_factor: f64,
    pub(super) logit_scale_before: f64,
    pub(super) logit_scale_after: f64,
}

/// Sum, norm and first values of a tensor.
#[derive(Debug, Deserialize)]
pub(super) struct Summary {
    pub(super) l2: f64,
    pub(super) first: Vec<f64>,
}

/// By the tensors' names.
pub(super) type Summaries = BTreeMap<String, Summary>;

#[derive(Debug, Deserialize)]
pub(super) struct Ema {
    pub(super) decay: f64,
    #[serde(alias = "after_12_steps")]
    pub(super) after: Summaries,
}

#[derive(Debug, Deserialize)]
pub(super) struct Evaluation {
    pub(super) image_features_first_row: Vec<f64>,
    pub(super) text_features_first_row: Vec<f64>,
    pub(super) loss: f64,
}

#[derive(Debug, Deserialize)]
pub(super) struct Variants {
    pub(super) contrastive: Contrastive,
    pub(super) siglip: Siglip,
    pub(super) distill: Distill,
    pub(super) clamp: Vec<Clamp>,
    #[serde(default)]
    pub(super) two_ranks: Vec<Ranks>,
    pub(super) locked_image: Locked,
    /// `accumulate_K` by its name.
    #[serde(flatten)]
    others: BTreeMap<String, Value>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Contrastive {
    pub(super) loss: f64,
    pub(super) image_to_text_loss: f64,
    pub(super) text_to_image_loss: f64,
    pub(super) grad_logit_scale: f64,
}

#[derive(Debug, Deserialize)]
pub(super) struct Accumulation {
    pub(super) micro_batches: usize,
    pub(super) losses: Vec<f64>,
    pub(super) grad_norm_without_logit_scale: f64,
    pub(super) logit_scale_grad_exact: f64,
    /// Where batch norms make them others than those of the whole batch.
    pub(super) grads: Option<Summaries>,
    pub(super) running: Option<Summaries>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Siglip {
    pub(super) logit_scale: f64,
    pub(super) logit_bias: f64,
    pub(super) loss: f64,
    pub(super) grad_norm_without_bias: f64,
    pub(super) grad_logit_bias: f64,
    pub(super) grads: Summaries,
}

#[derive(Debug, Deserialize)]
pub(super) struct Distill {
    pub(super) teacher_seed: u64,
    pub(super) contrastive_loss: f64,
    pub(super) distill_loss: f64,
    pub(super) loss: f64,
    pub(super) grad_norm: f64,
    pub(super) grads: Summaries,
}

#[derive(Debug, Deserialize)]
pub(super) struct Clamp {
    pub(super) start: f64,
    pub(super) loss: f64,
    pub(super) after_step_before_clamp: f64,
    pub(super) after: f64,
}

/// One way of working on two ranks.
#[derive(Debug, Deserialize)]
pub(super) struct Ranks {
    pub(super) gather_with_grad: bool,
    pub(super) loss_mean: f64,
    pub(super) grad_norm: f64,
    pub(super) logit_scale_grad: f64,
}

#[derive(Debug, Deserialize)]
pub(super) struct Locked {
    pub(super) steps: Vec<Step>,
    pub(super) step0_grads: Summaries,
    #[serde(rename = "final")]
    pub(super) last: Summaries,
}

impl Case {
    /// Reads `CASE.json`.
    pub(super) fn read(path: &Path) -> Result<Self, ReplayError> {
        let text = clip_files::read_text(path, LARGEST_CASE)
            .map_err(|source| ReplayError::File { path: path.to_owned(), source })?;
        Self::parse(path, &text)
    }

    pub(super) fn parse(path: &Path, text: &str) -> Result<Self, ReplayError> {
        let malformed = |reason: String| ReplayError::Case { path: path.to_owned(), reason };
        let case: Self =
            serde_json::from_str(text).map_err(|error| malformed(error.to_string()))?;
        let expected = case.config.steps;
        for (of, steps) in
            [("", &case.steps), ("locked_image: ", &case.variants.locked_image.steps)]
        {
            let found = steps.len();
            if found as u64 != expected {
                return Err(malformed(format!("{of}{found} steps, expected {expected}")));
            }
        }
        if case.config.batch == 0 || case.config.vocab_size < 4 || case.config.context_length < 14 {
            return Err(malformed("sizes that the formulas of batches do not fit".to_owned()));
        }
        Ok(case)
    }

    /// `accumulate_K` for every K.
    pub(super) fn accumulations(&self, path: &Path) -> Result<Vec<Accumulation>, ReplayError> {
        let malformed = |reason: String| ReplayError::Case { path: path.to_owned(), reason };
        let others = self.variants.others.iter();
        let accumulations: Vec<Accumulation> = others
            .filter(|(name, _)| name.starts_with("accumulate_"))
            .map(|(name, value)| {
                Accumulation::deserialize(value)
                    .map_err(|error| malformed(format!("variants.{name}: {error}")))
            })
            .collect::<Result<_, _>>()?;
        let most = self.config.batch;
        if let Some(bad) = accumulations.iter().find(|of| !(1..=most).contains(&of.micro_batches)) {
            return Err(malformed(format!("accumulate: {} micro-batches", bad.micro_batches)));
        }
        if accumulations.is_empty() {
            return Err(malformed("variants: `accumulate_2` is missing".to_owned()));
        }
        Ok(accumulations)
    }
}

/// Largest `CASE.json`, bytes.
const LARGEST_CASE: u64 = 1 << 28;

impl Config {
    /// What the model is made of.
    pub(super) fn architecture(&self, path: &Path) -> Result<Architecture, ReplayError> {
        let (resolution, width, heads) =
            (self.image_resolution, self.vision_width, self.vision_heads);
        let image = match (&self.vision_layers, self.vision_patch_size) {
            (&VisionLayers::Transformer(layers), Some(patch_size)) => {
                ImageArchitecture::VisionTransformer {
                    resolution,
                    patch_size,
                    width,
                    layers,
                    heads,
                    mlp_width: 4 * width,
                }
            }
            (&VisionLayers::ResNet(blocks), None) => {
                ImageArchitecture::ModifiedResNet { resolution, width, blocks, heads }
            }
            _ => {
                let reason = "vision_layers and vision_patch_size are of two families".to_owned();
                return Err(ReplayError::Case { path: path.to_owned(), reason });
            }
        };
        let text = TextArchitecture {
            context_length: self.context_length,
            vocab_size: self.vocab_size,
            width: self.text_width,
            layers: self.text_layers,
            heads: self.text_heads,
            mlp_width: 4 * self.text_width,
            pooling: TextPooling::Argmax,
        };
        let activation = Activation::QuickGelu;
        let embed_dim = self.embed_dim;
        Ok(Architecture { embed_dim, image, text, activation, logit_bias: false })
    }

    /// Side of the pictures.
    pub(super) fn resolution(&self) -> usize {
        self.image_resolution
    }

    /// Whether the image tower is a ResNet.
    pub(super) fn is_resnet(&self) -> bool {
        self.vision_patch_size.is_none()
    }
}

/// The tensors beside `CASE.json`: `CASE_KIND.safetensors`.
pub(super) fn tensors(case: &Path, kind: &str) -> Result<StateDict, ReplayError> {
    let path = beside(case, kind);
    if !path.exists() {
        return Err(ReplayError::Missing { path });
    }
    let file = safetensors::open(&path)?;
    Ok(StateDict::from_tensors(path, file.tensors))
}

fn beside(case: &Path, kind: &str) -> PathBuf {
    let stem = case.file_stem().unwrap_or_default().to_string_lossy();
    case.with_file_name(format!("{stem}_{kind}.safetensors"))
}
