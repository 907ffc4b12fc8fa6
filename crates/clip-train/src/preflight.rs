//! The plan of a run, printed and checked before anything is computed.
//!
//! What can only be a mistake is an objection: the run does not begin unless it is allowed by its
//! name. What may well be meant is a note.

use std::fmt::Write;

use clip_kernels::Precision;
use clip_model::parameters::ParameterKind;
use clip_model::{Architecture, Checkpoint, ImageArchitecture};
use clip_rs::{LoadOptions, Tokenizer, open_checkpoint};
use clip_tokenizer::Overflow;
use serde::Serialize;

use crate::config::{Config, Loss, Shape, TrainPrecision};
use crate::data::{Crop, Pairs, Summary};
use crate::evaluation::Evaluations;
use crate::memory::{MemoryEstimate, StepSize, available, trained_parameters};
use crate::options::{Lock, TrainerOptions};
use crate::start::{in_short, start};
use crate::{Decay, LoraOptions, Objective, OptimizerOptions, Schedule};

/// The paper's (PROTOCOL 2.1).
const RATE: f64 = 5e-4;
/// Of weights that are trained already (PROTOCOL 2.8).
const TUNING_RATE: f64 = 1e-5;
/// Above it weights that are trained already are lost within a few steps.
const MOST_TUNING_RATE: f64 = 1e-4;
/// The paper's warm-up, in steps.
const WARMUP: u64 = 2000;
/// Share of all steps above which a warm-up leaves too little after it.
const MOST_WARMUP: f64 = 0.5;
/// Share of a batch's pairs that share their caption with another from which on they spoil it.
const MOST_SHARED: f64 = 0.2;
/// Samples that are read to see whether the data is there.
const PROBED: u64 = 16;
/// Batches below it hold too few negatives to learn from.
const FEW: usize = 16;

/// Why a run does not begin. `--allow NAME` lets it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Objection {
    /// `learning-rate`, `warm-up`, `duplicates`, `memory`, `unreadable` or `precision`.
    pub name: &'static str,
    /// What is wrong, and the way out.
    pub reason: String,
}

/// Names of all objections.
pub const OBJECTIONS: [&str; 6] =
    ["learning-rate", "warm-up", "duplicates", "memory", "unreadable", "precision"];

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

/// A plan in figures, for people and as JSON.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PlanReport {
    /// Sizes of the model.
    pub architecture: String,
    /// Where its weights come from.
    pub origin: String,
    /// Values of the model.
    pub parameters: u64,
    /// Of them those that the optimiser moves.
    pub trained: u64,
    /// What there is to learn from.
    pub data: Summary,
    /// Pairs of a step, over all ranks.
    pub batch: usize,
    /// Parts that it is computed in.
    pub accumulate: usize,
    /// Ranks that share it.
    pub ranks: usize,
    /// Steps of an epoch; what is left of its samples is left out.
    pub batches_per_epoch: u64,
    /// Steps of the run.
    pub steps: u64,
    /// Passes over the data.
    pub epochs: f64,
    /// Samples seen at its end.
    pub samples_seen: u64,
    /// Steps of the warm-up.
    pub warmup: u64,
    /// Learning rate after it.
    pub learning_rate: f64,
    /// Of products.
    pub precision: TrainPrecision,
    /// Tokens of a text at most.
    pub context_length: usize,
    /// Tokens of the captions that were looked at, in the mean.
    pub tokens_per_text: f64,
    /// By formula, bytes of one rank.
    pub memory: MemoryEstimate,
    /// What the machine could give, bytes.
    pub memory_available: Option<u64>,
    /// What is measured while it trains.
    pub evaluations: Vec<String>,
    /// What is to be known.
    pub notes: Vec<String>,
    /// Why it does not begin.
    pub objections: Vec<Objection>,
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
        ..TrainerOptions::of_family(&architecture.image)
    }
}

/// What a plan is checked by.
struct Found<'a> {
    config: &'a Config,
    start: &'a Checkpoint,
    pairs: &'a Pairs,
    trainer: &'a TrainerOptions,
}

