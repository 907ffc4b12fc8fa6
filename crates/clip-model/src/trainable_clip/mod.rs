//! A CLIP that is trained: its parameters, and both towers forward and back (PROTOCOL 1, 2).
//!
//! ```text
//! pixels, texts ── encode_images, encode_texts ──▶ features NOT normalised, activations
//!                                                      │ the loss
//! gradients ◀── image_backward, text_backward ◀── gradients of the features
//! ```

use crate::checkpoint::finite::check_scale;
use crate::gradients::Gradients;
use crate::layers::{Loader, Places};
use crate::parameter_rows::{rows, to_rows, to_tensor, width};
use crate::parameters::{Parameter, ParameterKind};
use crate::towers::{TrainableImageTower, TrainableTextTransformer};
use crate::{Architecture, CheckpointError, StateDict, Tensor};
use clip_kernels::{Precision, Result, Train};
use std::collections::{BTreeMap, HashMap};

mod passes;

pub use passes::{ImageActivations, TextActivations};

/// A CLIP that is trained, on one device.
///
/// Parameters are rows of f32 ([`TrainableClip::parameters`] lists them): a matrix as the file has
/// it, a vector or scalar one row, a ResNet's convolution `[outputs, kernel² · channels]` with its
/// channels last. Weights are packed anew for each product, so that whatever changes a value is
/// seen by the next pass. Gradients have the same bits for any number of threads.
pub struct TrainableClip<D: Train> {
    device: D,
    precision: Precision,
    architecture: Architecture,
    parameters: Vec<Parameter>,
    by_name: HashMap<String, usize>,
    values: Vec<D::Rows>,
    /// `num_batches_tracked` of each batch norm.
    batches_seen: BTreeMap<String, i64>,
    image_tower: TrainableImageTower,
    text_tower: TrainableTextTransformer,
}

/// Running statistics and counters of batch norms.
#[derive(Debug, Clone, PartialEq)]
pub struct BatchStatistics {
    /// By the parameters' indices.
    running: Vec<(usize, Vec<f32>)>,
    batches_seen: BTreeMap<String, i64>,
}

impl<D: Train> TrainableClip<D> {
    /// Brings the weights to the device. The state dict is not needed afterwards.
    ///
    /// - `precision`: of products, f32 or bf16; everything else is f32
    ///
    /// # Errors
    /// [`CheckpointError::NotClip`] when the architecture's sizes do not fit together,
    /// [`CheckpointError::Unsupported`] for int8, [`CheckpointError::NotFinite`] where a value is
    /// NaN or infinite, [`CheckpointError::WrongScale`], [`CheckpointError::Device`], or what
    /// [`StateDict::floats`] says about a tensor it needs.
    pub fn new(
        device: D,
        precision: Precision,
        architecture: &Architecture,
        weights: &StateDict,
    ) -> Result<Self, CheckpointError> {
        let path = || weights.path().to_path_buf();
        let trainable = architecture.validate().and_then(|()| has_blocks(architecture));
        trainable.map_err(|problem| CheckpointError::NotClip { path: path(), problem })?;
        if precision == Precision::Int8 {
            let (found, supported) = ("training in int8".to_owned(), "f32 and bf16 are".to_owned());
            return Err(CheckpointError::Unsupported { path: path(), found, supported });
        }
        weights.check(architecture)?;
        check_scale(weights)?;
        let (counters, parameters): (Vec<_>, Vec<_>) = architecture
            .parameters()
            .into_iter()
            .partition(|parameter| parameter.kind == ParameterKind::BatchCounter);
        let loader = Loader::new(&device, weights, precision);
        let values = parameters
            .iter()
            .map(|parameter| {
                let values = loader.values(&parameter.name)?.into_vec();
                Ok(to_rows(&device, parameter, values)?)
            })
            .collect::<Result<Vec<_>, CheckpointError>>()?;
        let seen = |name: &str| weights.get(name)?.to_i64()?.first().copied();
        let batches_seen = counters
            .into_iter()
            .map(|Parameter { name, .. }| (seen(&name).unwrap_or_default(), name))
            .map(|(seen, name)| (name, seen))
            .collect();
        let names = parameters.iter().map(|parameter| parameter.name.clone());
        let by_name: HashMap<String, usize> = names.zip(0..).collect();
        let places = Places::new(&parameters, &by_name);
        let image_tower = TrainableImageTower::find(&places.at("visual"), architecture);
        let text_tower = TrainableTextTransformer::find(&places, architecture);
        let architecture = architecture.clone();
        Ok(Self {
            device,
            precision,
            architecture,
            parameters,
            by_name,
            values,
            batches_seen,
            image_tower,
            text_tower,
        })
    }

    /// What the model is made of.
    pub fn architecture(&self) -> &Architecture {
        &self.architecture
    }

    /// The device that computes it.
    pub fn device(&self) -> &D {
        &self.device
    }

    /// Of products.
    pub fn precision(&self) -> Precision {
        self.precision
    }

    /// [`Architecture::parameters`] without batch counters: a place in this list is a parameter's
    /// index everywhere. Running statistics of batch norms stand in it too.
    pub fn parameters(&self) -> &[Parameter] {
        &self.parameters
    }

    /// The index of the parameter of this name.
    pub fn index_of(&self, name: &str) -> Option<usize> {
        self.by_name.get(name).copied()
    }

