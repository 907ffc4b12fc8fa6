//! The towers: a stack of layers from pixels or token ids to features.

mod modified_resnet;
mod text_transformer;
mod vision_transformer;

pub(crate) use modified_resnet::{ModifiedResNet, ResNetShape};
pub(crate) use text_transformer::{TextTransformer, read_part};
pub(crate) use vision_transformer::VisionTransformer;
