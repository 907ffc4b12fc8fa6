//! One step of training, whole.

use crate::batch::Batch;
use crate::distributed::{GradientReduction, sum_over_ranks};
use crate::error::TrainError;
use crate::lora::AdapterGradients;
use crate::objective::{BatchLoss, LogitParameters};
use crate::optimizer::Update;
use crate::passes::Forward;
use crate::plan::{self, Role};
use crate::rank::effective_rank;
use crate::report::StepReport;
use crate::trainer::Trainer;
use clip_kernels::Train;
use clip_model::parameters::Parameter;
use clip_model::{BatchNormMode, Gradients};

/// Gradients of everything that is trained, over all ranks.
pub(crate) struct StepGradients<D: Train> {
    pub(crate) parameters: Gradients<D>,
    /// By the adapters' places.
    adapters: Vec<AdapterGradients<D>>,
}

impl<D: Train> Trainer<D> {
    /// One step: towers, loss, gradients of all ranks, clipping, AdamW, clamp, moving average.
    ///
    /// Where the loss or the square of the gradients' norm is not finite, nothing changes and the report
    /// says why.
    ///
    /// # Errors
    /// What is wrong with the batch, or [`TrainError::Device`], [`TrainError::Collective`]: the
    /// trainer is then worth nothing.
    ///
    /// Source: PROTOCOL 2.3, 2.4, 2.7. Checked by `golden/training`.
    pub fn step(&mut self, batch: &Batch, learning_rate: f64) -> Result<StepReport, TrainError> {
        if !(learning_rate >= 0.0 && learning_rate.is_finite()) {
            let reason = format!("{learning_rate} is no rate");
            return Err(TrainError::Option { option: "learning rate", reason });
        }
        D::step_region(|| self.step_in_region(batch, learning_rate))
    }

    fn step_in_region(
        &mut self,
        batch: &Batch,
        learning_rate: f64,
    ) -> Result<StepReport, TrainError> {
        let before = self.model.batch_statistics()?;
        let (mut report, gradients) = self.gradients(batch, learning_rate)?;
        // What AdamW squares has to be finite in f32, or it would not forget it.
        let square = (report.gradient_norm * report.gradient_factor).powi(2) as f32;
        if report.loss.is_finite() && square.is_finite() {
            self.update(&gradients, &report)?;
            report.logit_scale = f64::from(self.model.logit_scale()?);
        } else {
            self.model.restore_batch_statistics(&before)?;
            self.skipped += 1;
            report.not_finite = Some(self.first_not_finite(batch, &report, &gradients)?);
        }
        Ok(report)
    }

    /// The first half of a step: everything before parameters change. Running statistics do.
    pub(crate) fn gradients(
        &mut self,
        batch: &Batch,
        learning_rate: f64,
    ) -> Result<(StepReport, StepGradients<D>), TrainError> {
        self.check(batch)?;
        let logits = self.logit_parameters()?;
        let images = self.images(batch)?;
        let texts = self.passes.texts(&mut self.model, batch)?;
        let loss = self.loss(batch, logits, &images.features, &texts.features)?;
        let mut report = self.report(&loss, logits, learning_rate);
        report.image_rank = self.effective_rank(&images.features)?;
        report.text_rank = self.effective_rank(&texts.features)?;
        let gradients = self.backward(batch, [images, texts], loss)?;
        report.gradient_norm = self.gradient_norm(&gradients)?;
        report.gradient_factor = self.options.optimizer.gradient_factor(report.gradient_norm);
        Ok((report, gradients))
    }

    /// In how many directions features point.
    fn effective_rank(&self, features: &D::Rows) -> Result<f64, TrainError> {
        let width = self.model.architecture().embed_dim;
        Ok(effective_rank(&self.model.device().read(features)?, width))
    }

    /// What is known of a step when its loss is.
    fn report(
        &self,
        loss: &BatchLoss<D>,
        logits: LogitParameters,
        learning_rate: f64,
    ) -> StepReport {
        let logit_scale = f64::from(logits.scale);
        StepReport {
            step: self.steps,
            loss: loss.loss,
            parts: loss.parts,
            pairs: loss.pairs,
            image_to_text_accuracy: loss.image_to_text_accuracy,
            text_to_image_accuracy: loss.text_to_image_accuracy,
            gradient_norm: 0.0,
            gradient_factor: 1.0,
            learning_rate,
            logit_scale_before: logit_scale,
            logit_scale,
            image_rank: 0.0,
            text_rank: 0.0,
            not_finite: None,
        }
    }

    fn check(&self, batch: &Batch) -> Result<(), TrainError> {
        let (samples, keys, texts) = (batch.len(), batch.keys.len(), batch.texts.len());
        if samples == 0 {
            return Err(TrainError::EmptyBatch);
        }
        if keys != samples || texts != samples {
            return Err(TrainError::UnevenBatch { samples, keys, texts });
        }
        let resolution = self.model.architecture().image.resolution();
        let expected = samples * 3 * resolution * resolution;
        let is_needed = self.kept_images.is_none() || self.teacher.is_some();
        let may_be_absent = !is_needed && batch.pixels.is_empty();
        if batch.pixels.len() != expected && !may_be_absent {
            return Err(TrainError::WrongPixels { found: batch.pixels.len(), expected });
        }
        let pairs = self.collective.all_gather_u64(&[samples as u64])?;
        match pairs.iter().position(|&found| found != pairs[0]) {
            None => Ok(()),
            Some(rank) => {
                Err(TrainError::UnequalRanks { rank, found: pairs[rank], expected: pairs[0] })
            }
        }
    }

