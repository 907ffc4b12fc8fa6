//! What `metrics.jsonl` has of a step.

use crate::StepReport;
use crate::checkpoint::RunProgress;
use crate::data::Counters;
use crate::metrics::StepMetrics;

/// A step's line.
///
/// - `epoch`: the one that the step's batch is of
pub(super) fn of_step(
    report: &StepReport,
    progress: &RunProgress,
    counters: &Counters,
    epoch: u64,
) -> StepMetrics {
    let finite = |value: f64| value.is_finite().then_some(value);
    let parts = &report.parts;
    let parts = [
        ("image_to_text", parts.image_to_text),
        ("text_to_image", parts.text_to_image),
        ("sigmoid", parts.sigmoid),
        ("distillation", parts.distillation),
    ];
    let part = |(name, value): (&str, Option<f64>)| Some((name.to_owned(), finite(value?)?));
    StepMetrics {
        step: progress.step,
        epoch,
        samples: progress.samples,
        unique_samples: counters.unique,
        bad_samples: counters.skipped.values().sum(),
        loss: finite(report.loss),
        parts: parts.into_iter().filter_map(part).collect(),
        image_accuracy: report.image_to_text_accuracy,
        text_accuracy: report.text_to_image_accuracy,
        learning_rate: report.learning_rate,
        logit_scale: report.logit_scale_before.exp(),
        gradient_norm: finite(report.gradient_norm),
        gradient_factor: report.gradient_factor,
        image_rank: finite(report.image_rank),
        text_rank: finite(report.text_rank),
        skipped: report.not_finite.is_some(),
        skipped_steps: progress.skipped_steps,
    }
}
