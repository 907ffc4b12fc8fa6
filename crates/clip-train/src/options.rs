//! What a person chooses about a step.

use crate::lora::LoraOptions;
use crate::objective::Objective;
use crate::optimizer::OptimizerOptions;
use clip_model::ImageArchitecture;

/// What of a tower is trained.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Lock {
    /// All of it.
    #[default]
    Free,
    /// Nothing: it stays in evaluation mode and out of the optimiser and of the gradient norm
    /// (LiT).
    Locked,
    /// The last groups: 1 is the projection, 2 the last block and its norm too, 3 the block before
    /// it, … (open_clip's `--lock-image-unlocked-groups`).
    LastGroups(usize),
}

/// How a [`Trainer`](crate::Trainer) makes its steps.
#[derive(Debug, Clone, PartialEq)]
pub struct TrainerOptions {
    /// What is minimised.
    pub objective: Objective,
    /// How parameters follow their gradients.
    pub optimizer: OptimizerOptions,
    /// Into how many micro-batches a batch is cut; its loss sees all pairs all the same.
    pub micro_batches: usize,
    /// Keep only what each block takes, and compute the rest again on the way back.
    pub checkpointing: bool,
    /// What of the image tower is trained.
    pub image_lock: Lock,
    /// What of the text tower is trained.
    pub text_lock: Lock,
    /// Whether `logit_scale` and `logit_bias` stay as they are.
    pub freeze_logit_scale: bool,
    /// Whether batch norms use their running statistics and leave them as they are. Those of a
    /// locked image tower always do.
    pub freeze_batch_norm: bool,
    /// Share of the patches that each picture loses in a step; only of a ViT.
    pub patch_dropout: f64,
    /// Decay of a moving average of the weights, if one is wanted.
    pub moving_average: Option<f64>,
    /// Adapters instead of the weights themselves.
    pub lora: Option<LoraOptions>,
    /// Of what a step draws: patches that are dropped, first values of adapters.
    pub seed: u64,
}

impl TrainerOptions {
    /// The paper's for this family of image towers.
    pub fn of_family(image: &ImageArchitecture) -> Self {
        Self {
            objective: Objective::default(),
            optimizer: OptimizerOptions::of_family(image),
            micro_batches: 1,
            checkpointing: false,
            image_lock: Lock::Free,
            text_lock: Lock::Free,
            freeze_logit_scale: false,
            freeze_batch_norm: false,
            patch_dropout: 0.0,
            moving_average: None,
            lora: None,
            seed: 0,
        }
    }
}
