//! Hostile and broken files: every case of `golden/checkpoints_bad` gets its verdict, without
//! running anything, in bounded time and memory.

use clip_kernels::{Cpu, Precision};
use clip_model::{Activation, Checkpoint, CheckpointError, ClipModel, LoadOptions};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// All cases beside the checkout, else the part of them in `tests/data`.
fn cases() -> (PathBuf, Vec<Value>) {
    let part = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/checkpoints_bad");
    let folder = clip_testing::golden("checkpoints_bad").unwrap_or(part);
    let json = clip_testing::read_json(folder.join("bad.json"));
    (folder, json["cases"].as_array().unwrap().clone())
}

/// First three values of the first two rows of `visual.proj`, as the cases give them.
fn projection(checkpoint: &Checkpoint) -> Vec<Vec<f32>> {
    let tensor = checkpoint.state_dict.get("visual.proj").unwrap();
    let columns = tensor.shape()[1];
    tensor.to_f32().chunks(columns).take(2).map(|row| row[..3].to_vec()).collect()
}

/// A checkpoint that a model could be made of.
fn load(path: &Path, options: &LoadOptions) -> Result<Checkpoint, CheckpointError> {
    let checkpoint = Checkpoint::open(path, options)?;
    ClipModel::new(Cpu::new(), Precision::F32, &checkpoint.architecture, &checkpoint.state_dict)?;
    Ok(checkpoint)
}

/// What this program decides where the golden data leave a choice. Views that overlap within their
/// storage are legal torch and load; wrappers of training are unwrapped. One storage read as two
/// element types is refused: one of the readings must be noise.
const REFUSED_BY_CHOICE: [&str; 1] = ["storage_two_types.pt"];

#[test]
fn every_bad_checkpoint_gets_its_verdict() {
    let (folder, cases) = cases();
    // Some cases carry no configuration and no mark of OpenAI's.
    let options = LoadOptions { activation: Some(Activation::QuickGelu), ..LoadOptions::default() };
    let mut wrong = Vec::new();
    for case in &cases {
        let [file, expect] = ["file", "expect"].map(|key| case[key].as_str().unwrap());
        let start = Instant::now();
        let outcome = load(&folder.join(file), &options);
        let took = start.elapsed();
        if took > Duration::from_secs(5) {
            wrong.push(format!("{file}: took {took:?}"));
        }
        let should_load =
            expect == "load" || expect == "load_or_refuse" && !REFUSED_BY_CHOICE.contains(&file);
        match outcome {
            Ok(checkpoint) if should_load => {
                let expected = &case["reference"]["visual.proj"];
                if !expected.is_null() {
                    let expected: Vec<Vec<f32>> = serde_json::from_value(expected.clone()).unwrap();
                    if projection(&checkpoint) != expected {
                        wrong.push(format!("{file}: loaded with {:?}", projection(&checkpoint)));
                    }
                }
            }
            Ok(_) => wrong.push(format!("{file}: loaded, should be refused: {}", case["what"])),
            Err(error) if should_load => {
                wrong.push(format!("{file}: refused, should load: {error}"));
            }
            Err(error) => {
                println!("{}", error.to_string().replace(folder.to_str().unwrap(), ""));
                if error.to_string().len() > 1000 || error.to_string().contains('\n') {
                    wrong.push(format!("{file}: message is too long or has several lines"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
    assert!(!Path::new("CLIP_PWNED").exists(), "something was executed");
    assert_memory_stayed_below_500_mb();
}

fn assert_memory_stayed_below_500_mb() {
    let Ok(status) = std::fs::read_to_string("/proc/self/status") else { return };
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    let kilobytes: u64 = peak.trim().trim_end_matches(" kB").parse().unwrap();
    println!("peak memory {kilobytes} kB");
    assert!(kilobytes < 500_000, "peak memory {kilobytes} kB");
}
