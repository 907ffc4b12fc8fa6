//! A batch on its way through the towers, whole or in micro-batches.
//!
//! The loss needs the features of all pairs. Where their activations do not fit into memory, the
//! features are computed first, without activations, and then once more for each micro-batch whose
//! backward pass follows at once (PROTOCOL 2.7). An image's and a text's features do not depend on
//! their neighbours, so both passes give the same bits, and so have the loss, the accuracies and the
//! gradients of `logit_scale` and `logit_bias`, which are added once. Gradients of other parameters
//! are sums over pairs in another order: equal to rounding. Batch norms in training see
//! micro-batches, and their running statistics move in both passes.

use crate::batch::Batch;
use crate::error::TrainError;
use clip_kernels::Train;
use clip_model::random::Stream;
use clip_model::{
    BatchNormMode, Gradients, ImageActivations, ImagePass, TextActivations, TrainableClip,
};
use std::ops::Range;

/// How batches go through the towers.
#[derive(Debug, Clone)]
pub(crate) struct Passes {
    pub(crate) trains_images: bool,
    pub(crate) trains_texts: bool,
    pub(crate) batch_norm: BatchNormMode,
    pub(crate) checkpointing: bool,
    pub(crate) micro_batches: usize,
    /// Patches of a picture, and how many of them a step sees; nothing where it sees all.
    pub(crate) patches: Option<(usize, usize)>,
    pub(crate) seed: u64,
}

/// Features of a batch, not normalised, `[pairs, width]`, and what backward needs of them.
pub(crate) struct Forward<D: Train> {
    pub(crate) features: D::Rows,
    pub(crate) activations: Activations<D>,
}

/// What one tower keeps of a whole batch.
pub(crate) enum Activations<D: Train> {
    Images(ImageActivations<D>),
    Texts(TextActivations<D>),
    /// The tower is locked, or its activations come with the second pass.
    None,
}

/// Called for each gradient that is whole.
pub(crate) type OnReady<'a, D> = &'a mut dyn FnMut(&D, usize, &mut Gradients<D>);

impl Passes {
    /// The parts of a batch of `pairs`, in order.
    pub(crate) fn parts(
        &self,
        pairs: usize,
    ) -> impl ExactSizeIterator<Item = Range<usize>> + use<> {
        let size = pairs.div_ceil(self.micro_batches.max(1)).max(1);
        (0..pairs.div_ceil(size)).map(move |part| part * size..((part + 1) * size).min(pairs))
    }

    /// How the images of these samples go through their tower in this step.
    pub(crate) fn image_pass(&self, samples: &[u64], step: u64) -> ImagePass {
        let kept = |(patches, kept): (usize, usize)| {
            let of_sample = |&sample: &u64| {
                Stream::new(self.seed, "patch dropout", sample, step as u32).choose(kept, patches)
            };
            samples.iter().map(of_sample).collect()
        };
        ImagePass {
            batch_norm: self.batch_norm,
            checkpointing: self.checkpointing,
            kept_patches: self.patches.map(kept),
        }
    }

    /// Features of the batch's images. Running statistics follow.
    pub(crate) fn images<D: Train>(
        &self,
        model: &mut TrainableClip<D>,
        batch: &Batch,
        step: u64,
    ) -> Result<Forward<D>, TrainError> {
        if self.trains_images && self.parts(batch.len()).len() == 1 {
            let pass = self.image_pass(&batch.samples, step);
            let (features, activations) = model.encode_images(&batch.pixels, &pass)?;
            return Ok(Forward { features, activations: Activations::Images(activations) });
        }
        let mut values = Vec::new();
        for part in self.parts(batch.len()) {
            let pass = self.image_pass(&batch.samples[part.clone()], step);
            let features =
                model.encode_images_without_activations(pixels_of(batch, part), &pass)?;
            values.extend(model.device().to_host(features)?);
        }
        let features = model.device().to_device(values, model.architecture().embed_dim)?;
        Ok(Forward { features, activations: Activations::None })
    }

