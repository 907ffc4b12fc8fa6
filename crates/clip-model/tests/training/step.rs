//! One step of contrastive training: forward, the loss of both directions, and back.

use clip_kernels::{Cpu, Isa, Precision, Targets, Train};
use clip_model::{
    Architecture, BatchNormMode, Gradients, ImagePass, StateDict, TrainableClip,
    parameters::Parameter,
};

/// Pairs, and how they go through the towers.
#[derive(Clone)]
pub(crate) struct Pairs {
    pub(crate) pixels: Vec<f32>,
    pub(crate) texts: Vec<Vec<u32>>,
    pub(crate) pass: ImagePass,
}

/// What came of it: values as files have them.
pub(crate) struct Step {
    pub(crate) loss: f64,
    /// By index; nothing where the parameter is frozen.
    pub(crate) gradients: Vec<Option<Vec<f32>>>,
    /// Indices in the order in which gradients were whole, both towers together.
    pub(crate) ready: Vec<usize>,
    /// Of all parameters after the pass: running statistics have moved.
    pub(crate) values: Vec<Vec<f32>>,
}

impl Pairs {
    pub(crate) fn new(pixels: Vec<f32>, texts: Vec<Vec<u32>>) -> Self {
        Self { pixels, texts, pass: ImagePass::default() }
    }

    pub(crate) fn checkpointing(self) -> Self {
        Self { pass: ImagePass { checkpointing: true, ..self.pass }, ..self }
    }

    pub(crate) fn frozen_batch_norm(self) -> Self {
        Self { pass: ImagePass { batch_norm: BatchNormMode::Running, ..self.pass }, ..self }
    }

    pub(crate) fn keeping(self, patches: Vec<Vec<usize>>) -> Self {
        Self { pass: ImagePass { kept_patches: Some(patches), ..self.pass }, ..self }
    }

    pub(crate) fn text_slices(&self) -> Vec<&[u32]> {
        self.texts.iter().map(Vec::as_slice).collect()
    }
}

pub(crate) fn model<D: Train>(
    device: D,
    precision: Precision,
    architecture: &Architecture,
    weights: &StateDict,
) -> TrainableClip<D> {
    TrainableClip::new(device, precision, architecture, weights).unwrap()
}

/// Every parameter that can be trained.
pub(crate) fn all(_: &Parameter) -> bool {
    true
}

/// The loss of PROTOCOL 2.3 and all gradients.
pub(crate) fn step<D: Train>(
    model: &mut TrainableClip<D>,
    pairs: &Pairs,
    is_trained: impl Fn(&Parameter) -> bool,
) -> Step {
    let mut gradients = Gradients::zeros(model, is_trained).unwrap();
    let (images, of_images) = model.encode_images(&pairs.pixels, &pairs.pass).unwrap();
    let texts = pairs.text_slices();
    let (texts, of_texts) = model.encode_texts(&texts, pairs.pass.checkpointing).unwrap();
    let scale = model.logit_scale().unwrap().exp();
    let loss = contrastive(model.device(), &images, &texts, scale, pairs.texts.len());
    let mut ready = Vec::new();
    let mut on_ready = |parameter, _: &mut Gradients<D>| ready.push(parameter);
    model.image_backward(of_images, loss.d_images, &mut gradients, &mut on_ready).unwrap();
    model.text_backward(of_texts, loss.d_texts, &mut gradients, &mut on_ready).unwrap();
    let place = model.index_of("logit_scale").unwrap();
    if let Some(gradient) = gradients.get_mut(place) {
        let d_logit_scale = (f64::from(scale) * loss.d_scale) as f32;
        model.device().write(gradient, &[d_logit_scale]).unwrap();
    }
    let values = |index, rows| model.tensor_of(index, rows).unwrap().to_f32();
    let indices = 0..model.parameters().len();
    Step {
        loss: loss.loss,
        ready,
        gradients: indices
            .clone()
            .map(|index| gradients.get(index).map(|rows| values(index, rows)))
            .collect(),
        values: indices.map(|index| values(index, model.value(index))).collect(),
    }
}

pub(crate) struct Contrastive<D: Train> {
    pub(crate) loss: f64,
    d_images: D::Rows,
    d_texts: D::Rows,
    d_scale: f64,
}

/// Of features that are not normalised yet.
pub(crate) fn contrastive<D: Train>(
    device: &D,
    images: &D::Rows,
    texts: &D::Rows,
    scale: f32,
    pairs: usize,
) -> Contrastive<D> {
    let (x, y) = (device.normalize(images).unwrap(), device.normalize(texts).unwrap());
    let weight = 0.5 / pairs as f64;
    let direction = |queries, keys| {
        let targets = Targets::Diagonal { first: 0 };
        device.cross_entropy(queries, keys, scale, targets, weight).unwrap()
    };
    let (to_text, to_image) = (direction(&x, &y), direction(&y, &x));
    let d_x = device.add(to_text.d_queries, &to_image.d_keys).unwrap();
    let d_y = device.add(to_image.d_queries, &to_text.d_keys).unwrap();
    Contrastive {
        loss: to_text.loss + to_image.loss,
        d_images: device.normalize_backward(images, &d_x).unwrap(),
        d_texts: device.normalize_backward(texts, &d_y).unwrap(),
        d_scale: to_text.d_scale + to_image.d_scale,
    }
}

/// The processor with each of its instruction sets.
pub(crate) fn processors() -> impl Iterator<Item = Cpu> {
    Isa::available().map(Cpu::with_isa)
}

/// Whether these are the same bits; the first difference is named.
pub(crate) fn assert_same_bits(a: &[f32], b: &[f32], case: &str) {
    let differs = a.iter().zip(b).position(|(a, b)| a.to_bits() != b.to_bits());
    assert_eq!((a.len(), differs), (b.len(), None), "{case}");
}

impl Step {
    /// Whether the gradients that both have are the same bits, and so is all else.
    pub(crate) fn assert_same_bits(&self, other: &Step, parameters: &[Parameter], case: &str) {
        assert_eq!(self.loss.to_bits(), other.loss.to_bits(), "{case}: loss");
        for (index, Parameter { name, .. }) in parameters.iter().enumerate() {
            let case = format!("{case}: {name}");
            if let (Some(a), Some(b)) = (&self.gradients[index], &other.gradients[index]) {
                assert_same_bits(a, b, &case);
            }
            assert_same_bits(&self.values[index], &other.values[index], &case);
        }
    }
}
