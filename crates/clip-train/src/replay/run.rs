//! The steps of a case.

use super::case::{Case, InitialRow, Step, tensors};
use super::compare::{
    self, KEY_BIAS, Tensors, WEIGHT, larger, largest, moment_summaries, weight_summaries,
    without_key_bias,
};
use super::error::ReplayError;
use super::report::{CaseReport, Errors, WorstTensor};
use crate::distributed::{Collective, Solo};
use crate::error::TrainError;
use crate::options::TrainerOptions;
use crate::report::StepReport;
use crate::schedule::{Decay, Schedule};
use crate::step::StepGradients;
use crate::trainer::Trainer;
use clip_kernels::{Precision, Train};
use clip_model::{Architecture, StateDict, TrainableClip};
use std::path::Path;
use std::sync::Arc;

/// Gradient norms and moments, relative.
pub(super) const NORM: f64 = 2e-5;
/// Moments are made of twelve gradients, each of weights that differ a little more.
const MOMENT: f64 = 2e-4;

/// A case while it is replayed.
pub(super) struct Run<'a, D: Train> {
    pub(super) path: &'a Path,
    /// Whether the tensors lie beside the case; what only they say is left out otherwise.
    pub(super) has_tensors: bool,
    pub(super) case: &'a Case,
    pub(super) device: &'a D,
    pub(super) architecture: Architecture,
    pub(super) initial: StateDict,
    pub(super) errors: Errors,
    /// Of losses.
    pub(super) tolerance: f64,
}

impl<'a, D: Train + Clone> Run<'a, D> {
    /// Checks that the case is whole and that the formulas give its weights and batches.
    pub(super) fn new(
        path: &'a Path,
        case: &'a Case,
        device: &'a D,
        initial: StateDict,
    ) -> Result<Self, ReplayError> {
        let architecture = case.config.architecture(path)?;
        case.check_formula(path)?;
        let tolerance = if case.config.is_resnet() { 1e-4 } else { 2e-5 };
        let errors = Errors::default();
        let has_tensors = true;
        Ok(Self { path, has_tensors, case, device, architecture, initial, errors, tolerance })
    }

    /// A trainer with these weights.
    pub(super) fn trainer(
        &self,
        weights: &StateDict,
        options: TrainerOptions,
        collective: Arc<dyn Collective>,
    ) -> Result<Trainer<D>, ReplayError> {
        let mut architecture = self.architecture.clone();
        architecture.logit_bias = weights.get("logit_bias").is_some();
        let model =
            TrainableClip::new(self.device.clone(), Precision::F32, &architecture, weights)?;
        Ok(Trainer::new(model, options, collective)?)
    }

    /// A trainer at the beginning.
    pub(super) fn beginning(&self, options: TrainerOptions) -> Result<Trainer<D>, ReplayError> {
        self.trainer(&self.initial, options, Arc::new(Solo))
    }

    /// The hyper-parameters of the case.
    pub(super) fn options(&self) -> TrainerOptions {
        let config = &self.case.config;
        let mut options = TrainerOptions::of_family(&self.architecture.image);
        let optimizer = &mut options.optimizer;
        [optimizer.beta1, optimizer.beta2] = config.betas;
        optimizer.eps = config.eps;
        optimizer.weight_decay = config.weight_decay;
        optimizer.clip_norm = Some(config.grad_clip);
        options
    }

    fn schedule(&self) -> Schedule {
        let config = &self.case.config;
        Schedule {
            peak: config.lr,
            warmup: config.warmup,
            total: config.steps,
            decay: Decay::Cosine,
        }
    }

