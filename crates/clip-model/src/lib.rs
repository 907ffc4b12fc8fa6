//! CLIP's checkpoints, architectures, registry and encoders.
//!
//! A checkpoint of any layout becomes a [`StateDict`] under the reference's names and an
//! [`Architecture`] that every name and shape has been checked against.

#![deny(unsafe_code)]

pub mod architecture;
pub mod cache;
pub mod checkpoint;
pub mod clip_model;
pub mod convert;
#[cfg(feature = "download")]
pub mod download;
pub mod encode_error;
pub mod error;
pub mod gradients;
pub mod image_pass;
pub mod initialization;
pub mod joint_space;
mod layers;
mod memory_map;
mod multiply_adds;
mod parameter_rows;
pub mod parameters;
mod prefix_tree;
pub mod random;
pub mod registry;
pub mod resolve;
pub mod safetensors;
mod sha256;
pub mod shortcuts;
pub mod state_dict;
pub mod synthetic;
pub mod tensor;
mod towers;
pub mod trainable_clip;

pub use architecture::{
    Activation, Architecture, ImageArchitecture, TextArchitecture, TextPooling,
};
pub use checkpoint::{ActivationSource, Checkpoint, Layout, LoadOptions};
pub use clip_model::{ClipModel, ImageFeatures};
pub use convert::{WeightFormat, convert};
pub use encode_error::EncodeError;
pub use error::CheckpointError;
pub use gradients::Gradients;
pub use image_pass::{BatchNormMode, ImagePass};
pub use memory_map::map as map_file;
pub use multiply_adds::MultiplyAdds;
pub use resolve::{ResolveError, ResolveOptions, resolve};
pub use sha256::{sha256_of_bytes, sha256_of_file};
pub use shortcuts::Shortcuts;
pub use state_dict::StateDict;
pub use tensor::{Dtype, Tensor};
pub use trainable_clip::{BatchStatistics, ImageActivations, TextActivations, TrainableClip};
