//! What is found of a plan, and what is wrong with it.

use clip_model::{Checkpoint, ImageArchitecture};
use clip_rs::Tokenizer;
use clip_tokenizer::Overflow;

use super::report::{Objection, PlanReport, gigabytes};
use crate::config::{Config, TrainPrecision};
use crate::data::{Crop, Pairs, Summary};
use crate::memory::{MemoryEstimate, StepSize, available, trained_parameters};
use crate::options::{Lock, TrainerOptions};
use crate::start::in_short;

/// Above it weights that are trained already are lost within a few steps.
const MOST_TUNING_RATE: f64 = 1e-4;
/// Share of all steps above which a warm-up leaves too little after it.
const MOST_WARMUP: f64 = 0.5;
/// Share of a batch's pairs that share their caption with another from which on they spoil it.
const MOST_SHARED: f64 = 0.2;
/// Samples that are read to see whether the data is there.
const PROBED: u64 = 16;
/// Batches below it hold too few negatives to learn from.
const FEW: usize = 16;

/// What a plan is checked by.
pub(super) struct Found<'a> {
    pub(super) config: &'a Config,
    pub(super) start: &'a Checkpoint,
    pub(super) pairs: &'a Pairs,
    pub(super) trainer: &'a TrainerOptions,
}

impl Found<'_> {
    /// All that is found.
    pub(super) fn report(
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
            learning_rate: config.optimizer.learning_rate.unwrap_or_default(),
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

    /// What can only be a mistake.
    fn objections(&self, report: &PlanReport) -> Vec<Objection> {
        let object = |(name, reason): (&'static str, Option<String>)| {
            reason.map(|reason| Objection { name, reason })
        };
        let found = [
            ("learning-rate", self.rate(report)),
            ("warm-up", warmup(report)),
            ("duplicates", self.duplicates(report)),
            ("memory", memory(report)),
            ("unreadable", self.unreadable(report)),
        ];
        found.into_iter().filter_map(object).collect()
    }

    fn rate(&self, report: &PlanReport) -> Option<String> {
        let rate = report.learning_rate;
        if rate == 0.0 {
            return Some("with a learning rate of 0 nothing is learned".to_owned());
        }
        (self.tunes() && rate > MOST_TUNING_RATE).then(|| {
            format!(
                "a learning rate of {rate:e} ruins weights that are trained already; 1e-5 is \
                 usual, {MOST_TUNING_RATE:e} the most"
            )
        })
    }

    fn duplicates(&self, report: &PlanReport) -> Option<String> {
        let shared = shared_captions(&report.data, report.batch);
        (shared >= MOST_SHARED && !self.config.objective.multi_positive).then(|| {
            format!(
                "{:.0} % of the pairs of a batch have the caption of another one, which is taken \
                 for their negative; multi_positive = true makes it a positive",
                shared * 100.0
            )
        })
    }

    fn unreadable(&self, report: &PlanReport) -> Option<String> {
        let (bad, tried) = (self.pairs.probe(PROBED), PROBED.min(report.data.samples));
        let first = bad.first().filter(|_| 2 * bad.len() as u64 > tried)?;
        let count = bad.len();
        Some(format!(
            "{count} of {tried} samples that were tried cannot be read; the first: {first}"
        ))
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

fn warmup(report: &PlanReport) -> Option<String> {
    let share = report.warmup as f64 / report.steps as f64;
    (share > MOST_WARMUP).then(|| {
        let (warmup, steps, tenth) = (report.warmup, report.steps, report.steps / 10);
        format!("{warmup} of {steps} steps are warm-up; a tenth is plenty: warmup = {tenth}")
    })
}

fn memory(report: &PlanReport) -> Option<String> {
    let needed = report.memory.total();
    let available = report.memory_available.filter(|&available| needed > available)?;
    Some(format!(
        "a step needs about {}, there are {}; accumulate, checkpointing or a smaller batch_size \
         take less",
        gigabytes(needed),
        gigabytes(available)
    ))
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
