//! A plan in figures, for people and as JSON.

use std::fmt::Write;

use serde::Serialize;

use crate::config::TrainPrecision;
use crate::data::Summary;
use crate::memory::MemoryEstimate;

/// Why a run does not begin. `--allow NAME` lets it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Objection {
    /// One of [`OBJECTIONS`].
    pub name: &'static str,
    /// What is wrong, and the way out.
    pub reason: String,
}

/// Names of all objections.
pub const OBJECTIONS: [&str; 5] =
    ["learning-rate", "warm-up", "duplicates", "memory", "unreadable"];

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

pub(super) fn gigabytes(bytes: u64) -> String {
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