    /// Features of the batch's texts.
    pub(crate) fn texts<D: Train>(
        &self,
        model: &mut TrainableClip<D>,
        batch: &Batch,
    ) -> Result<Forward<D>, TrainError> {
        let texts: Vec<&[u32]> = batch.texts.iter().map(Vec::as_slice).collect();
        if self.trains_texts && self.parts(batch.len()).len() == 1 {
            let (features, activations) = model.encode_texts(&texts, self.checkpointing)?;
            return Ok(Forward { features, activations: Activations::Texts(activations) });
        }
        let mut values = Vec::new();
        for part in self.parts(batch.len()) {
            let features = model.encode_texts_without_activations(&texts[part])?;
            values.extend(model.device().to_host(features)?);
        }
        let features = model.device().to_device(values, model.architecture().embed_dim)?;
        Ok(Forward { features, activations: Activations::None })
    }

    /// From gradients of the features to those of the parameters; `on_ready` hears of each
    /// parameter once.
    ///
    /// - `d_images`, `d_texts`: `[pairs, width]`, of features before they are normalised
    pub(crate) fn backward<D: Train>(
        &self,
        model: &mut TrainableClip<D>,
        (batch, step): (&Batch, u64),
        (images, d_images): (Activations<D>, D::Rows),
        (texts, d_texts): (Activations<D>, D::Rows),
        gradients: &mut Gradients<D>,
        on_ready: OnReady<'_, D>,
    ) -> Result<(), TrainError> {
        // Texts first: the sum of their table of tokens over the ranks, the largest and last of
        // theirs, has the whole image tower's time.
        match texts {
            Activations::Texts(texts) => {
                let device = model.device();
                let mut on_ready = |index, gradients: &mut _| on_ready(device, index, gradients);
                model.text_backward(texts, d_texts, gradients, &mut on_ready)?;
            }
            _ if self.trains_texts => {
                self.texts_again(model, batch, d_texts, gradients, on_ready)?;
            }
            _ => {}
        }
        match images {
            Activations::Images(images) => {
                let device = model.device();
                let mut on_ready = |index, gradients: &mut _| on_ready(device, index, gradients);
                model.image_backward(images, d_images, gradients, &mut on_ready)?;
            }
            _ if self.trains_images => {
                self.images_again(model, (batch, step), d_images, gradients, on_ready)?;
            }
            _ => {}
        }
        Ok(())
    }

    fn images_again<D: Train>(
        &self,
        model: &mut TrainableClip<D>,
        (batch, step): (&Batch, u64),
        d_images: D::Rows,
        gradients: &mut Gradients<D>,
        on_ready: OnReady<'_, D>,
    ) -> Result<(), TrainError> {
        let width = model.architecture().embed_dim;
        let d_images = model.device().to_host(d_images)?;
        for part in self.parts(batch.len()) {
            let is_last = part.end == batch.len();
            let pass = self.image_pass(&batch.samples[part.clone()], step);
            let d_part = &d_images[part.start * width..part.end * width];
            let d_part = model.device().copy_to_device(d_part, width)?;
            let (_, activations) = model.encode_images(pixels_of(batch, part), &pass)?;
            let device = model.device();
            let mut on_ready = |index, gradients: &mut _| {
                if is_last {
                    on_ready(device, index, gradients);
                }
            };
            model.image_backward(activations, d_part, gradients, &mut on_ready)?;
        }
        Ok(())
    }

    fn texts_again<D: Train>(
        &self,
        model: &mut TrainableClip<D>,
        batch: &Batch,
        d_texts: D::Rows,
        gradients: &mut Gradients<D>,
        on_ready: OnReady<'_, D>,
    ) -> Result<(), TrainError> {
        let width = model.architecture().embed_dim;
        let d_texts = model.device().to_host(d_texts)?;
        let texts: Vec<&[u32]> = batch.texts.iter().map(Vec::as_slice).collect();
        for part in self.parts(batch.len()) {
            let is_last = part.end == batch.len();
            let d_part = &d_texts[part.start * width..part.end * width];
            let d_part = model.device().copy_to_device(d_part, width)?;
            let (_, activations) = model.encode_texts(&texts[part], self.checkpointing)?;
            let device = model.device();
            let mut on_ready = |index, gradients: &mut _| {
                if is_last {
                    on_ready(device, index, gradients);
                }
            };
            model.text_backward(activations, d_part, gradients, &mut on_ready)?;
        }
        Ok(())
    }
}

/// Pixels of these pairs.
pub(crate) fn pixels_of(batch: &Batch, part: Range<usize>) -> &[f32] {
    let picture = batch.pixels.len() / batch.len();
    &batch.pixels[part.start * picture..part.end * picture]
}
