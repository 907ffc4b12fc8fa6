//! A mapped file and the weights packed from it are never in memory both as a whole.

#![cfg(target_os = "linux")]

use clip_kernels::{Cpu, Precision};
use clip_model::safetensors::{self, WriteTensor};
use clip_model::{
    Activation, Architecture, Checkpoint, ClipModel, ImageArchitecture, Layout, LoadOptions,
    TextArchitecture, TextPooling, WeightFormat, convert, synthetic,
};
use std::path::Path;
use std::process::Command;

/// 28 MB in the image tower, 28 MB in the text tower, 8 MB of token table.
fn architecture() -> Architecture {
    let image = ImageArchitecture::VisionTransformer {
        resolution: 64,
        patch_size: 32,
        width: 384,
        layers: 4,
        heads: 6,
        mlp_width: 1536,
    };
    let text = TextArchitecture {
        context_length: 16,
        vocab_size: 5000,
        width: 384,
        layers: 4,
        heads: 6,
        mlp_width: 1536,
        pooling: TextPooling::Argmax,
    };
    let activation = Activation::QuickGelu;
    Architecture { embed_dim: 256, image, text, activation, logit_bias: false }
}

/// Names the file that the process of its own loads.
const FILE: &str = "CLIP_RS_TEST_LOAD_MEMORY";

/// How much more memory there is at most while loading than before, in bytes; in a process of its
/// own, because this one has memory at hand that it need not ask for.
fn peak_of_loading(path: &Path) -> u64 {
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args(["--ignored", "--exact", "--nocapture", "load_the_file_named_by_the_environment"]);
    let output = child.env(FILE, path).output().unwrap();
    let output = String::from_utf8(output.stdout).unwrap();
    let peak =
        output.lines().find_map(|line| line.split_once("peak ").map(|(_, peak)| peak.parse()));
    peak.unwrap_or_else(|| panic!("{output}")).unwrap()
}

#[test]
#[ignore = "run by the other test"]
fn load_the_file_named_by_the_environment() {
    let Some(path) = std::env::var_os(FILE) else { return };
    let before = memory("VmRSS");
    let options = LoadOptions { activation: Some(Activation::QuickGelu), ..LoadOptions::default() };
    let checkpoint = Checkpoint::open(Path::new(&path), &options).unwrap();
    let (architecture, weights) = (&checkpoint.architecture, &checkpoint.state_dict);
    let model = ClipModel::new(Cpu::new(), Precision::F32, architecture, weights).unwrap();
    println!("\npeak {}", memory("VmHWM").saturating_sub(before));
    drop(model);
}

/// `VmRSS` or `VmHWM`, in bytes.
fn memory(field: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':')).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
}

#[test]
fn loading_takes_little_more_memory_than_the_weights() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("openai.safetensors");
    let weights = synthetic::state_dict(&architecture(), 1);
    let tensors =
        weights.iter().map(|(name, tensor)| WriteTensor::as_is(name, tensor.clone())).collect();
    safetensors::write(&file, tensors, &Default::default()).unwrap();
    drop(weights);
    let size = std::fs::metadata(&file).unwrap().len();
    let options = LoadOptions { activation: Some(Activation::QuickGelu), ..LoadOptions::default() };
    let checkpoint = Checkpoint::open(&file, &options).unwrap();
    let hugging_face = folder.path().join("hugging_face");
    convert(
        &checkpoint,
        Layout::HuggingFace,
        &hugging_face,
        WeightFormat::AsStored,
        &Default::default(),
    )
    .unwrap();
    let half = folder.path().join("half.safetensors");
    convert(&checkpoint, Layout::OpenAi, &half, WeightFormat::F16, &Default::default()).unwrap();
    drop(checkpoint);
    for path in [file, hugging_face, half] {
        let peak = peak_of_loading(&path);
        println!("{}: peak {:.2} times the weights", path.display(), peak as f64 / size as f64);
        // 1.2 is asked for at full size; here the scratch of two threads weighs ten times as much.
        assert!(peak < size * 3 / 2, "{}: {peak} bytes for {size} of weights", path.display());
    }
}