impl Found<'_> {
    fn report(
        &self,
        teacher: Option<&Checkpoint>,
        batches_per_epoch: u64,
        steps: u64,
        ranks: usize,
    ) -> PlanReport {
        let Found { config, start, pairs, trainer } = self;
        let architecture = &start.architecture;
        let data = pairs.summary();
        let context_length = architecture.text.context_length;
        let tokens_per_text = tokens(&data, start, context_length);
        let size = StepSize {
            batch: config.batch.batch_size / ranks.max(1),
            tokens_per_text,
            prefetch: config.data.prefetch,
        };
        let teacher = teacher.map(|teacher| &teacher.architecture);
        let mut report = PlanReport {
            architecture: in_short(architecture),
            origin: self.origin(),
            parameters: architecture.parameter_count(),
            trained: trained_parameters(architecture, trainer),
            data,
            batch: config.batch.batch_size,
            accumulate: config.batch.accumulate,
            ranks,
            batches_per_epoch,
            steps,
            epochs: steps as f64 / batches_per_epoch as f64,
            samples_seen: steps.saturating_mul(config.batch.batch_size as u64),
            warmup: config.schedule.warmup.unwrap_or(0),
            learning_rate: config.optimizer.learning_rate.unwrap_or(RATE),
            precision: config.run.precision.unwrap_or(TrainPrecision::F32),
            context_length,
            tokens_per_text,
            memory: MemoryEstimate::new(architecture, teacher, trainer, size),
            memory_available: available(),
            evaluations: Vec::new(),
            notes: Vec::new(),
            objections: Vec::new(),
        };
        report.objections = self.objections(&report);
        report.notes = self.notes(&report);
        report
    }

    fn origin(&self) -> String {
        match &self.config.model.from {
            Some(from) => format!("checkpoint {from}"),
            None => format!("drawn anew, seed {}", self.config.run.seed),
        }
    }

    /// Whether weights that are trained already are moved as a whole.
    fn tunes(&self) -> bool {
        let is_free = |lock: Lock| lock != Lock::Locked;
        self.config.model.from.is_some()
            && self.trainer.lora.is_none()
            && (is_free(self.trainer.image_lock) || is_free(self.trainer.text_lock))
    }

    fn objections(&self, report: &PlanReport) -> Vec<Objection> {
        let mut objections = Vec::new();
        let mut object = |name, reason: String| objections.push(Objection { name, reason });
        let rate = report.learning_rate;
        if self.tunes() && rate > MOST_TUNING_RATE {
            object(
                "learning-rate",
                format!(
                    "a learning rate of {rate:e} ruins weights that are trained already; 1e-5 is usual, \
                 {MOST_TUNING_RATE:e} the most"
                ),
            );
        }
        if rate == 0.0 {
            object("learning-rate", "with a learning rate of 0 nothing is learned".to_owned());
        }
        let share = report.warmup as f64 / report.steps as f64;
        if share > MOST_WARMUP {
            object(
                "warm-up",
                format!(
                    "{} of {} steps are warm-up; a tenth is plenty: warmup = {}",
                    report.warmup,
                    report.steps,
                    report.steps / 10
                ),
            );
        }
        let shared = shared_captions(&report.data, report.batch);
        if shared >= MOST_SHARED && !self.config.objective.multi_positive {
            object(
                "duplicates",
                format!(
                    "{:.0} % of the pairs of a batch have the caption of another one, which is \
                     taken for their negative; multi_positive = true makes it a positive",
                    shared * 100.0
                ),
            );
        }
        let needed = report.memory.total();
        if let Some(available) = report.memory_available.filter(|&available| needed > available) {
            object(
                "memory",
                format!(
                    "a step needs about {}, there are {}; accumulate, checkpointing or a smaller \
                 batch_size take less",
                    gigabytes(needed),
                    gigabytes(available)
                ),
            );
        }
        let bad = self.pairs.probe(PROBED);
        if let Some(first) =
            bad.first().filter(|_| 2 * bad.len() as u64 > PROBED.min(report.data.samples))
        {
            object(
                "unreadable",
                format!(
                    "{} of {} samples that were tried cannot be read; the first: {first}",
                    bad.len(),
                    PROBED.min(report.data.samples)
                ),
            );
        }
        objections
    }

    fn notes(&self, report: &PlanReport) -> Vec<String> {
        let mut notes: Vec<String> = self.start.warnings.clone();
        notes.extend(report.data.notes.iter().cloned());
        if report.data.bad > 0 {
            notes.push(format!("{} samples or files cannot be used", report.data.bad));
        }
        if report.batch < FEW {
            notes.push(format!("a batch of {} holds few negatives to learn from", report.batch));
        }
        let is_resnet =
            matches!(self.start.architecture.image, ImageArchitecture::ModifiedResNet { .. });
        let towers = &self.config.towers;
        if is_resnet && self.tunes() && !towers.freeze_batch_norm && !towers.lock_image {
            notes.push(
                "batch norms of a trained ResNet move; freeze_batch_norm keeps their statistics"
                    .to_owned(),
            );
        }
        if self.tunes() && self.config.guard.guard.is_empty() {
            notes.push(
                "nothing guards what the checkpoint can do already: guard = [\"oxford_pets\"], say, \
                 measures it before and after"
                    .to_owned(),
            );
        }
        if self.config.towers.lock_image && self.config.data.crop != Crop::Evaluation {
            notes.push(
                "crops are drawn anew each time: crop = \"evaluation\" lets a locked image tower \
                 compute each picture once"
                    .to_owned(),
            );
        }
        notes
    }
}