    /// Gradients of everything that is trained, summed over the ranks.
    fn backward(
        &mut self,
        batch: &Batch,
        [images, texts]: [Forward<D>; 2],
        loss: BatchLoss<D>,
    ) -> Result<StepGradients<D>, TrainError> {
        let mut gradients = self.zero_gradients()?;
        let mut reduction = GradientReduction::new(&self.collective);
        let slots = &self.slots;
        // An adapted weight has no slot: its gradient is not reduced, those of its adapter are.
        let mut on_ready = |device: &D, parameter: usize, gradients: &mut Gradients<D>| {
            if slots[parameter].is_some() {
                reduction.ready(device, parameter, gradients);
            }
        };
        self.passes.backward(
            &mut self.model,
            (batch, self.steps),
            (images.activations, loss.d_images),
            (texts.activations, loss.d_texts),
            &mut gradients,
            &mut on_ready,
        )?;
        let device = self.model.device();
        reduction.finish(device, &mut gradients)?;
        // The loss has summed these over the ranks already.
        for (name, value) in
            [("logit_scale", loss.d_logit_scale), ("logit_bias", loss.d_logit_bias)]
        {
            let index = self.model.index_of(name);
            if let Some(gradient) = index.and_then(|index| gradients.get_mut(index)) {
                device.write(gradient, &[value as f32])?;
            }
        }
        let mut adapters = Vec::new();
        for adapter in &self.adapters {
            if let Some(d_weight) = gradients.get(adapter.parameter) {
                let mut of_adapter = adapter.gradients(device, d_weight)?;
                sum_over_ranks(device, &*self.collective, &mut of_adapter.a)?;
                sum_over_ranks(device, &*self.collective, &mut of_adapter.b)?;
                adapters.push(of_adapter);
            }
        }
        Ok(StepGradients { parameters: gradients, adapters })
    }

    /// L2 norm over the gradients of everything that the optimiser moves.
    fn gradient_norm(&self, gradients: &StepGradients<D>) -> Result<f64, TrainError> {
        let device = self.model.device();
        let mut squares = 0.0;
        for (index, slot) in self.slots.iter().enumerate() {
            if let (Some(_), Some(gradient)) = (slot, gradients.parameters.get(index)) {
                squares += device.squared_norm(gradient)?;
            }
        }
        for adapter in &gradients.adapters {
            squares += device.squared_norm(&adapter.a)? + device.squared_norm(&adapter.b)?;
        }
        Ok(squares.sqrt())
    }

    /// AdamW, the clamp of `logit_scale`, the moving average.
    fn update(
        &mut self,
        gradients: &StepGradients<D>,
        report: &StepReport,
    ) -> Result<(), TrainError> {
        let update = Update {
            learning_rate: report.learning_rate,
            gradient_factor: report.gradient_factor,
            number: self.steps + 1,
        };
        let options = &self.options.optimizer;
        for (index, slot) in self.slots.iter_mut().enumerate() {
            if let (Some(slot), Some(gradient)) = (slot, gradients.parameters.get(index)) {
                let (device, parameter) = self.model.device_and_value_mut(index);
                slot.step(device, options, update, parameter, gradient)?;
            }
        }
        for (adapter, gradients) in self.adapters.iter_mut().zip(&gradients.adapters) {
            let (device, weight) = self.model.device_and_value_mut(adapter.parameter);
            adapter.step(device, options, update, gradients)?;
            *weight = adapter.weight(device)?;
        }
        self.clamp_logit_scale()?;
        self.average_batch_statistics()?;
        if let Some(average) = &mut self.average {
            average.update(&self.model)?;
        }
        self.steps += 1;
        Ok(())
    }

    fn zero_gradients(&self) -> Result<Gradients<D>, TrainError> {
        let architecture = self.model.architecture();
        let is_trained = |parameter: &Parameter| {
            plan::role(&self.options, architecture, parameter) != Role::Frozen
        };
        Ok(Gradients::zeros(&self.model, is_trained)?)
    }

    /// Brings `logit_scale` back to [0, largest] (PROTOCOL 2.3).
    fn clamp_logit_scale(&mut self) -> Result<(), TrainError> {
        let scale = self.model.logit_scale()?;
        let clamped = scale.clamp(0.0, self.options.optimizer.max_logit_scale);
        if let Some(index) = self.model.index_of("logit_scale")
            && clamped != scale
            && self.slots[index].is_some()
        {
            let (device, value) = self.model.device_and_value_mut(index);
            device.write(value, &[clamped])?;
        }
        Ok(())
    }

    /// Running statistics are the mean of what the ranks saw, so that all go on with the same.
    fn average_batch_statistics(&mut self) -> Result<(), TrainError> {
        let size = self.collective.size();
        if size == 1 || self.passes.batch_norm == BatchNormMode::Running {
            return Ok(());
        }
        for index in 0..self.model.parameters().len() {
            if !self.model.parameters()[index].kind.is_parameter() {
                let (device, value) = self.model.device_and_value_mut(index);
                let mut values = device.read(value)?;
                self.collective.all_reduce_sum(&mut values)?;
                values.iter_mut().for_each(|value| *value /= size as f32);
                device.write(value, &values)?;
            }
        }
        Ok(())
    }
}
