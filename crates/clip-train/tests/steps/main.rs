//! What a step promises, on a tiny model: micro-batches, going on, skipping, locks, adapters.

mod exact;
mod finite;
mod partly;
mod state;

use clip_kernels::{Cpu, Precision};
use clip_model::{
    Activation, Architecture, ImageArchitecture, StateDict, TextArchitecture, TextPooling,
    TrainableClip, initialization, synthetic,
};
use clip_train::distributed::Solo;
use clip_train::{Batch, Trainer, TrainerOptions};
use std::sync::Arc;

fn vit() -> Architecture {
    let image = ImageArchitecture::VisionTransformer {
        resolution: 24,
        patch_size: 8,
        width: 32,
        layers: 2,
        heads: 2,
        mlp_width: 64,
    };
    of(image)
}

fn resnet() -> Architecture {
    let (resolution, width, blocks, heads) = (32, 4, [1; 4], 2);
    of(ImageArchitecture::ModifiedResNet { resolution, width, blocks, heads })
}

fn of(image: ImageArchitecture) -> Architecture {
    let text = TextArchitecture {
        context_length: 8,
        vocab_size: 32,
        width: 32,
        layers: 2,
        heads: 2,
        mlp_width: 64,
        pooling: TextPooling::Argmax,
    };
    let (embed_dim, activation) = (16, Activation::QuickGelu);
    Architecture { embed_dim, image, text, activation, logit_bias: false }
}

fn batch(architecture: &Architecture, number: u64) -> Batch {
    let (pairs, resolution) = (8, architecture.image.resolution());
    let mut batch = Batch::default();
    for i in 0..pairs {
        let sample = number * pairs + i;
        let words = synthetic::words(7, &format!("text {sample}"), 1 + sample as u32 % 5);
        batch.samples.push(sample);
        batch.keys.push(format!("shard-0/{sample}"));
        batch
            .texts
            .push([30].into_iter().chain(words.iter().map(|w| w % 30)).chain([31]).collect());
        let values = 3 * resolution * resolution;
        let pixels = synthetic::uniform(7, &format!("image {sample}"), values, 1.5, 0.0);
        batch.pixels.extend(pixels);
    }
    batch
}

fn options(architecture: &Architecture) -> TrainerOptions {
    let mut options = TrainerOptions::of_family(&architecture.image);
    options.seed = 11;
    options
}

fn trainer(architecture: &Architecture, options: TrainerOptions) -> Trainer<Cpu> {
    with_weights(architecture, options, &initialization::state_dict(architecture, 3))
}

fn with_weights(
    architecture: &Architecture,
    options: TrainerOptions,
    weights: &StateDict,
) -> Trainer<Cpu> {
    let model = TrainableClip::new(Cpu::new(), Precision::F32, architecture, weights).unwrap();
    Trainer::new(model, options, Arc::new(Solo)).unwrap()
}

fn in_precision(
    precision: Precision,
    architecture: &Architecture,
    options: TrainerOptions,
) -> Trainer<Cpu> {
    let weights = initialization::state_dict(architecture, 3);
    let model = TrainableClip::new(Cpu::new(), precision, architecture, &weights).unwrap();
    Trainer::new(model, options, Arc::new(Solo)).unwrap()
}

const RATE: f64 = 1e-3;

fn weights(trainer: &Trainer<Cpu>) -> StateDict {
    trainer.model().state_dict().unwrap()
}

/// Names of the tensors whose bits differ.
fn changed(before: &StateDict, after: &StateDict) -> Vec<String> {
    assert!(before.names().eq(after.names()));
    let pairs = before.iter().zip(after.iter());
    let differ = pairs.filter(|((_, a), (_, b))| a.to_contiguous() != b.to_contiguous());
    differ.map(|((name, _), _)| name.to_owned()).collect()
}
