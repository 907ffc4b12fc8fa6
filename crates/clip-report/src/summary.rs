//! What a page says, in numbers.

use clip_audit::AuditRecord;
use clip_eval::EvalError;

use crate::published::Origin;
use crate::shift_means::{self, OverShifts};
use crate::standing::Standing;
use crate::suite::{Suite, shown};

/// What a page says, in numbers.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Summary {
    /// Results shown.
    pub cells: usize,
    /// Different models.
    pub models: usize,
    /// Different data sets.
    pub datasets: usize,
    /// Different tasks.
    pub tasks: usize,
    /// Records of other items, of another split or with other prompts than the published values
    /// are.
    pub not_comparable: usize,
    /// Figures compared with the paper's.
    pub compared: usize,
    /// Of those, how many intervals cover the paper's value.
    pub covered: usize,
    /// Files that could not be read, or were changed by hand.
    pub unreadable: usize,
    /// Audits shown.
    pub audits: usize,
    /// Audits with a verdict that is not met.
    pub verdicts_not_met: usize,
    /// Length of the page.
    pub bytes: usize,
    /// Each model over the natural shifts that all models have.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub over_shifts: Vec<OverShifts>,
}

impl Summary {
    /// Of everything but the length of the page.
    pub(crate) fn new(
        suite: &Suite<'_>,
        audits: &[AuditRecord],
        unreadable: &[EvalError],
    ) -> Summary {
        let mut datasets: Vec<&str> =
            suite.records.iter().map(|record| record.dataset.as_str()).collect();
        datasets.sort_unstable();
        datasets.dedup();
        let figures = suite
            .records
            .iter()
            .flat_map(|record| shown(record).into_iter().map(move |figure| (record, figure)));
        let covered: Vec<bool> = figures
            .filter_map(|(record, figure)| {
                suite.difference(record, figure, Origin::Paper)?.is_covered
            })
            .collect();
        Summary {
            cells: suite.records.len(),
            models: suite.models.len(),
            datasets: datasets.len(),
            tasks: suite.tasks().len(),
            not_comparable: suite
                .records
                .iter()
                .filter(|record| !Standing::of(record).is_comparable())
                .count(),
            compared: covered.len(),
            covered: covered.iter().filter(|covered| **covered).count(),
            unreadable: unreadable.len(),
            audits: audits.len(),
            verdicts_not_met: audits
                .iter()
                .filter(|audit| audit.verdict.as_ref().is_some_and(|verdict| !verdict.met))
                .count(),
            bytes: 0,
            over_shifts: shift_means::over_shifts(suite),
        }
    }
    /// In a few sentences.
    pub(crate) fn said(&self) -> String {
        let plural =
            |count: usize, one: &str| format!("{count} {one}{}", if count == 1 { "" } else { "s" });
        let mut sentences = Vec::new();
        if self.cells > 0 || self.audits == 0 {
            sentences.push(format!(
                "{} of {}, {} and {}.",
                plural(self.cells, "result"),
                plural(self.models, "model"),
                plural(self.datasets, "data set"),
                plural(self.tasks, "task")
            ));
        }
        if self.compared > 0 {
            sentences.push(format!(
                "{} of {} intervals cover the value in the paper.",
                self.covered, self.compared
            ));
        }
        if self.not_comparable > 0 {
            sentences.push(format!(
                "{} of other items or other prompts than published values: not comparable.",
                plural(self.not_comparable, "result")
            ));
        }
        if self.audits > 0 {
            sentences.push(format!("{}.", plural(self.audits, "audit")));
        }
        if self.verdicts_not_met > 0 {
            sentences.push(format!("{} not met.", plural(self.verdicts_not_met, "verdict")));
        }
        sentences.join(" ")
    }
}
