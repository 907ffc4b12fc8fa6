//! `clip-rs train` under `mpirun`: cargo test -p clip-cli --features mpi --test train_mpi
#![cfg(feature = "mpi")]

mod common;

use std::path::{Path, PathBuf};
use std::process::Output;

use common::root;

/// Steps of a run; a checkpoint stands in its middle.
const STEPS: usize = 20;

/// Seconds after which `mpirun` ends what hangs.
const PATIENCE: &str = "300";

/// What every run has; a tiny CLIP, and so a high learning rate.
const RUN: &str = "--resolution 32 --embed-dim 24 --patch-size 8 --image-width 32 --image-layers 2 \
    --image-heads 2 --text-width 32 --text-layers 2 --text-heads 2 --context-length 16 \
    --batch-size 8 --steps 20 --warmup 2 --learning-rate 1e-3 --checkpoint-every 10 --threads 1 \
    --tensorboard=false --quiet";

/// The project's photos, each with a caption.
fn pairs(folder: &Path) -> PathBuf {
    let photos = root().join("photos").canonicalize().expect("there");
    let mut names: Vec<_> = std::fs::read_dir(&photos)
        .expect("photos")
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "jpg"))
        .collect();
    names.sort();
    let rows = names.iter().map(|path| {
        let name = path.file_stem().and_then(|name| name.to_str()).expect("UTF-8");
        format!("{},a photo of: {name}\n", path.display())
    });
    let table = folder.join("pairs.csv");
    let text: String = std::iter::once("filepath,title\n".to_owned()).chain(rows).collect();
    std::fs::write(&table, text).expect("writes");
    table
}

/// One `mpirun`: its ranks, and what each group of them runs.
fn mpirun(groups: &[(usize, Vec<String>)]) -> Output {
    let mut command = std::process::Command::new("mpirun");
    command.args(["--allow-run-as-root", "--oversubscribe", "--timeout", PATIENCE]);
    // Ranks that wait leave the cores to those that work.
    command.args(["--mca", "mpi_yield_when_idle", "1"]);
    for (number, (ranks, arguments)) in groups.iter().enumerate() {
        let separator: &[&str] = if number > 0 { &[":"] } else { &[] };
        command.args(separator).args(["-n", &ranks.to_string()]);
        command.arg(assert_cmd::cargo::cargo_bin("clip-rs")).args(arguments);
    }
    command.current_dir(root()).output().expect("Open MPI is installed")
}

fn arguments(pairs: &Path, out: &Path, more: &[&str]) -> Vec<String> {
    let paths = ["train", "--source", path(pairs), "--out", path(out)];
    paths
        .into_iter()
        .chain(RUN.split_whitespace())
        .chain(more.iter().copied())
        .map(Into::into)
        .collect()
}

fn path(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}

fn succeeded(output: &Output) {
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{:?}\n{text}", output.status);
}

/// Loss of every step, in order.
fn losses(out: &Path) -> Vec<f64> {
    let text = std::fs::read_to_string(out.join("metrics.jsonl")).expect("metrics");
    let lines = common::json_lines(&text);
    let losses: Vec<f64> = lines.iter().filter_map(|line| line.get("loss")?.as_f64()).collect();
    assert_eq!(losses.len(), STEPS, "a loss for each step");
    losses
}

fn farthest_apart(one: &[f64], other: &[f64]) -> f64 {
    one.iter().zip(other).map(|(one, other)| (one - other).abs()).fold(0.0, f64::max)
}

#[test]
fn two_ranks_make_the_steps_of_one_and_one_goes_on_where_two_ended() {
    let folder = tempfile::tempdir().expect("a folder");
    let pairs = pairs(folder.path());
    let (alone, both) = (folder.path().join("alone"), folder.path().join("both"));
    common::clip_rs(&[]).args(arguments(&pairs, &alone, &[])).assert().success();
    succeeded(&mpirun(&[(2, arguments(&pairs, &both, &[]))]));
    let (expected, found) = (losses(&alone), losses(&both));
    let apart = farthest_apart(&expected, &found);
    println!("2 ranks against 1: losses of {STEPS} steps at most {apart:.1e} apart");
    assert!(apart < 1e-5, "{expected:?}\n{found:?}");
    assert!(expected[STEPS - 1] < expected[0], "nothing is learned: {expected:?}");

    // Back to the checkpoint in the middle, which two ranks made, and on with one.
    let checkpoints = both.join("checkpoints");
    let names = || {
        let entries = std::fs::read_dir(&checkpoints).expect("checkpoints").flatten();
        let mut names: Vec<_> = entries.map(|entry| entry.path()).collect();
        names.sort();
        names
    };
    let last = names().pop().expect("the last");
    std::fs::remove_dir_all(&last).expect("removed");
    assert!(path(names().last().expect("the one before")).ends_with("10"), "{:?}", names());
    common::clip_rs(&["train", "--resume", "--out", path(&both), "--quiet"]).assert().success();
    let resumed = losses(&both);
    let apart = farthest_apart(&expected, &resumed);
    println!("2 ranks, then 1: losses at most {apart:.1e} apart");
    assert!(apart < 1e-5, "{expected:?}\n{resumed:?}");
}

#[test]
fn a_rank_that_fails_ends_all_and_says_why() {
    let folder = tempfile::tempdir().expect("a folder");
    let pairs = pairs(folder.path());
    let out = folder.path().join("out");
    let missing = folder.path().join("missing.csv");
    let output = mpirun(&[(1, arguments(&pairs, &out, &[])), (1, arguments(&missing, &out, &[]))]);
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success());
    assert!(text.contains("missing.csv"), "{text}");
    assert!(!text.contains("The user-provided time limit"), "it hung: {text}");
}
