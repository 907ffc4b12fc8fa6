//! What the reference computes for one image and one text, counted from the architecture.
//! PROTOCOL 1.5.
//!
//! Multiply-adds of convolutions, linear maps, attention products and projections; no softmax,
//! norm, activation, bias or pool. Work that a shortcut saves is counted all the same, so that
//! rates compare with those of others.

use crate::architecture::{
    Architecture, BottleneckShape, ImageArchitecture, TextArchitecture, bottlenecks,
};

/// Multiply-adds of one item; an operation count is twice that.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct MultiplyAdds {
    /// Of one image.
    pub image: u64,
    /// Of one text, padded to the context length as the reference does.
    pub text: u64,
}

impl MultiplyAdds {
    /// Of a model of these sizes.
    ///
    /// Source: PROTOCOL 1.1 to 1.3, 1.5.
    pub fn of(architecture: &Architecture) -> MultiplyAdds {
        let embed_dim = architecture.embed_dim;
        let image = match architecture.image {
            ImageArchitecture::VisionTransformer {
                patch_size, width, layers, mlp_width, ..
            } => {
                let (tokens, patches) =
                    (architecture.image.tokens(), architecture.image.tokens() - 1);
                3 * patch_size * patch_size * width * patches
                    + layers * block(tokens, width, mlp_width)
                    + width * embed_dim
            }
            ImageArchitecture::ModifiedResNet { resolution, width, blocks, .. } => {
                stem(resolution, width)
                    + stages(resolution, width, blocks)
                    + attention_pool(architecture.image.tokens(), 32 * width, embed_dim)
            }
        };
        MultiplyAdds { image: image as u64, text: text(&architecture.text, embed_dim) as u64 }
    }
}

fn text(text: &TextArchitecture, embed_dim: usize) -> usize {
    text.layers * block(text.context_length, text.width, text.mlp_width) + text.width * embed_dim
}

/// A residual block: four maps of attention, its two products, the MLP.
fn block(tokens: usize, width: usize, mlp_width: usize) -> usize {
    tokens * 4 * width * width + 2 * tokens * tokens * width + 2 * tokens * width * mlp_width
}

/// Three convolutions at half the resolution.
fn stem(resolution: usize, width: usize) -> usize {
    let (half, cells) = (width / 2, (resolution / 2) * (resolution / 2));
    9 * cells * (3 * half + half * half + half * width)
}

/// The bottleneck blocks. The map gets smaller after a block's second convolution.
fn stages(resolution: usize, width: usize, blocks: [usize; 4]) -> usize {
    let mut side = resolution / 4;
    let block = |shape: &BottleneckShape| {
        let &BottleneckShape { channels, planes, .. } = shape;
        let (cells, outputs) = (side * side, 4 * planes);
        side /= shape.stride;
        let shortcut = if shape.has_downsample { channels * outputs } else { 0 };
        cells * (channels * planes + 9 * planes * planes)
            + side * side * (planes * outputs + shortcut)
    };
    bottlenecks(width, blocks).iter().map(block).sum()
}

/// One query, keys and values of all tokens.
fn attention_pool(tokens: usize, width: usize, embed_dim: usize) -> usize {
    2 * tokens * width * width + width * width + 2 * tokens * width + width * embed_dim
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_those_of_the_protocol() {
        // PROTOCOL 1.5: 10⁹ multiply-adds of an image and of a text.
        for (name, image, text) in [
            ("RN50", 5.793, 2.980),
            ("RN101", 9.504, 2.980),
            ("RN50x4", 20.581, 4.633),
            ("RN50x16", 72.868, 6.650),
            ("RN50x64", 260.127, 11.773),
            ("ViT-B/32", 4.409, 2.980),
            ("ViT-B/16", 17.563, 2.980),
            ("ViT-L/14", 81.013, 6.650),
            ("ViT-L/14@336px", 190.960, 6.650),
        ] {
            let released = crate::registry::find(name).expect("a released model");
            let counted = MultiplyAdds::of(&released.architecture);
            let rounded = |count: u64| (count as f64 / 1e6).round() / 1e3;
            assert_eq!((rounded(counted.image), rounded(counted.text)), (image, text), "{name}");
        }
    }
}