/// How many of a batch's pairs share their caption with another, as a share: as if every caption
/// had as many copies.
fn shared_captions(data: &Summary, batch: usize) -> f64 {
    let (captions, repeated) = (data.captions as f64, data.repeated_captions as f64);
    let copies = captions / (captions - repeated).max(1.0) - 1.0;
    (copies * (batch as f64 - 1.0) / (captions - 1.0).max(1.0)).min(1.0)
}

/// Tokens of a caption in the mean, of those that a summary shows.
fn tokens(data: &Summary, start: &Checkpoint, context_length: usize) -> f64 {
    let tokenizer = Tokenizer::with_cleaning(cleaning(start));
    let count = |(_, caption): &(String, String)| {
        let tokens = tokenizer.tokenize(caption, context_length, Overflow::Truncate);
        tokens.map_or(context_length, |tokens| tokens.ids.len())
    };
    let total: usize = data.examples.iter().map(count).sum();
    total as f64 / data.examples.len().max(1) as f64
}

/// How texts are cleaned for this model.
pub(crate) fn cleaning(checkpoint: &Checkpoint) -> clip_tokenizer::Cleaning {
    match checkpoint.tokenizer.canonicalize {
        true => clip_tokenizer::Cleaning::Canonicalize,
        false => clip_tokenizer::Cleaning::Reference,
    }
}

fn gigabytes(bytes: u64) -> String {
    format!("{:.1} GB", bytes as f64 / 1e9)
}

impl PlanReport {
    /// As people read it.
    pub fn text(&self) -> String {
        let mut text = String::new();
        let mut line = |key: &str, value: String| {
            let _ = writeln!(text, "{key:<14} {value}"); // into memory
        };
        line("model", format!("{}, {}", self.architecture, self.origin));
        let (all, trained) = (self.parameters as f64 / 1e6, self.trained as f64 / 1e6);
        line("parameters", format!("{all:.1} M, {trained:.1} M of them trained"));
        for (name, samples, weight) in &self.data.parts {
            let times = if *weight == 1.0 { String::new() } else { format!(", times {weight}") };
            line("data", format!("{name}: {samples} samples{times}"));
        }
        let (captions, repeated) = (self.data.captions, self.data.repeated_captions);
        line(
            "captions",
            format!(
                "{captions}, {repeated} of them repeated; about {:.1} tokens of at most {}",
                self.tokens_per_text, self.context_length
            ),
        );
        for (name, caption) in self.data.examples.iter().take(1) {
            line("example", format!("{name}: {caption:.100}"));
        }
        let shared = match (self.accumulate, self.ranks) {
            (1, 1) => String::new(),
            (parts, 1) => format!(", in {parts} parts"),
            (parts, ranks) => format!(", on {ranks} ranks in {parts} parts each"),
        };
        line("batch", format!("{}{shared}, {:?}", self.batch, self.precision).to_lowercase());
        line(
            "steps",
            format!(
                "{} of {} samples: {:.2} epochs of {} steps",
                self.steps, self.samples_seen, self.epochs, self.batches_per_epoch
            ),
        );
        line("learning rate", format!("{:e} after {} steps", self.learning_rate, self.warmup));
        let m = &self.memory;
        line(
            "memory",
            format!(
                "{} ({} weights, {} gradients, {} moments, {} activations, {} batches){}",
                gigabytes(m.total()),
                gigabytes(m.weights + m.average + m.teacher),
                gigabytes(m.gradients),
                gigabytes(m.moments),
                gigabytes(m.activations),
                gigabytes(m.batches),
                self.memory_available.map_or_else(String::new, |a| format!(" of {}", gigabytes(a)))
            ),
        );
        for evaluation in &self.evaluations {
            line("measured", evaluation.clone());
        }
        text
    }
}
