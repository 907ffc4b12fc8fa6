//! Where NaN or infinity came in.

use crate::batch::Batch;
use crate::error::TrainError;
use crate::layers::forward_key;
use crate::report::{NotFinite, StepReport};
use crate::step::StepGradients;
use crate::trainer::Trainer;
use clip_kernels::Train;

impl<D: Train> Trainer<D> {
    /// The first thing that was not finite in the order in which a step computes: pixels and
    /// parameters, the towers' blocks from the input up, the loss, gradients from the features
    /// down. Costs a forward pass.
    pub(crate) fn first_not_finite(
        &mut self,
        batch: &Batch,
        report: &StepReport,
        gradients: &StepGradients<D>,
    ) -> Result<NotFinite, TrainError> {
        let picture = batch.pixels.len() / batch.len();
        if let Some(at) = batch.pixels.iter().position(|value| !value.is_finite()) {
            return Ok(NotFinite::Pixels(batch.keys[at / picture].clone()));
        }
        let order = self.in_forward_order();
        for &index in &order {
            if !self.is_finite(self.model.value(index))? {
                return Ok(NotFinite::Parameter(self.model.parameters()[index].name.clone()));
            }
        }
        if !report.loss.is_finite() {
            return Ok(NotFinite::Loss);
        }
        for &index in order.iter().rev() {
            if let Some(gradient) = gradients.parameters.get(index)
                && !self.is_finite(gradient)?
            {
                return Ok(NotFinite::Gradient(self.model.parameters()[index].name.clone()));
            }
        }
        Ok(NotFinite::GradientNorm)
    }

    fn in_forward_order(&self) -> Vec<usize> {
        let parameters = self.model.parameters();
        let mut order: Vec<usize> = (0..parameters.len()).collect();
        order.sort_by_key(|&index| forward_key(self.model.architecture(), &parameters[index]));
        order
    }

    fn is_finite(&self, rows: &D::Rows) -> Result<bool, TrainError> {
        Ok(self.model.device().read(rows)?.iter().all(|value| value.is_finite()))
    }
}
