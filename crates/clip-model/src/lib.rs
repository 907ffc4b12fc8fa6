//! CLIP's checkpoints, architectures, registry and encoders.
//!
//! A checkpoint of any layout becomes a [`StateDict`] under the reference's names and an
//! [`Architecture`] that every name and shape has been checked against.

#![deny(unsafe_code)]

pub mod architecture;
mod atomic_file;
mod cache;
pub mod checkpoint;
pub mod error;
mod memory_map;
pub mod registry;
pub mod safetensors;
pub mod state_dict;
pub mod synthetic;
pub mod tensor;
pub mod tensor_list;

pub use architecture::{Activation, Architecture, ImageArchitecture, TextArchitecture, TextPooling};
pub use checkpoint::{ActivationSource, Checkpoint, Layout, LoadOptions};
pub use error::CheckpointError;
pub use state_dict::StateDict;
pub use tensor::{Dtype, Tensor};
