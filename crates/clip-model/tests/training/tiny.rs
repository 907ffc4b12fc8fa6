//! Tiny models with made-up weights, and pairs for them.

use crate::step::Pairs;
use clip_model::{
    Activation, Architecture, ImageArchitecture, StateDict, Tensor, TextArchitecture, TextPooling,
    synthetic,
};

/// Pairs in a batch.
pub(crate) const PAIRS: usize = 5;
const VOCABULARY: usize = 20;
const END: u32 = VOCABULARY as u32 - 1;

fn architecture(image: ImageArchitecture, activation: Activation) -> Architecture {
    let text = TextArchitecture {
        context_length: 9,
        vocab_size: VOCABULARY,
        width: 24,
        layers: 2,
        heads: 3,
        mlp_width: 56,
        pooling: TextPooling::FirstId(END),
    };
    Architecture { embed_dim: 20, image, text, activation, logit_bias: false }
}

pub(crate) fn vision_transformer() -> Architecture {
    let image = ImageArchitecture::VisionTransformer {
        resolution: 32,
        patch_size: 8,
        width: 32,
        layers: 3,
        heads: 2,
        mlp_width: 72,
    };
    architecture(image, Activation::Gelu)
}

/// Two blocks in the second stage: one with a convolution on its shortcut, one without.
pub(crate) fn resnet() -> Architecture {
    let image = ImageArchitecture::ModifiedResNet {
        resolution: 64,
        width: 8,
        blocks: [1, 2, 1, 1],
        heads: 4,
    };
    architecture(image, Activation::QuickGelu)
}

/// Made-up weights with a scale at which a softmax over a few pairs is not all or nothing.
pub(crate) fn weights(architecture: &Architecture) -> StateDict {
    let mut weights = synthetic::state_dict(architecture, 11);
    weights.insert("logit_scale", Tensor::from_f32(&[], vec![1.6]));
    weights
}

/// Texts of 2 to 8 tokens and what stands behind their ends.
pub(crate) fn pairs(architecture: &Architecture) -> Pairs {
    let pixels = synthetic::pixels(5, PAIRS, architecture.image.resolution());
    let text = |pair: usize| {
        let length = [3, 1, 7, 4, 5][pair];
        let ids = (0..length).map(|place| ((3 * pair + 5 * place + pair * place) % 18) as u32);
        ids.chain([END, 2, END]).collect()
    };
    Pairs::new(pixels, (0..PAIRS).map(text).collect())
}
