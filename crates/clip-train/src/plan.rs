//! What of a model is trained, and how.

use crate::error::TrainError;
use crate::layers::{layer_of, layers};
use crate::lora::LoraOptions;
use crate::options::{Lock, TrainerOptions};
use crate::passes::Passes;
use clip_model::parameters::{Parameter, Tower};
use clip_model::{Architecture, BatchNormMode, ImageArchitecture};

/// Where a parameter stands in training.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// It stays as it is.
    Frozen,
    /// The optimiser moves it.
    Trained,
    /// It moves with its adapter.
    Adapted,
}

/// The role of a parameter.
pub(crate) fn role(
    options: &TrainerOptions,
    architecture: &Architecture,
    parameter: &Parameter,
) -> Role {
    if !parameter.kind.is_parameter() {
        return Role::Frozen;
    }
    let lock = match parameter.tower {
        Tower::Image => options.image_lock,
        Tower::Text => options.text_lock,
        Tower::Joint if options.freeze_logit_scale => return Role::Frozen,
        Tower::Joint => return Role::Trained,
    };
    let layer = layer_of(architecture, parameter);
    let is_free = match lock {
        Lock::Free => true,
        Lock::Locked => false,
        Lock::LastGroups(groups) => layer + groups >= layers(architecture, parameter.tower),
    };
    match &options.lora {
        _ if !is_free => Role::Frozen,
        None => Role::Trained,
        Some(lora) if lora.kinds.contains(&parameter.kind) => Role::Adapted,
        Some(_) => Role::Frozen,
    }
}

/// How batches go through the towers, where something of each is trained as these roles say.
pub(crate) fn passes(
    options: &TrainerOptions,
    architecture: &Architecture,
    is_trained: impl Fn(Tower) -> bool,
) -> Passes {
    let trains_images = is_trained(Tower::Image);
    let is_frozen = options.freeze_batch_norm || !trains_images || options.lora.is_some();
    let patches = architecture.image.tokens() - 1;
    let kept = (patches as f64 * (1.0 - options.patch_dropout)) as usize; // open_clip's rounding
    Passes {
        trains_images,
        trains_texts: is_trained(Tower::Text),
        batch_norm: if is_frozen { BatchNormMode::Running } else { BatchNormMode::Batch },
        checkpointing: options.checkpointing,
        micro_batches: options.micro_batches,
        patches: (trains_images && kept < patches).then_some((patches, kept.max(1))),
        seed: options.seed,
    }
}

/// Whether these options can be.
///
/// # Errors
/// [`TrainError::Option`].
pub(crate) fn check(
    options: &TrainerOptions,
    architecture: &Architecture,
) -> Result<(), TrainError> {
    let fail = |option, reason: &str| Err(TrainError::Option { option, reason: reason.to_owned() });
    let optimizer = &options.optimizer;
    let is_share = |value: f64| (0.0..1.0).contains(&value);
    let is_positive = |value: f64| value > 0.0 && value.is_finite();
    if options.micro_batches == 0 {
        return fail("micro-batches", "there is at least one");
    }
    if !is_share(options.patch_dropout) {
        return fail("patch dropout", "a share of the patches, from 0 to below 1");
    }
    let is_vit = matches!(architecture.image, ImageArchitecture::VisionTransformer { .. });
    if options.patch_dropout > 0.0 && !is_vit {
        return fail("patch dropout", "a ResNet has no patches to leave out");
    }
    if options.moving_average.is_some_and(|decay| !is_share(decay)) {
        return fail("moving average", "its decay is from 0 to below 1");
    }
    if !is_share(optimizer.beta1) || !is_share(optimizer.beta2) {
        return fail("beta", "from 0 to below 1");
    }
    if !is_positive(optimizer.eps) {
        return fail("eps", "above 0");
    }
    if !(optimizer.weight_decay >= 0.0 && optimizer.weight_decay.is_finite()) {
        return fail("weight decay", "0 or more");
    }
    if optimizer.clip_norm.is_some_and(|limit| !is_positive(limit)) {
        return fail("clipping of gradients", "to a norm above 0");
    }
    if !(is_positive(optimizer.layer_decay) && optimizer.layer_decay <= 1.0) {
        return fail("layer-wise decay", "above 0, at most 1");
    }
    if !is_positive(optimizer.image_rate) || !is_positive(optimizer.text_rate) {
        return fail("learning rate of a tower", "a factor above 0; a tower that stays is locked");
    }
    options.lora.as_ref().map_or(Ok(()), check_lora)
}

fn check_lora(lora: &LoraOptions) -> Result<(), TrainError> {
    let fail = |reason: String| Err(TrainError::Option { option: "lora", reason });
    if lora.rank == 0 {
        return fail("the rank is at least 1".to_owned());
    }
    if !lora.alpha.is_finite() || lora.alpha == 0.0 {
        return fail("alpha is a number other than 0".to_owned());
    }
    if lora.kinds.is_empty() {
        return fail("no matrices are named".to_owned());
    }
    match lora.kinds.iter().find(|&&kind| !LoraOptions::is_possible(kind)) {
        Some(kind) => fail(format!("an adapter cannot stand at {kind:?}")),
        None => Ok(()),
    }
}
