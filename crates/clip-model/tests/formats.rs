//! Every format of `golden/model` gives the same tensors and the right architecture.

mod golden;

use clip_model::architecture::{
    Activation, Architecture, ImageArchitecture, TextArchitecture, TextPooling,
};
use clip_model::{ActivationSource, Checkpoint, Layout, LoadOptions};
use golden::{checkpoint_path, model_folder, unpack};
use std::fs;

struct Expected {
    architecture: Architecture,
    /// Configuration for files that come without one and cannot do without.
    config: Option<String>,
}

fn vision_transformer(sizes: [usize; 6]) -> ImageArchitecture {
    let [resolution, patch_size, width, layers, heads, mlp_width] = sizes;
    ImageArchitecture::VisionTransformer { resolution, patch_size, width, layers, heads, mlp_width }
}

fn expected(
    model: &str,
    embed_dim: usize,
    image: ImageArchitecture,
    text: [usize; 3],
) -> Option<Expected> {
    let [width, layers, heads] = text;
    let text = TextArchitecture {
        context_length: 77,
        vocab_size: 49408,
        width,
        layers,
        heads,
        mlp_width: 4 * width,
        pooling: TextPooling::Argmax,
    };
    let gelu = model == "vit_gelu";
    let activation = if gelu { Activation::Gelu } else { Activation::QuickGelu };
    let config = model_folder(model)?.join("open_clip_dir/open_clip_config.json");
    let config = gelu.then(|| fs::read_to_string(config).unwrap());
    let logit_bias = false;
    let architecture = Architecture { embed_dim, image, text, activation, logit_bias };
    Some(Expected { architecture, config })
}

fn every_format_is_the_same_model(model: &str, expected: Option<Expected>) {
    let (Some(folder), Some(expected)) = (model_folder(model), expected) else { return };
    let unpacked = tempfile::tempdir().unwrap();
    let mut first: Option<Checkpoint> = None;
    let mut formats: Vec<_> =
        fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    formats.retain(|path| path.is_dir());
    formats.sort();
    for format in formats {
        let name = format.file_name().unwrap().to_str().unwrap().to_owned();
        let here = unpacked.path().join(&name);
        unpack(&format, &here);
        let bare = name.starts_with("state_dict") || name == "training_checkpoint";
        let options = LoadOptions {
            config: expected.config.clone().filter(|_| bare),
            // Nothing in bare weights says which activation, not even OpenAI's mixture of f16 and
            // f32.
            activation: (bare && expected.config.is_none()).then_some(Activation::QuickGelu),
            ..LoadOptions::default()
        };
        let checkpoint = Checkpoint::open(&checkpoint_path(&here), &options)
            .unwrap_or_else(|e| panic!("{name}: {e}"));
        let mut architecture = checkpoint.architecture.clone();
        // The Hugging Face variants of this model name the end token on purpose.
        if model == "vit_gelu" && name.starts_with("hf") {
            assert_eq!(architecture.text.pooling, TextPooling::FirstId(49407), "{name}");
            architecture.text.pooling = TextPooling::Argmax;
        }
        assert_eq!(architecture, expected.architecture, "{name}");
        let layout = match name.as_str() {
            "hf" | "hf_bin" | "hf_sharded" => Layout::HuggingFace,
            "openai_jit" | "openai_jit_cuda" => Layout::OpenAi,
            _ => Layout::OpenClip,
        };
        assert_eq!(checkpoint.layout, layout, "{name}");
        let source = match name.as_str() {
            _ if options.activation.is_some() => ActivationSource::Flag,
            _ if layout == Layout::OpenAi => ActivationSource::OpenAiLayout,
            _ => ActivationSource::Config,
        };
        assert_eq!(checkpoint.activation_source, source, "{name}");
        assert!(checkpoint.check().is_ok(), "{name}");
        match &first {
            None => first = Some(checkpoint),
            Some(first) => assert_same_tensors(first, &checkpoint, &name),
        }
    }
    assert!(first.is_some(), "{} holds no format", folder.display());
}

fn assert_same_tensors(a: &Checkpoint, b: &Checkpoint, name: &str) {
    for parameter in a.architecture.parameters() {
        if parameter.kind.is_optional() {
            continue;
        }
        let [a, b] = [a, b].map(|checkpoint| {
            checkpoint.state_dict.floats(&parameter.name, &parameter.shape).unwrap().to_f32()
        });
        assert!(a == b, "{name}: {} differs", parameter.name);
    }
}

#[test]
fn vit_quickgelu_is_the_same_in_every_format() {
    let image = vision_transformer([32, 8, 128, 2, 2, 512]);
    every_format_is_the_same_model(
        "vit_quickgelu",
        expected("vit_quickgelu", 40, image, [64, 2, 1]),
    );
}

#[test]
fn vit_gelu_is_the_same_in_every_format() {
    let image = vision_transformer([48, 16, 48, 3, 3, 192]);
    every_format_is_the_same_model("vit_gelu", expected("vit_gelu", 24, image, [32, 2, 4]));
}

#[test]
fn vit_patch14_is_the_same_in_every_format() {
    let image = vision_transformer([70, 14, 64, 2, 1, 256]);
    every_format_is_the_same_model("vit_patch14", expected("vit_patch14", 48, image, [192, 2, 3]));
}

#[test]
fn resnet_is_the_same_in_every_format() {
    let image = ImageArchitecture::ModifiedResNet {
        resolution: 64,
        width: 8,
        blocks: [2, 1, 2, 1],
        heads: 4,
    };
    every_format_is_the_same_model("resnet", expected("resnet", 32, image, [128, 2, 2]));
}
