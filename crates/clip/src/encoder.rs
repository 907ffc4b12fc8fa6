//! The two towers, whatever the device: what [`Clip`](crate::Clip) needs of a model.

use clip_kernels::{Cpu, Device, Reference};
use clip_model::{
    Architecture, Checkpoint, CheckpointError, ClipModel, EncodeError, ImageFeatures,
};

use crate::options::{InstructionSet, LoadOptions};

pub(crate) trait Encoder: Send + Sync {
    fn architecture(&self) -> &Architecture;
    fn scale(&self) -> f32;
    /// `[n, 3, resolution, resolution] -> [n, embed_dim]`, and what stands before the projection.
    fn encode_images(&self, input: &[f32]) -> Result<ImageFeatures, EncodeError>;
    /// The same for so many images, each written when its turn comes.
    fn encode_written_images(
        &self,
        items: usize,
        write: &(dyn Fn(usize, &mut [f32]) + Sync),
    ) -> Result<ImageFeatures, EncodeError>;
    /// Token ids, each ending in end-of-text `-> [n, embed_dim]`
    fn encode_texts(&self, texts: &[&[u32]]) -> Result<Vec<f32>, EncodeError>;
}

impl<D: Device> Encoder for ClipModel<D> {
    fn architecture(&self) -> &Architecture {
        self.architecture()
    }

    fn scale(&self) -> f32 {
        self.scale()
    }

    fn encode_images(&self, input: &[f32]) -> Result<ImageFeatures, EncodeError> {
        self.encode_images_and_penultimate(input)
    }

    fn encode_written_images(
        &self,
        items: usize,
        write: &(dyn Fn(usize, &mut [f32]) + Sync),
    ) -> Result<ImageFeatures, EncodeError> {
        self.encode_written_images(items, write)
    }

    fn encode_texts(&self, texts: &[&[u32]]) -> Result<Vec<f32>, EncodeError> {
        self.encode_texts(texts)
    }
}

/// Builds the towers of `checkpoint` for what computes them, as the options ask.
pub(crate) fn build(
    instruction_set: InstructionSet,
    options: &LoadOptions,
    checkpoint: &Checkpoint,
) -> Result<Box<dyn Encoder>, CheckpointError> {
    Ok(match instruction_set {
        InstructionSet::Cpu(isa) => Box::new(towers(Cpu::with_isa(isa), options, checkpoint)?),
        InstructionSet::Reference => Box::new(towers(Reference, options, checkpoint)?),
    })
}

fn towers<D: Device>(
    device: D,
    options: &LoadOptions,
    checkpoint: &Checkpoint,
) -> Result<ClipModel<D>, CheckpointError> {
    let (architecture, weights) = (&checkpoint.architecture, &checkpoint.state_dict);
    let model = ClipModel::new(device, options.precision, architecture, weights)?;
    Ok(model.with_shortcuts(options.shortcuts))
}
