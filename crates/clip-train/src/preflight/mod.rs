//! The plan of a run, printed and checked before anything is computed.
//!
//! What can only be a mistake is an objection: the run does not begin unless it is allowed by its
//! name. What may well be meant is a note.

mod check;
mod report;

use clip_kernels::Precision;
use clip_model::parameters::ParameterKind;
use clip_model::{Architecture, Checkpoint};
use clip_rs::{LoadOptions, open_checkpoint};

use self::check::Found;
pub(crate) use self::check::cleaning;
pub use self::report::{OBJECTIONS, Objection, PlanReport};
use crate::config::{Config, Loss, Shape, TrainPrecision};
use crate::data::Pairs;
use crate::evaluation::Evaluations;
use crate::options::{Lock, TrainerOptions};
use crate::start::start;
use crate::{Decay, LoraOptions, Objective, OptimizerOptions, Schedule};

/// The paper's (PROTOCOL 2.1).
const RATE: f64 = 5e-4;
/// Of weights that are trained already (PROTOCOL 2.8).
const TUNING_RATE: f64 = 1e-5;
/// The paper's warm-up, in steps.
const WARMUP: u64 = 2000;
/// Why there is no plan.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// The model to begin with.
    #[error(transparent)]
    Start(#[from] crate::start::StartError),
    /// The data.
    #[error(transparent)]
    Data(#[from] crate::data::DataError),
    /// The teacher.
    #[error("teacher: {0}")]
    Teacher(clip_rs::Error),
    /// What is to be measured.
    #[error(transparent)]
    Evaluation(#[from] clip_eval::EvalError),
}

/// A run that can begin.
pub struct Plan {
    /// All choices; those left open are made.
    pub config: Config,
    /// The model at step 0.
    pub start: Checkpoint,
    /// The model to distil from.
    pub teacher: Option<Checkpoint>,
    /// The data.
    pub pairs: Pairs,
    /// Steps of an epoch.
    pub batches_per_epoch: u64,
    /// The learning rate of every step.
    pub schedule: Schedule,
    /// How steps are made.
    pub trainer: TrainerOptions,
    /// What is measured while it trains.
    pub evaluations: Evaluations,
    /// What is found of all this.
    pub report: PlanReport,
}

impl Plan {
    /// Plans a run: finds model, data and everything else that is asked for, computes nothing.
    ///
    /// - `precision`: where the configuration leaves it open
    /// - `saved`: the model of a run that goes on
    ///
    /// # Errors
    /// Something is not there, or cannot be.
    pub fn new(
        mut config: Config,
        load: &LoadOptions,
        ranks: usize,
        precision: TrainPrecision,
        saved: Option<Checkpoint>,
    ) -> Result<Plan, PlanError> {
        let start = saved.map_or_else(|| start(&config, load), Ok)?;
        let pairs = Pairs::open(&config.data.options())?;
        let batches_per_epoch = pairs.batches_per_epoch(config.batch.batch_size as u64)?;
        let epochs = config.schedule.epochs.saturating_mul(batches_per_epoch);
        let steps = config.schedule.steps.unwrap_or(epochs);
        config.run.precision.get_or_insert(precision);
        decide(&mut config, &start, steps);
        let teacher = config.objective.teacher.as_ref().map(|name| open_checkpoint(name, load));
        let teacher = teacher.transpose().map_err(PlanError::Teacher)?;
        let trainer = trainer_options(&config, &start.architecture);
        let evaluations = Evaluations::new(&config, load)?;
        let found = Found { config: &config, start: &start, pairs: &pairs, trainer: &trainer };
        let mut report = found.report(teacher.as_ref(), batches_per_epoch, steps, ranks);
        report.evaluations = evaluations.check()?;
        let schedule = schedule(&config, steps);
        Ok(Plan {
            config,
            start,
            teacher,
            pairs,
            batches_per_epoch,
            schedule,
            trainer,
            evaluations,
            report,
        })
    }

    /// Objections that are not allowed.
    pub fn refusals(&self, allowed: &[String]) -> Vec<&Objection> {
        let is_refused = |objection: &&Objection| allowed.iter().all(|name| name != objection.name);
        self.report.objections.iter().filter(is_refused).collect()
    }

    /// Of products.
    pub fn precision(&self) -> Precision {
        match self.config.run.precision {
            Some(TrainPrecision::Bf16) => Precision::Bf16,
            _ => Precision::F32,
        }
    }
}

/// Makes the choices that were left open, so that a run which goes on has the same.
fn decide(config: &mut Config, start: &Checkpoint, steps: u64) {
    let family = OptimizerOptions::of_family(&start.architecture.image);
    let optimizer = &mut config.optimizer;
    let rate = if config.model.from.is_some() { TUNING_RATE } else { RATE };
    optimizer.learning_rate.get_or_insert(rate);
    optimizer.beta2.get_or_insert(family.beta2);
    optimizer.eps.get_or_insert(family.eps);
    config.schedule.warmup.get_or_insert(WARMUP.min(steps / 10));
}

fn schedule(config: &Config, total: u64) -> Schedule {
    let of = &config.schedule;
    let decay = match of.schedule {
        Shape::Cosine => Decay::Cosine,
        Shape::Constant => Decay::Constant,
        Shape::ConstantCooldown => {
            Decay::CoolDown { steps: of.cooldown, power: of.cooldown_power, end: of.cooldown_end }
        }
    };
    let peak = config.optimizer.learning_rate.unwrap_or(RATE);
    Schedule { peak, warmup: of.warmup.unwrap_or(0), total, decay }
}

fn trainer_options(config: &Config, architecture: &Architecture) -> TrainerOptions {
    let family = OptimizerOptions::of_family(&architecture.image);
    let (optimizer, towers) = (&config.optimizer, &config.towers);
    let lock = |is_locked: bool, groups: usize| match (is_locked, groups) {
        (false, _) => Lock::Free,
        (true, 0) => Lock::Locked,
        (true, groups) => Lock::LastGroups(groups),
    };
    TrainerOptions {
        objective: Objective {
            loss: config.objective.loss.map(|loss| match loss {
                Loss::Contrastive => crate::Loss::Contrastive,
                Loss::Sigmoid => crate::Loss::Sigmoid,
            }),
            multi_positive: config.objective.multi_positive,
            distillation: config.objective.distillation,
        },
        optimizer: OptimizerOptions {
            beta1: optimizer.beta1,
            beta2: optimizer.beta2.unwrap_or(family.beta2),
            eps: optimizer.eps.unwrap_or(family.eps),
            weight_decay: optimizer.weight_decay,
            clip_norm: optimizer.clip_norm,
            layer_decay: optimizer.layer_decay.unwrap_or(1.0),
            image_rate: optimizer.image_rate,
            text_rate: optimizer.text_rate,
            max_logit_scale: config.objective.max_scale.ln() as f32,
        },
        micro_batches: config.batch.accumulate,
        checkpointing: config.batch.checkpointing,
        image_lock: lock(towers.lock_image, towers.unlocked_image_groups),
        text_lock: lock(towers.lock_text, towers.unlocked_text_groups),
        freeze_logit_scale: towers.freeze_logit_scale,
        freeze_batch_norm: towers.freeze_batch_norm,
        patch_dropout: towers.patch_dropout,
        moving_average: towers.moving_average,
        lora: towers.lora_rank.map(|rank| {
            let alpha = towers.lora_alpha.unwrap_or(rank as f64);
            let mut lora = LoraOptions::of_attention(rank, alpha);
            let mlp = [ParameterKind::MlpIn, ParameterKind::MlpOut];
            lora.kinds.extend(mlp.into_iter().filter(|_| towers.lora_mlp));
            lora
        }),
        seed: config.run.seed,
    }
}
