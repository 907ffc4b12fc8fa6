//! A model with made-up weights in training: one tower forward and back, or whole steps.

use std::hint::black_box;
use std::sync::Arc;

use clip_rs::model::parameters::{Parameter, Tower};
use clip_rs::model::{Architecture, Gradients, ImagePass, TrainableClip, synthetic};
use clip_rs::{InstructionSet, Overflow, Precision, Tokenizer};
use clip_train::distributed::Solo;
use clip_train::kernels::{Cpu, Reference, Train};
use clip_train::{Batch, Trainer, TrainerOptions};

/// Of weights and pictures; the peers of `bench/train_peers.py` have the same.
const SEED: u64 = 1;

/// What is trained, and how.
#[derive(Debug, Clone)]
pub(super) struct Setup {
    pub(super) architecture: Architecture,
    pub(super) precision: Precision,
    pub(super) checkpointing: bool,
}

/// What can be timed, whatever the device.
pub(super) trait Training {
    /// Forward and backward of the image tower.
    fn tower(&mut self, pixels: &[f32]) -> anyhow::Result<()>;

    /// One step, and its loss. At a learning rate of 0 no weight changes.
    fn step(&mut self, batch: &Batch, learning_rate: f64) -> anyhow::Result<f64>;
}

/// A model in training on the device of this instruction set.
pub(super) fn training(instruction_set: InstructionSet, setup: Setup) -> Box<dyn Training> {
    match instruction_set {
        InstructionSet::Cpu(isa) => Box::new(OnDevice::new(Cpu::with_isa(isa), setup)),
        InstructionSet::Reference => Box::new(OnDevice::new(Reference, setup)),
    }
}

/// Normalised network input `[count, 3, resolution, resolution]`, by formula.
pub(super) fn pixels(architecture: &Architecture, count: usize) -> Vec<f32> {
    let resolution = architecture.image.resolution();
    synthetic::uniform(SEED, "train.pixels", count * 3 * resolution * resolution, 1.5, 0.0)
}

/// As many pairs as asked for: pictures by formula, and the texts over and over.
pub(super) fn batch(architecture: &Architecture, texts: &[impl AsRef<str>], count: usize) -> Batch {
    let (tokenizer, length) = (Tokenizer::new(), architecture.text.context_length);
    let texts = texts.iter().cycle().take(count);
    let ids = texts.filter_map(|text| {
        let tokens = tokenizer.tokenize(text.as_ref(), length, Overflow::Truncate);
        tokens.ok().map(|tokens| tokens.ids)
    });
    Batch {
        samples: (0..count as u64).collect(),
        keys: (0..count).map(|pair| pair.to_string()).collect(),
        pixels: pixels(architecture, count),
        texts: ids.collect(),
    }
}

/// One of two forms of the model, whichever was asked for last.
struct OnDevice<D: Train> {
    device: D,
    setup: Setup,
    tower: Option<TrainableClip<D>>,
    trainer: Option<Trainer<D>>,
}

impl<D: Train + Copy> OnDevice<D> {
    fn new(device: D, setup: Setup) -> OnDevice<D> {
        OnDevice { device, setup, tower: None, trainer: None }
    }

    fn model(&self) -> anyhow::Result<TrainableClip<D>> {
        let Setup { architecture, precision, .. } = &self.setup;
        let weights = synthetic::state_dict(architecture, SEED);
        Ok(TrainableClip::new(self.device, *precision, architecture, &weights)?)
    }

    fn trainer(&self) -> anyhow::Result<Trainer<D>> {
        let options = TrainerOptions {
            checkpointing: self.setup.checkpointing,
            ..TrainerOptions::of_family(&self.setup.architecture.image)
        };
        Ok(Trainer::new(self.model()?, options, Arc::new(Solo))?)
    }

    fn tower_in_region(&mut self, pixels: &[f32]) -> anyhow::Result<()> {
        let mut model = self.tower.take().map_or_else(|| self.model(), Ok)?;
        let pass = ImagePass { checkpointing: self.setup.checkpointing, ..ImagePass::default() };
        let (features, activations) = model.encode_images(pixels, &pass)?;
        let count = self.device.read(&features)?.len();
        let d_features = synthetic::uniform(SEED, "train.gradient", count, 1.0, 0.0);
        let d_features = self.device.to_device(d_features, self.setup.architecture.embed_dim)?;
        let of_tower = |parameter: &Parameter| parameter.tower == Tower::Image;
        let mut gradients = Gradients::zeros(&model, of_tower)?;
        model.image_backward(activations, d_features, &mut gradients, &mut |_, _| {})?;
        drop(black_box(gradients));
        self.tower = Some(model);
        Ok(())
    }
}

impl<D: Train + Copy> Training for OnDevice<D> {
    fn tower(&mut self, pixels: &[f32]) -> anyhow::Result<()> {
        self.trainer = None;
        D::step_region(|| self.tower_in_region(pixels))
    }

    fn step(&mut self, batch: &Batch, learning_rate: f64) -> anyhow::Result<f64> {
        self.tower = None;
        let mut trainer = self.trainer.take().map_or_else(|| self.trainer(), Ok)?;
        let loss = trainer.step(batch, learning_rate)?.loss;
        self.trainer = Some(trainer);
        Ok(loss)
    }
}
