//! What training from scratch begins with (PROTOCOL 2.2).

use crate::architecture::Architecture;
use crate::parameters::{Parameter, ParameterKind, Tower};
use crate::random::Stream;
use crate::state_dict::StateDict;
use crate::tensor::Tensor;
use rayon::prelude::*;
use std::collections::{BTreeMap, HashMap};

/// Values that one stream gives.
const CHUNK: usize = 1 << 14;

/// Where a parameter's values come from.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Distribution {
    /// All the same.
    Constant(f64),
    /// Around 0, with this deviation.
    Normal(f64),
    /// As far as this on both sides of 0.
    Uniform(f64),
}

/// Random weights for every parameter of `architecture`, distributed as the reference's: a function
/// of the seed, the parameter's name and the place in it.
pub fn state_dict(architecture: &Architecture, seed: u64) -> StateDict {
    let parameters = architecture.parameters();
    let shapes: HashMap<&str, &[usize]> = parameters
        .iter()
        .map(|parameter| (parameter.name.as_str(), parameter.shape.as_slice()))
        .collect();
    let tensors: BTreeMap<String, Tensor> = parameters
        .par_iter()
        .map(|parameter| {
            let Parameter { name, shape, kind, .. } = parameter;
            let tensor = match kind {
                ParameterKind::BatchCounter => Tensor::from_i64(shape, &[0]),
                _ => {
                    let from = distribution(architecture, parameter, &shapes);
                    Tensor::from_f32(shape, draw(seed, name, shape.iter().product(), from))
                }
            };
            (name.clone(), tensor)
        })
        .collect();
    StateDict::from_tensors(format!("random weights, seed {seed}"), tensors)
}

/// Each chunk of values has its own stream: any thread may draw it.
fn draw(seed: u64, name: &str, count: usize, from: Distribution) -> Vec<f32> {
    let mut values = vec![0.0; count];
    values.par_chunks_mut(CHUNK).enumerate().for_each(|(chunk, values)| {
        let mut stream = Stream::new(seed, name, chunk as u64, 0);
        for value in values {
            *value = match from {
                Distribution::Constant(constant) => constant,
                Distribution::Normal(deviation) => deviation * stream.normal(),
                Distribution::Uniform(reach) => stream.uniform(-reach, reach),
            } as f32;
        }
    });
    values
}

