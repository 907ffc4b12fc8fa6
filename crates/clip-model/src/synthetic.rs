//! Weights by formula: a whole model of any size without a file.
//!
//! The released architectures with these weights have known outputs, so a full-size model can be
//! checked and timed where no checkpoint is at hand. Formula version 1: a tensor's values are a
//! hash of `"{seed}:{name}"` and the index, uniform in `offset ± scale`, with scales that keep
//! every layer's output of order one.

use crate::architecture::{Architecture, ImageArchitecture};
use crate::parameters::{Parameter, ParameterKind, Tower};
use crate::state_dict::StateDict;
use crate::tensor::Tensor;
use rayon::prelude::*;
use std::collections::BTreeMap;

/// A state dict of `architecture` in f32, without batch counters. The same seed gives the same
/// bits on every machine.
pub fn state_dict(architecture: &Architecture, seed: u64) -> StateDict {
    let parameters = architecture.parameters();
    let tensors: BTreeMap<String, Tensor> = parameters
        .into_par_iter()
        .filter(|parameter| parameter.kind != ParameterKind::BatchCounter)
        .map(|parameter| {
            let (scale, offset) = scale_and_offset(architecture, &parameter);
            let count = parameter.shape.iter().product();
            let tensor = Tensor::from_f32(
                &parameter.shape,
                uniform(seed, &parameter.name, count, scale, offset),
            );
            (parameter.name, tensor)
        })
        .collect();
    StateDict::from_tensors(format!("synthetic weights, seed {seed}"), tensors)
}

/// Normalised network inputs `[count, 3, resolution, resolution]`, row-major: blocks of 16 × 16
/// pixels of one value, and noise.
pub fn pixels(seed: u64, count: usize, resolution: usize) -> Vec<f32> {
    let side = resolution.div_ceil(16);
    let mut pixels = Vec::with_capacity(count * 3 * resolution * resolution);
    for image in 0..count {
        let noise_name = format!("pixels.noise.{image}");
        let noise = uniform(seed, &noise_name, 3 * resolution * resolution, 1.0, 0.0);
        let block = uniform(seed, &format!("pixels.block.{image}"), 3 * side * side, 1.0, 0.0);
        pixels.extend(noise.iter().enumerate().map(|(i, noise)| {
            let (row, x) = (i / resolution, i % resolution);
            let (channel, y) = (row / resolution, row % resolution);
            1.5 * block[(channel * side + y / 16) * side + x / 16] + 0.5 * noise
        }));
    }
    pixels
}

/// `count` values of the formula for the tensor `name`, each `offset + scale · u` with `u` in
/// [-1, 1): product and sum are rounded to f32 separately.
pub fn uniform(seed: u64, name: &str, count: usize, scale: f32, offset: f32) -> Vec<f32> {
    let key = key(seed, name);
    let mut values = vec![0f32; count];
    values.par_chunks_mut(CHUNK).enumerate().for_each(|(chunk, values)| {
        let first = (chunk * CHUNK) as u32;
        for (i, value) in values.iter_mut().enumerate() {
            let hash = hash(key, first.wrapping_add(i as u32));
            // 24 bits less 2^23, times 2^-23: exact.
            let unit = ((hash >> 8) as i32 - 8_388_608) as f32 * (1.0 / 8_388_608.0);
            *value = offset + scale * unit;
        }
    });
    values
}

/// `count` words of the formula for `name`: 32 bits each.
pub fn words(seed: u64, name: &str, count: u32) -> Vec<u32> {
    let key = key(seed, name);
    (0..count).map(|index| hash(key, index)).collect()
}

/// Values a thread makes at a time.
const CHUNK: usize = 1 << 16;

/// FNV-1a over `"{seed}:{name}"`, 64 bits.
fn key(seed: u64, name: &str) -> u64 {
    format!("{seed}:{name}").bytes().fold(0xCBF2_9CE4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01B3)
    })
}

fn hash(key: u64, index: u32) -> u32 {
    let mut x = index.wrapping_mul(0x9E37_79B1).wrapping_add(key as u32);
    x ^= (key >> 32) as u32;
    x = (x ^ (x >> 16)).wrapping_mul(0x7FEB_352D);
    x = (x ^ (x >> 15)).wrapping_mul(0x846C_A68B);
    x ^ (x >> 16)
}

/// Scale and offset by kind, evaluated in f64 and rounded once.
fn scale_and_offset(architecture: &Architecture, parameter: &Parameter) -> (f32, f32) {
    use ParameterKind as Kind;
    let layers = match (parameter.tower, &architecture.image) {
        (Tower::Image, ImageArchitecture::VisionTransformer { layers, .. }) => *layers,
        _ => architecture.text.layers,
    };
    // Standard deviation of a uniform distribution is scale / √3.
    let of_variance = |variance: f64| (3.0 * variance).sqrt();
    let size = |axis: usize| parameter.shape.get(axis).map_or(1.0, |&size| size as f64);
    let fan_in: f64 = parameter.shape.iter().skip(1).map(|&size| size as f64).product();
    let depth = 2.0 * layers as f64;
    let (scale, offset) = match parameter.kind {
        Kind::TokenEmbedding | Kind::ImagePosition | Kind::PoolPosition => (0.5, 0.0),
        Kind::TextPosition => (0.25, 0.0),
        Kind::ClassEmbedding => (1.0, 0.0),
        Kind::Convolution => (of_variance(2.0 / fan_in), 0.0),
        Kind::PatchConvolution | Kind::AttentionIn | Kind::MlpIn | Kind::PoolMatrix => {
            (of_variance(1.0 / fan_in), 0.0)
        }
        Kind::AttentionOut => (of_variance(4.0 / (depth * size(1))), 0.0),
        // Rows are the tower's width.
        Kind::MlpOut => (of_variance(1.0 / (depth * size(0))), 0.0),
        Kind::Projection => (of_variance(1.0 / size(0)), 0.0),
        Kind::Bias => (0.05, 0.0),
        Kind::NormGain => (0.2, 1.0),
        Kind::ResidualGain => (0.05, 0.2),
        Kind::NormBias | Kind::RunningMean => (0.1, 0.0),
        Kind::RunningVariance => (0.25, 1.0),
        Kind::LogitScale => (0.0, 100f64.ln()),
        Kind::LogitBias => (0.0, -10.0),
        Kind::BatchCounter => (0.0, 0.0),
    };
    (scale as f32, offset as f32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn key_and_hash_equal_the_published_vectors() {
        // golden/full_size/test_vectors.json, first and fourth.
        assert_eq!(key(1, "visual.conv1.weight"), 0xbaa8_8c40_b1eb_cdf5);
        assert_eq!(key(7, ""), 0x07f2_0c07_b4b4_b944);
        assert_eq!(hash(key(1, "visual.conv1.weight"), 0), 2_719_237_484);
        assert_eq!(hash(key(1, "visual.conv1.weight"), 1_000_003), 4_127_595_612);
    }

    #[test]
    fn values_do_not_depend_on_how_many_are_made() {
        let long = uniform(3, "x", 3 * CHUNK + 5, 0.5, 1.0);
        let short = uniform(3, "x", CHUNK + 1, 0.5, 1.0);
        assert_eq!(long[..short.len()], short[..]);
    }
}
