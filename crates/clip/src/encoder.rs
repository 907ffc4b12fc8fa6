//! The two towers, whatever the device: what [`Clip`](crate::Clip) needs of a model.

use clip_kernels::{Cpu, Device, Precision, Reference};
use clip_model::{Architecture, Checkpoint, CheckpointError, ClipModel, EncodeError};

use crate::options::InstructionSet;

pub(crate) trait Encoder: Send + Sync {
    fn architecture(&self) -> &Architecture;
    fn scale(&self) -> f32;
    /// `[n, 3, resolution, resolution] -> [n, embed_dim]`
    fn encode_images(&self, input: &[f32]) -> Result<Vec<f32>, EncodeError>;
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

    fn encode_images(&self, input: &[f32]) -> Result<Vec<f32>, EncodeError> {
        self.encode_images(input)
    }

    fn encode_texts(&self, texts: &[&[u32]]) -> Result<Vec<f32>, EncodeError> {
        self.encode_texts(texts)
    }
}

/// Builds the towers of `checkpoint` for what computes them, in the precision asked for.
pub(crate) fn build(
    instruction_set: InstructionSet,
    precision: Precision,
    checkpoint: &Checkpoint,
) -> Result<Box<dyn Encoder>, CheckpointError> {
    let (architecture, weights) = (&checkpoint.architecture, &checkpoint.state_dict);
    Ok(match instruction_set {
        InstructionSet::Cpu(isa) => {
            Box::new(ClipModel::new(Cpu::with_isa(isa), precision, architecture, weights)?)
        }
        InstructionSet::Reference => Box::new(ClipModel::new(Reference, precision, architecture, weights)?),
    })
}
