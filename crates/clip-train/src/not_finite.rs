//! Where NaN or infinity came in.

use crate::batch::Batch;
use crate::error::TrainError;
use crate::layers::forward_key;
use crate::passes::{Passes, pixels_of};
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
            return self.first_output(batch, report.step);
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

    /// The first part of either tower whose output is not finite.
    fn first_output(&mut self, batch: &Batch, step: u64) -> Result<NotFinite, TrainError> {
        let before = self.model.batch_statistics()?;
        let mut found = None;
        let passes = Passes { checkpointing: true, ..self.passes.clone() };
        for part in passes.parts(batch.len()) {
            if found.is_none() && !batch.pixels.is_empty() {
                let pass = passes.image_pass(&batch.samples[part.clone()], step);
                let pixels = pixels_of(batch, part.clone());
                let (features, activations) = self.model.encode_images(pixels, &pass)?;
                let mut outputs = self.model.image_outputs(&activations);
                outputs.push(("visual.proj".to_owned(), &features));
                found = self.first_of(outputs)?;
            }
            if found.is_none() {
                let texts: Vec<&[u32]> = batch.texts[part].iter().map(Vec::as_slice).collect();
                let (features, activations) = self.model.encode_texts(&texts, true)?;
                let mut outputs = self.model.text_outputs(&activations);
                outputs.push(("text_projection".to_owned(), &features));
                found = self.first_of(outputs)?;
            }
        }
        self.model.restore_batch_statistics(&before)?;
        // Features of another rank's pairs are among the keys of this one's.
        Ok(match found {
            Some(name) => NotFinite::Output(name),
            None if self.collective.size() > 1 => NotFinite::OtherRank,
            None => NotFinite::Loss,
        })
    }

    fn first_of(&self, outputs: Vec<(String, &D::Rows)>) -> Result<Option<String>, TrainError> {
        for (name, rows) in outputs {
            if !self.is_finite(rows)? {
                return Ok(Some(name));
            }
        }
        Ok(None)
    }
}