    /// A parameter.
    ///
    /// # Panics
    /// When there is none of this index.
    pub fn value(&self, parameter: usize) -> &D::Rows {
        &self.values[parameter]
    }

    /// A parameter, to be changed.
    ///
    /// # Panics
    /// When there is none of this index.
    pub fn value_mut(&mut self, parameter: usize) -> &mut D::Rows {
        &mut self.values[parameter]
    }

    /// A parameter, to be changed by the device.
    ///
    /// # Panics
    /// When there is none of this index.
    pub fn device_and_value_mut(&mut self, parameter: usize) -> (&D, &mut D::Rows) {
        (&self.device, &mut self.values[parameter])
    }

    /// Running statistics and counters of all batch norms, to go back to.
    ///
    /// # Errors
    /// As of the device.
    pub fn batch_statistics(&self) -> Result<BatchStatistics> {
        let running = |(index, parameter): (usize, &Parameter)| {
            (!parameter.kind.is_parameter())
                .then(|| Ok((index, self.device.read(&self.values[index])?)))
        };
        let running = self.parameters.iter().enumerate().filter_map(running);
        let batches_seen = self.batches_seen.clone();
        Ok(BatchStatistics { running: running.collect::<Result<_>>()?, batches_seen })
    }

    /// Undoes what forward passes did since these were taken.
    ///
    /// # Errors
    /// As of the device.
    pub fn restore_batch_statistics(&mut self, statistics: &BatchStatistics) -> Result<()> {
        self.batches_seen.clone_from(&statistics.batches_seen);
        for (index, values) in &statistics.running {
            self.device.write(&mut self.values[*index], values)?;
        }
        Ok(())
    }

    /// What similarities are multiplied with, as the logarithm that is trained.
    ///
    /// # Errors
    /// As of the device.
    pub fn logit_scale(&self) -> Result<f32> {
        self.scalar("logit_scale").map(Option::unwrap_or_default)
    }

    /// The bias of the sigmoid loss, where there is one.
    ///
    /// # Errors
    /// As of the device.
    pub fn logit_bias(&self) -> Result<Option<f32>> {
        self.scalar("logit_bias")
    }

    fn scalar(&self, name: &str) -> Result<Option<f32>> {
        let Some(index) = self.index_of(name) else { return Ok(None) };
        Ok(self.device.read(&self.values[index])?.first().copied())
    }

    /// Everything under the names and in the shapes and orders of a file, in f32; batch counters
    /// are integers.
    ///
    /// # Errors
    /// As of the device.
    pub fn state_dict(&self) -> Result<StateDict> {
        self.state_dict_of(|parameter| &self.values[parameter])
    }

    /// The same with other values for the parameters, as of a moving average.
    ///
    /// # Errors
    /// As of the device.
    pub fn state_dict_of<'a>(&self, value: impl Fn(usize) -> &'a D::Rows) -> Result<StateDict>
    where
        D: 'a,
    {
        let mut tensors = BTreeMap::new();
        for (index, parameter) in self.parameters.iter().enumerate() {
            tensors.insert(parameter.name.clone(), self.tensor_of(index, value(index))?);
        }
        for (name, &seen) in &self.batches_seen {
            tensors.insert(name.clone(), Tensor::from_i64(&[], &[seen]));
        }
        Ok(StateDict::from_tensors("the model in training", tensors))
    }

    /// Rows of a parameter's shape, its gradient or a moment, as a tensor in the shape and order of
    /// a file.
    ///
    /// # Errors
    /// As of the device.
    pub fn tensor_of(&self, parameter: usize, rows: &D::Rows) -> Result<Tensor> {
        to_tensor(&self.device, &self.parameters[parameter], rows)
    }

    /// The way back: a tensor in the shape and order of a file as rows.
    ///
    /// # Errors
    /// As of the device.
    ///
    /// # Panics
    /// When the tensor has another number of values.
    pub fn rows_of(&self, parameter: usize, tensor: &Tensor) -> Result<D::Rows> {
        let parameter = &self.parameters[parameter];
        assert_eq!(tensor.elements(), rows(parameter) * width(parameter), "{}", parameter.name);
        to_rows(&self.device, parameter, tensor.to_f32())
    }
}

impl<D: Train> Gradients<D> {
    /// Zeros for what is trained. Running statistics never are.
    ///
    /// # Errors
    /// As of the device.
    pub fn zeros(
        model: &TrainableClip<D>,
        is_trained: impl Fn(&Parameter) -> bool,
    ) -> Result<Self> {
        let zeros = |parameter: &Parameter| {
            let trains = parameter.kind.is_parameter() && is_trained(parameter);
            trains.then(|| model.device.zeros(rows(parameter), width(parameter))).transpose()
        };
        let all = || model.parameters.iter().map(zeros).collect::<Result<_>>();
        model.device.parallel_region(all).map(Self::new)
    }
}

/// A tower without a block has no last one, which only its pooled rows go through.
fn has_blocks(architecture: &Architecture) -> Result<(), String> {
    match architecture.image {
        crate::ImageArchitecture::VisionTransformer { layers: 0, .. } => {
            Err("the image tower has no residual blocks".to_owned())
        }
        _ => Ok(()),
    }
}
