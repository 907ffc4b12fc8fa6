//! What training gives back as a checkpoint: names and shapes of a file, in every layout.

use crate::step::{model, step};
use crate::tiny::{pairs, resnet, vision_transformer, weights};
use clip_kernels::{Cpu, Precision, Reference, Train};
use clip_model::{
    Architecture, Checkpoint, Layout, LoadOptions, StateDict, Tensor, TrainableClip, WeightFormat,
    convert,
};
use serde_json::Map;

fn values(weights: &StateDict) -> Vec<(String, Vec<usize>, Vec<f32>)> {
    let of = |(name, tensor): (&str, &Tensor)| {
        (name.to_owned(), tensor.shape().to_vec(), tensor.to_f32())
    };
    weights.iter().map(of).collect()
}

/// After two steps' worth of running statistics, with a bias where `logit_bias` says so.
fn trained(mut architecture: Architecture, logit_bias: bool) -> (StateDict, Architecture) {
    architecture.logit_bias = logit_bias;
    let mut model = model(Cpu::new(), Precision::F32, &architecture, &weights(&architecture));
    for _ in 0..2 {
        step(&mut model, &pairs(&architecture), |_| false);
    }
    (model.state_dict().unwrap(), architecture)
}

#[test]
fn weights_come_back_as_they_went_in() {
    for architecture in [vision_transformer(), resnet()] {
        let weights = weights(&architecture);
        let model = model(Reference, Precision::Bf16, &architecture, &weights);
        let mut back = model.state_dict().unwrap();
        for parameter in architecture.parameters() {
            assert!(back.get(&parameter.name).is_some(), "{}", parameter.name);
            if parameter.name.ends_with("num_batches_tracked") {
                let counter = back.remove(&parameter.name).unwrap();
                assert_eq!((counter.shape(), counter.to_i64().unwrap()), (&[][..], vec![0]));
            }
        }
        assert_eq!(values(&back), values(&weights));
    }
}

#[test]
fn batches_are_counted_on_from_the_file() {
    let (first, architecture) = trained(resnet(), false);
    let counters = |weights: &StateDict| {
        let counters = weights.iter().filter(|(name, _)| name.ends_with("num_batches_tracked"));
        counters.map(|(_, counter)| counter.to_i64().unwrap()[0]).collect::<Vec<_>>()
    };
    assert_eq!(counters(&first), [2; 3 + 3 * 5 + 4]);
    let mut again = model(Cpu::new(), Precision::F32, &architecture, &first);
    step(&mut again, &pairs(&architecture), |_| false);
    step(&mut again, &pairs(&architecture).frozen_batch_norm(), |_| false);
    assert_eq!(counters(&again.state_dict().unwrap()), [3; 3 + 3 * 5 + 4]);
}

#[test]
fn every_layout_holds_what_was_trained() {
    let out = tempfile::tempdir().unwrap();
    for (name, architecture, logit_bias, layouts) in [
        ("vit", vision_transformer(), false, &["openai", "open_clip", "hugging_face"][..]),
        ("resnet", resnet(), false, &["openai", "open_clip"]),
        ("sigmoid", vision_transformer(), true, &["openai", "open_clip"]),
    ] {
        let (weights, architecture) = trained(architecture, logit_bias);
        let checkpoint = Checkpoint::of_weights(weights, architecture.clone()).unwrap();
        let mut written = 0;
        for layout in [Layout::OpenAi, Layout::OpenClip, Layout::HuggingFace] {
            let file = format!("{name}_{}.safetensors", layout.name());
            let path = match layout {
                Layout::OpenAi => out.path().join(file),
                _ => out.path().join(file.replace(".safetensors", "")),
            };
            let done = convert(&checkpoint, layout, &path, WeightFormat::F32, &Map::new());
            if !layouts.contains(&layout.name()) {
                assert!(done.is_err() && !path.exists(), "{name} {}", layout.name());
                continue;
            }
            done.unwrap();
            written += 1;
            let read = Checkpoint::open(&path, &LoadOptions::default()).unwrap();
            assert_eq!(read.architecture, architecture, "{name} {}", layout.name());
            let digest = checkpoint.digest();
            assert_eq!(read.digest(), digest, "{name} {}", layout.name());
        }
        assert_eq!(written, layouts.len());
    }
}

#[test]
fn weights_of_another_architecture_are_no_checkpoint() {
    let (weights, architecture) = trained(vision_transformer(), true);
    let without = Architecture { logit_bias: false, ..architecture };
    let error = Checkpoint::of_weights(weights, without).unwrap_err().to_string();
    assert!(error.contains("logit_bias"), "{error}");
}

#[test]
fn the_bias_of_a_sigmoid_loss_is_a_parameter() {
    let (weights, architecture) = trained(vision_transformer(), true);
    let model = TrainableClip::new(Reference, Precision::F32, &architecture, &weights).unwrap();
    assert_eq!(model.logit_bias().unwrap(), Some(-10.0));
    assert_eq!(model.logit_scale().unwrap(), 1.6);
    let index = model.index_of("logit_bias").unwrap();
    assert_eq!(model.device().read(model.value(index)).unwrap(), [-10.0]);
    let without = vision_transformer();
    let model = TrainableClip::new(Reference, Precision::F32, &without, &weights).unwrap();
    assert_eq!((model.logit_bias().unwrap(), model.index_of("logit_bias")), (None, None));
}
