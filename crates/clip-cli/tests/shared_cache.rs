//! Programs that run at the same time with one cache of features, some of them killed: figures are
//! those of a run alone.

mod common;

use std::fs;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use common::cifar10::{cifar10, folders};

const ROUNDS: u64 = 3;

fn start(data: &str, root: &Path, out: &Path, features: &Path) -> Child {
    let mut program = Command::new(assert_cmd::cargo::cargo_bin!("clip-rs"));
    program.args(["eval", "zeroshot", "--dataset", data]);
    for (flag, path) in [("--root", root), ("--out", out), ("--features", features)] {
        program.arg(flag).arg(path);
    }
    program
        .current_dir(common::root())
        .env_clear()
        .env("HOME", "/dev/null/home")
        .env("CLIP_RS_THREADS", "1");
    program.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it starts")
}

/// CIFAR-10 is a miniature here, and so not all that was published.
fn is_done(status: ExitStatus) -> bool {
    matches!(status.code(), Some(0 | 3))
}

fn predictions(out: &Path) -> Vec<u8> {
    let files =
        fs::read_dir(out.join("starter")).expect("results").flatten().map(|entry| entry.path());
    let mut lines = files.filter(|path| path.to_string_lossy().ends_with(".predictions.jsonl"));
    fs::read(lines.next().expect("predictions")).expect("readable")
}

/// The four data sets share images in part: rows of each are read by the others.
#[test]
fn programs_that_share_a_cache_give_the_figures_of_a_run_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    let root = folder.path();
    cifar10(root, 96);
    folders(&root.join("first"), 24, 0);
    folders(&root.join("second"), 24, 60);
    folders(&root.join("both"), 36, 30);
    let sets = ["cifar10", "folder:first", "folder:second", "folder:both"];
    let place = |name: &str, set: usize| root.join(format!("{name}-{set}"));
    let alone: Vec<Vec<u8>> = (0..sets.len())
        .map(|set| {
            let out = place("alone", set);
            let mut running = start(sets[set], root, &out, &place("features", set));
            assert!(is_done(running.wait().expect("it ends")));
            predictions(&out)
        })
        .collect();
    for round in 0..ROUNDS {
        let features = root.join(format!("shared-{round}"));
        let mut running: Vec<Child> = (0..sets.len())
            .map(|set| start(sets[set], root, &place(&format!("round-{round}"), set), &features))
            .collect();
        // Another two each time, and at another moment.
        for victim in [round, round + 1] {
            std::thread::sleep(Duration::from_millis(60 + 70 * round));
            let _ = running[victim as usize % sets.len()].kill(); // it may be over
        }
        for running in &mut running {
            running.wait().expect("it ends");
        }
        for (set, alone) in alone.iter().enumerate() {
            let out = place(&format!("after-{round}"), set);
            assert!(is_done(start(sets[set], root, &out, &features).wait().expect("it ends")));
            assert!(predictions(&out) == *alone, "{} after round {round}", sets[set]);
        }
    }
}
