//! AdamW with the paper's exclusions (PROTOCOL 2.1, 2.4).

use clip_model::ImageArchitecture;

/// How parameters follow their gradients.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct OptimizerOptions {
    /// Of the first moment.
    pub beta1: f64,
    /// Of the second moment.
    pub beta2: f64,
    /// Added to the root of the second moment.
    pub eps: f64,
    /// For parameters of two and more dimensions.
    pub weight_decay: f64,
    /// Gradients whose norm over all trained parameters is larger are scaled down to it.
    pub clip_norm: Option<f64>,
    /// Factor of the learning rate from each layer to the one below it; 1 for the head.
    pub layer_decay: f64,
    /// Factor of the image tower's learning rate.
    pub image_rate: f64,
    /// Factor of the text tower's learning rate.
    pub text_rate: f64,
    /// `logit_scale` is brought back to at most this after every step, and to at least 0.
    pub max_logit_scale: f32,
}

impl OptimizerOptions {
    /// The paper's for this family of image towers: β 0.9 and 0.98, ε 1e-6 for a ViT; 0.999 and
    /// 1e-8 for a ResNet; no clipping (PROTOCOL 2.1).
    pub fn of_family(image: &ImageArchitecture) -> Self {
        let (beta2, eps) = match image {
            ImageArchitecture::VisionTransformer { .. } => (0.98, 1e-6),
            ImageArchitecture::ModifiedResNet { .. } => (0.999, 1e-8),
        };
        Self {
            beta1: 0.9,
            beta2,
            eps,
            weight_decay: 0.2,
            clip_norm: None,
            layer_decay: 1.0,
            image_rate: 1.0,
            text_rate: 1.0,
            max_logit_scale: 100f32.ln(),
        }
    }
}
