//! Four tiny models in every checkpoint format against `golden/model`: the outputs of the Python
//! reference in f64. All formats of a model hold the same values, so all give the same features.

#[path = "golden/mod.rs"]
mod golden;

use clip_testing::skipped;
use golden::{model_folder, unpack};

use clip_kernels::{Cpu, Device, Isa, Precision, Reference};
use clip_model::{Checkpoint, ClipModel, LoadOptions, joint_space::normalize_rows, safetensors};
use std::fs;
use std::path::Path;

/// Largest difference over the largest magnitude. An f32 run of the reference itself is off by up
/// to 1e-6 (manifest.json).
const RELATIVE: f32 = 1e-5;

/// Models and the formats each of them is in.
const MODELS: [(&str, &[&str]); 4] = [
    (
        "vit_quickgelu",
        &[
            "openai_jit",
            "openai_jit_cuda",
            "state_dict",
            "state_dict_legacy",
            "training_checkpoint",
            "open_clip_dir",
            "bf16",
            "hf",
            "hf_sharded",
        ],
    ),
    (
        "vit_gelu",
        &["state_dict", "training_checkpoint", "open_clip_dir", "bf16", "hf", "hf_sharded"],
    ),
    (
        "resnet",
        &[
            "openai_jit",
            "openai_jit_cuda",
            "state_dict",
            "state_dict_legacy",
            "training_checkpoint",
            "open_clip_dir",
            "bf16",
        ],
    ),
    (
        "vit_patch14",
        &[
            "openai_jit",
            "state_dict",
            "state_dict_legacy",
            "training_checkpoint",
            "open_clip_dir",
            "bf16",
            "hf",
            "hf_bin",
            "hf_sharded",
        ],
    ),
];

/// What goes in and what must come out.
struct Golden {
    pixels: Vec<f32>,
    texts: Vec<Vec<u32>>,
    image_features: Vec<f32>,
    text_features: Vec<f32>,
    logits_per_image: Vec<f32>,
}

impl Golden {
    fn read(folder: &Path) -> Self {
        let inputs = safetensors::open(&folder.join("inputs.safetensors")).unwrap().tensors;
        let outputs = safetensors::open(&folder.join("outputs.safetensors")).unwrap().tensors;
        let ids = inputs["token_ids"].to_i64().unwrap();
        Self {
            pixels: inputs["pixels"].to_f32(),
            texts: ids.chunks(77).map(|text| text.iter().map(|&id| id as u32).collect()).collect(),
            image_features: outputs["image_features"].to_f32(),
            text_features: outputs["text_features"].to_f32(),
            logits_per_image: outputs["logits_per_image"].to_f32(),
        }
    }

    fn check<D: Device>(&self, device: D, checkpoint: &Checkpoint, case: &str) {
        let model = ClipModel::new(
            device,
            Precision::F32,
            &checkpoint.architecture,
            &checkpoint.state_dict,
        )
        .unwrap();
        let texts: Vec<&[u32]> = self.texts.iter().map(Vec::as_slice).collect();
        let mut images = model.encode_images(&self.pixels).unwrap();
        let mut texts = model.encode_texts(&texts).unwrap();
        assert_close(&images, &self.image_features, &format!("{case}: image features"));
        assert_close(&texts, &self.text_features, &format!("{case}: text features"));
        normalize_rows(&mut images, model.embed_dim());
        normalize_rows(&mut texts, model.embed_dim());
        let logits = logits_per_image(&images, &texts, model.embed_dim(), model.scale());
        assert_close(&logits, &self.logits_per_image, &format!("{case}: logits"));
    }
}

fn assert_close(found: &[f32], expected: &[f32], case: &str) {
    assert_eq!(found.len(), expected.len(), "{case}");
    let largest = expected.iter().fold(0.0_f32, |a, b| a.max(b.abs()));
    let error = found.iter().zip(expected).fold(0.0_f32, |worst, (a, b)| worst.max((a - b).abs()));
    assert!(error <= RELATIVE * largest, "{case}: {error:e} of {largest}");
}

/// Unpacks one format of a model and opens it.
fn open(folder: &Path, format: &str) -> Checkpoint {
    let unpacked = tempfile::tempdir().unwrap();
    unpack(&folder.join(format), unpacked.path());
    // A folder with a configuration is opened as a folder, a file by its name.
    let is_folder = unpacked.path().join("config.json").exists()
        || unpacked.path().join("open_clip_config.json").exists();
    let path = golden::checkpoint_path(unpacked.path());
    // Tensors of `vit_gelu` alone say neither how many heads nor which activation.
    let config = folder.join("open_clip_dir/open_clip_config.json");
    let needs_config = folder.ends_with("vit_gelu") && !is_folder;
    let config = needs_config.then(|| fs::read_to_string(config).unwrap());
    let options = LoadOptions { config, guess_activation: true, ..LoadOptions::default() };
    Checkpoint::open(&path, &options).unwrap_or_else(|error| panic!("{format}: {error}"))
}

fn every_format_gives_the_features_of_the_reference(index: usize) {
    let (model, formats) = MODELS[index];
    let Some(folder) = model_folder(model) else { return };
    let golden = Golden::read(&folder);
    for format in formats {
        if !folder.join(format).exists() {
            skipped(&format!("{model}/{format} is not in this checkout's part of the golden data"));
            continue;
        }
        let checkpoint = open(&folder, format);
        for isa in Isa::available() {
            golden.check(
                Cpu::with_isa(isa),
                &checkpoint,
                &format!("{model}/{format} on {}", isa.name()),
            );
        }
        golden.check(Reference, &checkpoint, &format!("{model}/{format} on reference"));
    }
}

#[test]
fn every_format_of_vit_quickgelu_gives_the_features_of_the_reference() {
    every_format_gives_the_features_of_the_reference(0);
}

#[test]
fn every_format_of_vit_gelu_gives_the_features_of_the_reference() {
    every_format_gives_the_features_of_the_reference(1);
}

#[test]
fn every_format_of_resnet_gives_the_features_of_the_reference() {
    every_format_gives_the_features_of_the_reference(2);
}

#[test]
fn every_format_of_vit_patch14_gives_the_features_of_the_reference() {
    every_format_gives_the_features_of_the_reference(3);
}

/// `scale · cosine` of every picture with every text, `[images, texts]`, of normalised rows.
fn logits_per_image(images: &[f32], texts: &[f32], embed_dim: usize, scale: f32) -> Vec<f32> {
    let dot = |a: &[f32], b: &[f32]| -> f64 {
        a.iter().zip(b).map(|(&a, &b)| f64::from(a) * f64::from(b)).sum()
    };
    let logits = |image| {
        texts.chunks(embed_dim).map(move |text| (f64::from(scale) * dot(image, text)) as f32)
    };
    images.chunks(embed_dim).flat_map(logits).collect()
}
