//! The layers of both towers. A struct holds a layer's weights on a device; its widths come from
//! the weights. Nothing is kept for a backward pass at inference.

mod attention;
mod attention_pool;
mod bottleneck;
mod convolution;
mod items;
mod layer_norm;
mod linear;
mod loader;
mod mlp;
mod residual_block;
mod transformer;

pub(crate) use attention_pool::AttentionPool;
pub(crate) use bottleneck::Bottleneck;
pub(crate) use convolution::Convolution;
pub(crate) use items::Items;
pub(crate) use layer_norm::LayerNorm;
pub(crate) use linear::Linear;
pub(crate) use loader::{Loader, in_parallel};
pub(crate) use residual_block::BlockOptions;
pub(crate) use transformer::Transformer;