    /// Makes the steps; notes the errors of each. Returns those of losses and of norms.
    pub(super) fn follow(
        &mut self,
        name: &str,
        trainer: &mut Trainer<D>,
        steps: &[Step],
    ) -> Result<Followed, ReplayError> {
        let mut followed = Followed::default();
        for (number, expected) in (0..).zip(steps) {
            let learning_rate = self.schedule().learning_rate(number);
            let rate = (learning_rate - expected.lr).abs() / self.case.config.lr;
            self.errors.hold(&format!("{name}step {number}: learning rate"), rate, 1e-12);
            let found = trainer.step(&self.case.batch(number), learning_rate)?;
            if let Some(what) = &found.not_finite {
                self.errors.failures.push(format!("{name}step {number}: {what} is not finite"));
            }
            followed.compare(&found, expected);
        }
        self.errors.hold(&format!("{name}loss"), followed.loss, self.tolerance);
        self.errors.hold(&format!("{name}gradient norm"), followed.norm, NORM);
        self.errors.hold(&format!("{name}gradient factor"), followed.factor, NORM);
        self.errors.hold(&format!("{name}logit_scale"), followed.logit_scale, self.tolerance);
        Ok(followed)
    }

    /// Everything: the steps and what they leave behind, the first gradients, the variants.
    pub(super) fn report(mut self) -> Result<CaseReport, ReplayError> {
        let options =
            TrainerOptions { moving_average: Some(self.case.ema.decay), ..self.options() };
        let mut trainer = self.beginning(options)?;
        let followed = self.follow("", &mut trainer, &self.case.steps)?;
        self.moments(&mut trainer)?;
        let average = trainer.with_average(TrainableClip::state_dict).map_err(TrainError::from)?;
        weight_summaries("ema", &values(&average), &self.case.ema.after, &mut self.errors);
        let trained = trainer.model().state_dict().map_err(TrainError::from)?;
        self.evaluation(&trained)?;
        let (mut final_max_abs, mut final_key_bias_max_abs) = (0.0, 0.0);
        let mut step0_grads_worst = WorstTensor { tensor: String::new(), relative_l2: 0.0 };
        if self.has_tensors {
            (final_max_abs, final_key_bias_max_abs) = self.last(&trained)?;
            step0_grads_worst = self.first_gradients()?;
        }
        self.decay();
        self.variants()?;
        let (variants, failures) = self.errors.finish();
        Ok(CaseReport {
            case: self.path.file_stem().unwrap_or_default().to_string_lossy().into_owned(),
            loss_max_abs: followed.loss,
            grad_norm_max_rel: followed.norm,
            step0_grads_worst,
            final_max_abs,
            ok: failures.is_empty(),
            grad_factor_max_abs: followed.factor,
            logit_scale_max_abs: followed.logit_scale,
            final_key_bias_max_abs,
            variants,
            failures,
        })
    }

    fn moments(&mut self, trainer: &mut Trainer<D>) -> Result<(), ReplayError> {
        let state = trainer.state()?;
        let (zero, case) = (&self.case.gradients_that_are_zero_by_symmetry, self.case);
        for (kind, expected) in [
            ("first_moment", &case.first_moment_after),
            ("second_moment", &case.second_moment_after),
        ] {
            let mut found = Tensors::new();
            for (name, tensor) in state.tensors.iter() {
                if let Some(name) = name.strip_prefix(kind).and_then(|name| name.strip_prefix('.'))
                {
                    found.insert(name.to_owned(), tensor.to_f32());
                }
            }
            moment_summaries(kind, (MOMENT, zero), &found, expected, &mut self.errors);
        }
        Ok(())
    }

    /// The trained model in evaluation mode.
    fn evaluation(&mut self, trained: &StateDict) -> Result<(), ReplayError> {
        let options = TrainerOptions { freeze_batch_norm: true, ..self.options() };
        let mut trainer = self.trainer(trained, options, Arc::new(Solo))?;
        let batch = self.case.batch(0);
        let (report, _) = trainer.gradients(&batch, 0.0)?;
        let expected = &self.case.evaluation_after_training;
        let error = (report.loss - expected.loss).abs();
        self.errors.note("evaluation", "loss_abs", error, self.tolerance.max(WEIGHT));
        let [images, texts] = trainer.embeddings(&batch)?;
        for (found, expected) in [
            (images, &expected.image_features_first_row),
            (texts, &expected.text_features_first_row),
        ] {
            let pairs = found.iter().zip(expected);
            let error = largest(pairs.map(|(&value, expected)| f64::from(value) - expected));
            self.errors.note("evaluation", "features_max_abs", error, WEIGHT);
        }
        Ok(())
    }

