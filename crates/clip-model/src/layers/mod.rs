//! The layers of both towers. A struct holds a layer's weights on a device; its widths come from
//! the weights. Nothing is kept for a backward pass at inference; a `Trainable` struct beside it is
//! the same layer while it is trained, and holds the places of its parameters alone.

mod attention;
mod attention_pool;
mod batch_norm;
mod bottleneck;
mod convolution;
mod items;
mod layer_norm;
mod linear;
mod loader;
mod mlp;
mod pass;
mod residual_block;
mod transformer;

pub(crate) use attention_pool::{AttentionPool, AttentionPoolActivations, TrainableAttentionPool};
pub(crate) use batch_norm::{BatchNorms, ObservedStatistics};
pub(crate) use bottleneck::{Bottleneck, BottleneckActivations, TrainableBottleneck};
pub(crate) use convolution::{Convolution, ConvolutionActivations, Maps, TrainableConvolution};
pub(crate) use items::{Items, Plan};
pub(crate) use layer_norm::{LayerNorm, TrainableLayerNorm};
pub(crate) use linear::{Linear, TrainableLinear};
pub(crate) use loader::{Loader, in_parallel};
pub(crate) use pass::{BackwardPass, Pass, Places};
pub(crate) use residual_block::BlockOptions;
pub(crate) use transformer::{TrainableTransformer, Transformer, TransformerActivations};