/// The table of PROTOCOL 2.2.
fn distribution(
    architecture: &Architecture,
    parameter: &Parameter,
    shapes: &HashMap<&str, &[usize]>,
) -> Distribution {
    use Distribution::{Constant, Normal, Uniform};
    use ParameterKind as Kind;
    let power = |size: usize| (size as f64).powf(-0.5);
    let fan_in = |shape: &[usize]| shape.iter().skip(1).product::<usize>();
    let text = &architecture.text;
    let image_width = architecture.image.penultimate_width();
    let of_text = parameter.tower == Tower::Text;
    match parameter.kind {
        Kind::TokenEmbedding => Normal(0.02),
        Kind::TextPosition => Normal(0.01),
        Kind::AttentionIn if of_text => Normal(power(text.width)),
        Kind::AttentionOut | Kind::MlpOut if of_text => {
            Normal(power(text.width) * power(2 * text.layers))
        }
        Kind::MlpIn if of_text => Normal(power(2 * text.width)),
        Kind::Projection if of_text => Normal(power(text.width)),
        Kind::ClassEmbedding
        | Kind::ImagePosition
        | Kind::Projection
        | Kind::PoolPosition
        | Kind::PoolMatrix => Normal(power(image_width)),
        // Xavier's, of three maps on top of each other.
        Kind::AttentionIn => Uniform((6.0 / (4 * image_width) as f64).sqrt()),
        Kind::AttentionOut
        | Kind::MlpIn
        | Kind::MlpOut
        | Kind::PatchConvolution
        | Kind::Convolution => Uniform(power(fan_in(&parameter.shape))),
        Kind::Bias if parameter.name.contains(".attn.") => Constant(0.0),
        Kind::Bias => {
            let weight = parameter.name.replace(".bias", ".weight");
            Uniform(power(shapes.get(weight.as_str()).map_or(1, |shape| fan_in(shape))))
        }
        Kind::NormGain | Kind::RunningVariance => Constant(1.0),
        Kind::ResidualGain | Kind::NormBias | Kind::RunningMean | Kind::BatchCounter => {
            Constant(0.0)
        }
        Kind::LogitScale => Constant((1.0_f64 / 0.07).ln()),
        // SigLIP's: at first nearly every pair is taken for none.
        Kind::LogitBias => Constant(-10.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry;

    /// Mean and deviation.
    fn moments(values: &[f32]) -> (f64, f64) {
        let count = values.len() as f64;
        let mean = values.iter().copied().map(f64::from).sum::<f64>() / count;
        let squares = values.iter().map(|&value| (f64::from(value) - mean).powi(2)).sum::<f64>();
        (mean, (squares / count).sqrt())
    }

    fn assert_deviations(model: &str, expected: &[(&str, f64)]) {
        let architecture = &registry::find(model).unwrap().architecture;
        let weights = state_dict(architecture, 7);
        weights.check(architecture).unwrap();
        for (name, expected) in expected {
            let values = weights.get(name).unwrap().to_f32();
            let (mean, deviation) = moments(&values);
            // Four deviations of the mean and of the deviation of so many draws.
            let count = values.len() as f64;
            assert!(mean.abs() <= 4.0 * expected / count.sqrt() + 1e-9, "{name}: mean {mean}");
            let bound = 4.0 * expected / (2.0 * count).sqrt();
            assert!((deviation - expected).abs() <= bound + 1e-9, "{name}: {deviation} {expected}");
        }
    }

    #[test]
    fn vit_b_32_has_the_deviations_of_the_protocol() {
        let text_block = "transformer.resblocks.3";
        let image_block = "visual.transformer.resblocks.11";
        let uniform = |fan_in: f64| (3.0 * fan_in).powf(-0.5);
        let name = |block: &str, rest: &str| format!("{block}.{rest}");
        let blocks = [
            (name(text_block, "attn.in_proj_weight"), 512f64.powf(-0.5)),
            (name(text_block, "attn.out_proj.weight"), 512f64.powf(-0.5) * 24f64.powf(-0.5)),
            (name(text_block, "mlp.c_proj.weight"), 512f64.powf(-0.5) * 24f64.powf(-0.5)),
            (name(text_block, "mlp.c_fc.weight"), 1024f64.powf(-0.5)),
            (name(text_block, "mlp.c_fc.bias"), uniform(512.0)),
            (name(text_block, "mlp.c_proj.bias"), uniform(2048.0)),
            (name(text_block, "attn.in_proj_bias"), 0.0),
            (name(text_block, "attn.out_proj.bias"), 0.0),
            (name(image_block, "attn.in_proj_weight"), 1536f64.powf(-0.5)),
            (name(image_block, "attn.out_proj.weight"), uniform(768.0)),
            (name(image_block, "mlp.c_fc.weight"), uniform(768.0)),
            (name(image_block, "mlp.c_proj.weight"), uniform(3072.0)),
            (name(image_block, "mlp.c_proj.bias"), uniform(3072.0)),
            (name(image_block, "ln_2.bias"), 0.0),
        ];
        let mut expected: Vec<(&str, f64)> =
            blocks.iter().map(|(name, deviation)| (name.as_str(), *deviation)).collect();
        expected.extend([
            ("token_embedding.weight", 0.02),
            ("positional_embedding", 0.01),
            ("text_projection", 512f64.powf(-0.5)),
            ("visual.class_embedding", 768f64.powf(-0.5)),
            ("visual.positional_embedding", 768f64.powf(-0.5)),
            ("visual.proj", 768f64.powf(-0.5)),
            ("visual.conv1.weight", uniform(3072.0)),
        ]);
        assert_deviations("ViT-B/32", &expected);
    }

    #[test]
    fn rn50_has_the_deviations_of_the_protocol() {
        let uniform = |fan_in: f64| (3.0 * fan_in).powf(-0.5);
        let pool = 2048f64.powf(-0.5);
        assert_deviations(
            "RN50",
            &[
                ("visual.conv1.weight", uniform(27.0)),
                ("visual.layer3.2.conv2.weight", uniform(256.0 * 9.0)),
                ("visual.layer3.2.bn3.weight", 0.0),
                ("visual.layer3.2.bn2.bias", 0.0),
                ("visual.layer3.2.bn2.running_mean", 0.0),
                ("visual.attnpool.positional_embedding", pool),
                ("visual.attnpool.q_proj.weight", pool),
                ("visual.attnpool.c_proj.weight", pool),
                ("visual.attnpool.c_proj.bias", uniform(2048.0)),
            ],
        );
    }

    #[test]
    fn constants_are_those_of_the_protocol() {
        let mut architecture = registry::find("RN50").unwrap().architecture.clone();
        architecture.logit_bias = true;
        let weights = state_dict(&architecture, 7);
        for (name, expected) in [
            ("visual.bn3.weight", 1.0),
            ("visual.layer1.0.downsample.1.weight", 1.0),
            ("visual.layer1.0.bn3.weight", 0.0),
            ("visual.layer1.0.bn1.running_var", 1.0),
            ("ln_final.weight", 1.0),
            ("logit_scale", 2.659_26),
            ("logit_bias", -10.0),
        ] {
            let values = weights.get(name).unwrap().to_f32();
            assert!(values.iter().all(|value| *value == expected), "{name}");
        }
        let counter = weights.get("visual.bn1.num_batches_tracked").unwrap();
        assert_eq!(counter.to_i64().unwrap(), [0]);
    }

    #[test]
    fn values_depend_on_seed_name_and_place_alone() {
        let draw = |seed, name, count| draw(seed, name, count, Distribution::Normal(1.0));
        let long = draw(1, "a", 3 * CHUNK + 5);
        assert_eq!(long[..CHUNK + 9], draw(1, "a", CHUNK + 9)[..]);
        assert_ne!(long[..CHUNK], long[CHUNK..2 * CHUNK]);
        assert_ne!(long[..9], draw(2, "a", 9)[..]);
        assert_ne!(long[..9], draw(1, "b", 9)[..]);
    }
}
