//! CLIP's checkpoints, architectures, registry and encoders.
//!
//! A checkpoint of any layout becomes a [`StateDict`] under the reference's names and an
//! [`Architecture`] that every name and shape has been checked against.

#![deny(unsafe_code)]

pub mod architecture;
pub mod error;
pub mod registry;
pub mod state_dict;
pub mod synthetic;
pub mod tensor;
pub mod tensor_list;

pub use architecture::{Activation, Architecture, ImageArchitecture, TextArchitecture, TextPooling};
pub use error::CheckpointError;
pub use state_dict::StateDict;
pub use tensor::{Dtype, Tensor};
