//! What the model can do on the way, and what a fine-tune loses.

use clip_kernels::Train;

use super::Session;
use crate::TrainError;
use crate::evaluation::{self, EvaluationMetrics};
use crate::run_error::RunError;

impl<D: Train + Clone> Session<'_, D> {
    /// Guarded scores of the model that the run begins with.
    pub(super) fn measure_start(&mut self) -> Result<(), RunError> {
        if !self.plan.evaluations.has_guards() {
            return Ok(());
        }
        let lines = self.measured(0)?;
        self.progress.scores_before = evaluation::scores(&lines);
        self.tell(&lines)
    }

    /// What is due after this step.
    pub(super) fn measure(&mut self) -> Result<(), RunError> {
        let lines = self.measured(self.progress.step)?;
        self.progress.evaluation_is_due = false;
        self.tell(&lines)
    }

    fn tell(&mut self, lines: &[EvaluationMetrics]) -> Result<(), RunError> {
        for line in lines {
            if let Some(record) = &mut self.record {
                record.evaluation(line)?;
            }
            self.listener.measured(line);
            let of = &line.evaluation;
            if let Some(guard) = of.guard.filter(|guard| guard.is_lost) {
                self.listener.warn(&format!(
                    "step {}: {} on {} went from {:.2} % to {:.2} %: the fine-tune loses what the \
                     model could do; a lower learning rate, LoRA, or `models interpolate` keep more",
                    line.step, of.score.name, of.dataset, guard.before * 100.0,
                    (guard.before + guard.change) * 100.0
                ));
            }
        }
        Ok(())
    }

    /// Measures the model as it is now: written to a folder of its own, which goes again.
    fn measured(&mut self, step: u64) -> Result<Vec<EvaluationMetrics>, RunError> {
        let model = self.model()?;
        let mut lines = Vec::new();
        if self.record.is_some() {
            let out = self.around.out.join("evaluations");
            let (plan, listener) = (self.plan, &mut *self.listener);
            let steps = (step, plan.schedule.total);
            lines = plan.evaluations.measure(
                &model,
                steps,
                &self.progress.scores_before,
                &out,
                |failure| listener.warn(&failure),
            )?;
        }
        self.around.collective.barrier().map_err(TrainError::from)?;
        Ok(lines)
    }
}