    /// The weights after the last step: largest errors of those that have a gradient, and of key
    /// biases.
    fn last(&mut self, trained: &StateDict) -> Result<(f64, f64), ReplayError> {
        let expected = tensors(self.path, "final")?;
        let (mut weights, mut key_biases) = (0.0, 0.0);
        for (name, tensor) in expected.iter() {
            let Some(found) = trained.get(name).filter(|found| found.shape() == tensor.shape())
            else {
                self.errors.failures.push(format!("final: `{name}` is missing"));
                continue;
            };
            let pairs = found.to_f32().into_iter().zip(tensor.to_f32());
            let differences: Vec<f64> = pairs.map(|(a, b)| f64::from(a) - f64::from(b)).collect();
            let (rest, keys) = without_key_bias(name, &differences);
            let error = largest(rest);
            self.errors.hold(&format!("final: `{name}`"), error, WEIGHT);
            weights = larger(error, weights);
            key_biases = larger(largest(keys), key_biases);
        }
        self.errors.hold("final: key biases", key_biases, KEY_BIAS);
        Ok((weights, key_biases))
    }

    /// Which parameters decay.
    fn decay(&mut self) {
        let options = self.options().optimizer;
        let parameters = self.architecture.parameters();
        for InitialRow(name, .., expected) in &self.case.initial.rows {
            let parameter = parameters.iter().find(|parameter| parameter.name == *name);
            let decays = |parameter| options.group(&self.architecture, parameter).decays();
            if expected.is_some_and(|expected| parameter.map(decays) != Some(expected)) {
                self.errors.failures.push(format!("weight decay of `{name}`"));
            }
        }
    }

    fn first_gradients(&mut self) -> Result<WorstTensor, ReplayError> {
        let expected = tensors(self.path, "step0_grads")?;
        let mut trainer = self.beginning(self.options())?;
        let (_, gradients) = trainer.gradients(&self.case.batch(0), 0.0)?;
        let found = gradient_values(&trainer, &gradients)?;
        Ok(compare::gradients(&found, &expected, &mut self.errors))
    }
}

/// Gradients by name, in the order of a file.
pub(super) fn gradient_values<D: Train>(
    trainer: &Trainer<D>,
    gradients: &StepGradients<D>,
) -> Result<Tensors, TrainError> {
    let model = trainer.model();
    let mut found = Tensors::new();
    for (index, parameter) in model.parameters().iter().enumerate() {
        if let Some(gradient) = gradients.parameters.get(index) {
            found.insert(parameter.name.clone(), model.tensor_of(index, gradient)?.to_f32());
        }
    }
    Ok(found)
}

/// The floating-point tensors of a state dict.
pub(super) fn values(weights: &StateDict) -> Tensors {
    let floats = weights.iter().filter(|(_, tensor)| tensor.dtype().is_float());
    floats.map(|(name, tensor)| (name.to_owned(), tensor.to_f32())).collect()
}

/// Largest errors over the steps.
#[derive(Debug, Default)]
pub(super) struct Followed {
    pub(super) loss: f64,
    /// Relative.
    pub(super) norm: f64,
    pub(super) factor: f64,
    pub(super) logit_scale: f64,
}

impl Followed {
    fn compare(&mut self, found: &StepReport, expected: &Step) {
        let difference = |found: f64, expected: f64| (found - expected).abs();
        let norm = difference(found.gradient_norm, expected.grad_norm) / expected.grad_norm;
        self.loss = larger(difference(found.loss, expected.loss), self.loss);
        self.norm = larger(norm, self.norm);
        let factor = difference(found.gradient_factor, expected.grad_factor);
        self.factor = larger(factor, self.factor);
        let before = difference(found.logit_scale_before, expected.logit_scale_before);
        let after = difference(found.logit_scale, expected.logit_scale_after);
        self.logit_scale = larger(larger(before, after), self.logit_scale);
    }
}
