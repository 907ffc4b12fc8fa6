//! AdamW with the paper's exclusions (PROTOCOL 2.1, 2.4).

use crate::layers::{layer_of, layers};
use clip_kernels::{AdamW, Result, Train};
use clip_model::parameters::{Parameter, Tower};
use clip_model::{Architecture, ImageArchitecture};

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

    /// How this parameter is treated.
    pub(crate) fn group(&self, architecture: &Architecture, parameter: &Parameter) -> Group {
        let tower_rate = match parameter.tower {
            Tower::Image => self.image_rate,
            Tower::Text => self.text_rate,
            Tower::Joint => 1.0,
        };
        let above = layers(architecture, parameter.tower) - 1 - layer_of(architecture, parameter);
        Group {
            rate: tower_rate * self.layer_decay.powi(above as i32),
            // PROTOCOL 2.4; every `bn`, `ln` and `bias` has one dimension.
            weight_decay: if parameter.shape.len() < 2 { 0.0 } else { self.weight_decay },
        }
    }

    /// What gradients of this norm are multiplied with.
    ///
    /// Source: `clip_grad_norm_` of PyTorch. Checked by `golden/training`.
    pub(crate) fn gradient_factor(&self, norm: f64) -> f64 {
        self.clip_norm.map_or(1.0, |limit| (limit / (norm + 1e-6)).min(1.0))
    }
}

/// What distinguishes one parameter's steps from another's.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Group {
    /// Factor of the learning rate.
    rate: f64,
    weight_decay: f64,
}

impl Group {
    /// Whether weight decay pulls on the parameter.
    pub(crate) fn decays(&self) -> bool {
        self.weight_decay != 0.0
    }
}

/// One parameter's part of the optimiser.
pub(crate) struct Slot<D: Train> {
    group: Group,
    pub(crate) first_moment: D::Rows,
    pub(crate) second_moment: D::Rows,
}

impl<D: Train> Slot<D> {
    /// Moments of zero for a parameter `[rows, width]`.
    pub(crate) fn new(device: &D, group: Group, rows: usize, width: usize) -> Result<Self> {
        let (first_moment, second_moment) =
            (device.zeros(rows, width)?, device.zeros(rows, width)?);
        Ok(Self { group, first_moment, second_moment })
    }

    /// Moves the parameter one step.
    pub(crate) fn step(
        &mut self,
        device: &D,
        options: &OptimizerOptions,
        update: Update,
        parameter: &mut D::Rows,
        gradient: &D::Rows,
    ) -> Result<()> {
        let step = AdamW {
            learning_rate: update.learning_rate * self.group.rate,
            beta1: options.beta1,
            beta2: options.beta2,
            eps: options.eps,
            weight_decay: self.group.weight_decay,
            step: update.number,
            gradient_factor: update.gradient_factor,
        };
        device.adamw(parameter, gradient, &mut self.first_moment, &mut self.second_moment, step)
    }
}

/// What all parameters share in one step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Update {
    pub(crate) learning_rate: f64,
    pub(crate) gradient_factor: f64,
    /// From 1.
    pub(crate) number: u64,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clip_model::registry;

    #[test]
    fn vectors_do_not_decay_and_lower_layers_learn_slower() {
        let architecture = &registry::models()[5].architecture;
        let mut options = OptimizerOptions::of_family(&architecture.image);
        (options.layer_decay, options.image_rate) = (0.5, 0.1);
        let group = |name: &str| {
            let parameters = architecture.parameters();
            let parameter = parameters.iter().find(|parameter| parameter.name == name).unwrap();
            options.group(architecture, parameter)
        };
        let expect = |name, rate: f64, weight_decay| {
            assert_eq!(group(name), Group { rate, weight_decay }, "{name}");
        };
        expect("visual.proj", 0.1, 0.2);
        expect("visual.class_embedding", 0.1 * 0.5f64.powi(13), 0.0);
        expect("positional_embedding", 0.5f64.powi(13), 0.2);
        expect("text_projection", 1.0, 0.2);
        expect("transformer.resblocks.11.attn.in_proj_bias", 0.5, 0.0);
        expect("logit_scale", 1.0, 0.0);
    }

    #[test]
    fn long_gradients_are_cut_to_the_limit() {
        let mut options = OptimizerOptions::of_family(&registry::models()[0].architecture.image);
        assert_eq!((options.beta2, options.eps), (0.999, 1e-8));
        assert_eq!(options.gradient_factor(1e9), 1.0);
        options.clip_norm = Some(1.0);
        assert_eq!(options.gradient_factor(0.5), 1.0);
        assert!((options.gradient_factor(4.0) - 0.25).abs() < 1e-6);
    }
}
