//! The towers: a stack of layers from pixels or token ids to features.

mod image_rows;
mod image_tower;
mod modified_resnet;
mod text_transformer;
mod vision_transformer;

pub(crate) use image_rows::ImageRows;
pub(crate) use image_tower::{ImageTower, ImageTowerActivations, TrainableImageTower};
use modified_resnet::ModifiedResNet;
pub(crate) use text_transformer::{
    TextTowerActivations, TextTransformer, TrainableTextTransformer, read_parts,
};
use vision_transformer::VisionTransformer;
