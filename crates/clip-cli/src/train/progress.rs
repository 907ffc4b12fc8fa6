//! What a person sees of a run.

use std::path::Path;

use clip_train::evaluation::EvaluationMetrics;
use clip_train::metrics::{StepMetrics, StepTiming};
use clip_train::run::Listener;
use indicatif::{HumanDuration, ProgressBar};

use crate::console::{Console, Unit};

/// Steps over which the speed is averaged.
const STEPS: f64 = 20.0;

/// A bar on a terminal; notes and warnings anywhere.
pub(super) struct Progress {
    console: Console,
    bar: ProgressBar,
    total: u64,
    /// Seconds a step, and samples a second, in the mean of the last steps.
    speed: Option<(f64, f64)>,
    last: Option<StepMetrics>,
}

impl Progress {
    pub(super) fn new(console: &Console, step: u64, total: u64) -> Progress {
        let bar = console.progress(total, Unit::Steps);
        bar.set_position(step);
        Progress { console: console.clone(), bar, total, speed: None, last: None }
    }

    /// The last step's metrics.
    pub(super) fn finish(self) -> Option<StepMetrics> {
        self.bar.finish_and_clear();
        self.last
    }
}

impl Listener for Progress {
    fn step(&mut self, metrics: &StepMetrics, timing: &StepTiming) {
        let (seconds, rate) = self.speed.unwrap_or((timing.seconds, timing.samples_per_second));
        let near = |mean: f64, new: f64| mean + (new - mean) / STEPS;
        let seconds = near(seconds, timing.seconds);
        let rate = near(rate, timing.samples_per_second);
        self.speed = Some((seconds, rate));
        let left = seconds * self.total.saturating_sub(metrics.step) as f64;
        let left = HumanDuration(std::time::Duration::from_secs_f64(left));
        let message = format!("{}  {rate:.1} samples/s  {left:#} left", line(metrics));
        self.bar.set_position(metrics.step);
        self.bar.set_message(message);
        if self.bar.is_hidden() {
            let (step, total) = (metrics.step, self.total);
            let rate = timing.samples_per_second;
            let line = line(metrics);
            self.console.detail(&format!("step {step}/{total}  {line}  {rate:.1} samples/s"));
        }
        self.last = Some(metrics.clone());
    }

    fn measured(&mut self, metrics: &EvaluationMetrics) {
        let of = &metrics.evaluation;
        let percent = |share: f64| format!("{:.2} %", share * 100.0);
        let value = of.score.value.map_or("undefined".to_owned(), percent);
        let ends = of.score.interval();
        let ends = ends.map_or_else(String::new, |(low, high)| {
            format!(" [{}, {}]", percent(low), percent(high))
        });
        let change = of.guard.map_or_else(String::new, |guard| {
            format!(", {:+.2} points since the beginning", guard.change * 100.0)
        });
        let (step, name, dataset) = (metrics.step, &of.score.name, &of.dataset);
        let note = format!("step {step}: {dataset} {name} {value}{ends}{change}");
        self.bar.suspend(|| self.console.note(&note));
    }

    fn saved(&mut self, path: &Path) {
        self.bar.suspend(|| self.console.detail(&format!("saved {}", path.display())));
    }

    fn warn(&mut self, message: &str) {
        self.bar.suspend(|| self.console.warn(message));
    }
}

/// Loss, accuracies, learning rate, scale and norm of a step.
pub(super) fn line(metrics: &StepMetrics) -> String {
    let or_none =
        |value: Option<f64>| value.map_or("–".to_owned(), |value| format!("{value:.4}"));
    format!(
        "loss {}  acc {:.0}/{:.0} %  lr {:.2e}  scale {:.2}  norm {}",
        or_none(metrics.loss),
        metrics.image_accuracy * 100.0,
        metrics.text_accuracy * 100.0,
        metrics.learning_rate,
        metrics.logit_scale,
        or_none(metrics.gradient_norm)
    )
}
