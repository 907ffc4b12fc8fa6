//! `golden/training`: gradients of every parameter at the first step.

use crate::step::{Pairs, Step, all, model, processors, step};
use clip_kernels::{Precision, Reference, Train};
use clip_model::{
    Activation, Architecture, ImageArchitecture, StateDict, TextArchitecture, TextPooling,
    safetensors, synthetic,
};
use clip_testing::{golden, read_json};
use serde_json::Value;
use std::path::Path;

/// Of the gradient of one tensor, in L2.
const RELATIVE: f64 = 5e-5;
/// Of a value whose gradient is zero in exact arithmetic.
const ABSOLUTE: f32 = 1e-7;

struct Case {
    json: Value,
    architecture: Architecture,
    weights: StateDict,
    pairs: Pairs,
}

impl Case {
    fn open(folder: &Path, name: &str) -> Self {
        let json = read_json(folder.join(format!("{name}.json")));
        let architecture = architecture(&json["config"]);
        let file = folder.join(format!("{name}_initial.safetensors"));
        let tensors = safetensors::open(&file).unwrap().tensors.into_iter().collect();
        let weights = StateDict::from_tensors(file, tensors);
        let pairs = first_batch(&json, architecture.image.resolution());
        Self { json, architecture, weights, pairs }
    }

    fn check<D: Train>(&self, device: D, gradients: &Path, case: &str) -> Step {
        let mut model = model(device, Precision::F32, &self.architecture, &self.weights);
        let step = step(&mut model, &self.pairs, all);
        let expected = self.json["variants"]["contrastive"]["loss"].as_f64().unwrap();
        assert!((step.loss - expected).abs() < 2e-5, "{case}: loss {} {expected}", step.loss);
        let zero = self.json["gradients_that_are_zero_by_symmetry"].as_array().unwrap();
        let expected = safetensors::open(gradients).unwrap().tensors;
        let (mut compared, mut worst) = (0, (0.0, ""));
        for (index, parameter) in model.parameters().iter().enumerate() {
            let Some(found) = &step.gradients[index] else { continue };
            let name = parameter.name.as_str();
            let expected = expected[name].to_f32();
            assert_eq!(found.len(), expected.len(), "{case}: {name}");
            compared += 1;
            if zero.iter().any(|zero| zero == name) {
                let largest = found.iter().fold(0.0f32, |a, b| a.max(b.abs()));
                assert!(largest <= ABSOLUTE, "{case}: {name} {largest:e}");
                continue;
            }
            let error = relative_l2(found, &expected);
            assert!(error <= RELATIVE, "{case}: {name} {error:e}");
            if error > worst.0 {
                worst = (error, name);
            }
        }
        assert_eq!(compared, expected.len(), "{case}: gradients");
        println!("{case}: loss {}, worst {:e} of {}", step.loss, worst.0, worst.1);
        step
    }
}

fn relative_l2(found: &[f32], expected: &[f32]) -> f64 {
    let norm = |values: &mut dyn Iterator<Item = f64>| values.map(|v| v * v).sum::<f64>().sqrt();
    let pairs = found.iter().zip(expected);
    let difference = norm(&mut pairs.map(|(&a, &b)| f64::from(a) - f64::from(b)));
    difference / norm(&mut expected.iter().map(|&b| f64::from(b)))
}

fn architecture(config: &Value) -> Architecture {
    let size = |name: &str| config[name].as_u64().unwrap() as usize;
    let (resolution, heads) = (size("image_resolution"), size("vision_heads"));
    let width = size("vision_width");
    let image = match config["vision_layers"].as_array() {
        None => ImageArchitecture::VisionTransformer {
            resolution,
            patch_size: size("vision_patch_size"),
            width,
            layers: size("vision_layers"),
            heads,
            mlp_width: 4 * width,
        },
        Some(blocks) => {
            let count = |stage: usize| blocks[stage].as_u64().unwrap() as usize;
            let blocks = [count(0), count(1), count(2), count(3)];
            ImageArchitecture::ModifiedResNet { resolution, width, blocks, heads }
        }
    };
    let text = TextArchitecture {
        context_length: size("context_length"),
        vocab_size: size("vocab_size"),
        width: size("text_width"),
        layers: size("text_layers"),
        heads: size("text_heads"),
        mlp_width: 4 * size("text_width"),
        pooling: TextPooling::Argmax,
    };
    let embed_dim = size("embed_dim");
    let activation = Activation::QuickGelu;
    Architecture { embed_dim, image, text, activation, logit_bias: false }
}

/// Step 0 of the README's formula.
fn first_batch(json: &Value, resolution: usize) -> Pairs {
    let seed = json["seed"].as_u64().unwrap();
    let values = 3 * resolution * resolution;
    let unit = |name: String| synthetic::uniform(seed, &name, values, 1.0, 0.0);
    let mut pixels = Vec::new();
    let batch = &json["batch_0"];
    let ids: Vec<Vec<u32>> = serde_json::from_value(batch["token_ids"].clone()).unwrap();
    for sample in 0..ids.len() {
        let class = unit(format!("class.{}.pixels", 5 * sample % ids.len()));
        let own = unit(format!("step.0.sample.{sample}.pixels"));
        pixels.extend(class.iter().zip(own).map(|(class, own)| class + 0.5 * own));
    }
    let sum = pixels.iter().enumerate().fold(0u64, |sum, (place, value)| {
        let factor = 1 + place as u64 % 65521;
        sum.wrapping_add(u64::from(value.to_bits()).wrapping_mul(factor))
    });
    let expected = batch["pixels_bits_sum"].as_str().unwrap();
    assert_eq!(format!("{sum:016x}"), expected, "the pixels are not those of the reference");
    Pairs::new(pixels, ids)
}

fn first_gradients_are_those_of_the_reference(name: &str) {
    let Some(folder) = golden("training") else { return };
    let case = Case::open(&folder, name);
    let gradients = folder.join(format!("{name}_step0_grads.safetensors"));
    case.check(Reference, &gradients, &format!("{name} on reference"));
    for device in processors() {
        let on = format!("{name} on {}", device.isa().name());
        case.check(device, &gradients, &on);
    }
}

#[test]
fn first_gradients_of_vit_are_those_of_the_reference() {
    first_gradients_are_those_of_the_reference("vit");
}

#[test]
fn first_gradients_of_resnet_are_those_of_the_reference() {
    first_gradients_are_those_of_the_reference("resnet");
}
