//! `clip-rs train`, interrupted in every way and resumed, as typed: the same bits as one that ran
//! through.

mod common;

use std::path::{Path, PathBuf};
use std::process::Command;

use common::run;
use common::training::{config, outcome, spawn, text, wait_for_lines};

const STEPS: u64 = 40;

/// A run that nobody interrupts.
fn whole(folder: &Path, config: &Path, threads: &str) -> PathBuf {
    let out = folder.join(format!("whole-{threads}"));
    let arguments = ["train", "-c", text(config), "--out", text(&out), "--threads", threads];
    let run = run(&arguments);
    assert_eq!(run.code, 0, "{}", run.stderr);
    out
}

#[test]
fn killed_at_ten_random_steps_and_resumed_with_other_threads_it_gives_the_same_bits() {
    let folder = tempfile::tempdir().expect("a folder");
    let config = config(
        folder.path(),
        STEPS,
        "[towers]\nmoving_average = 0.9\n[run]\ncheckpoint_every = 3\n",
    );
    let expected = outcome(&whole(folder.path(), &config, "2"), STEPS);
    let out = folder.path().join("killed");
    // Ten of the steps, by a hash of the attempt; the first is before any checkpoint.
    let mut at: Vec<usize> =
        (1..10u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 8) as usize % 38 + 1).collect();
    at.push(1);
    at.sort_unstable();
    for (attempt, lines) in at.into_iter().enumerate() {
        let threads = ["1", "2", "4"][attempt % 3];
        let mut arguments =
            vec!["train", "-c", text(&config), "--out", text(&out), "--threads", threads];
        if attempt > 0 {
            arguments.push("--resume");
        }
        let mut running = spawn(&arguments);
        let is_over = wait_for_lines(&out, lines, &mut running);
        assert!(!is_over, "attempt {attempt} was over before it could be killed at {lines}");
        running.kill().expect("it runs"); // SIGKILL
        running.wait().expect("it has ended");
    }
    let run = run(&["train", "--resume", "--out", text(&out), "--threads", "2"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let found = outcome(&out, STEPS);
    for (name, (found, expected)) in
        ["metrics.jsonl", "weights", "state"].iter().zip(found.iter().zip(&expected))
    {
        assert!(found == expected, "{name} differ");
    }
}

#[test]
#[cfg(unix)]
fn signals_save_and_end_with_130_and_resumed_it_gives_the_same_bits() {
    let folder = tempfile::tempdir().expect("a folder");
    let config = config(folder.path(), STEPS, "[run]\ncheckpoint_every = 0\n");
    let expected = outcome(&whole(folder.path(), &config, "2"), STEPS);
    let out = folder.path().join("stopped");
    for (attempt, (signal, lines)) in
        [("TERM", 5), ("INT", 17), ("TERM", 30)].into_iter().enumerate()
    {
        let mut arguments = vec!["train", "-c", text(&config), "--out", text(&out)];
        if attempt > 0 {
            arguments.push("--resume");
        }
        let mut running = spawn(&arguments);
        assert!(!wait_for_lines(&out, lines, &mut running), "over too soon");
        let id = running.id().to_string();
        Command::new("kill").args(["-s", signal, &id]).status().expect("kill is there");
        let status = running.wait().expect("it has ended");
        assert_eq!(status.code(), Some(130), "{signal} at {lines}");
        let told = std::fs::read_to_string(out.join("metrics.jsonl")).expect("there");
        let step = told.matches('\n').count();
        assert!(out.join(format!("checkpoints/step-{step:08}")).is_dir(), "saved at its last step");
    }
    let run = run(&["train", "--resume", "--out", text(&out)]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(outcome(&out, STEPS) == expected, "bits differ");
}

#[test]
fn number_of_threads_changes_no_bit() {
    let folder = tempfile::tempdir().expect("a folder");
    let config = config(folder.path(), 12, "");
    let one = outcome(&whole(folder.path(), &config, "1"), 12);
    for threads in ["2", "4"] {
        assert!(outcome(&whole(folder.path(), &config, threads), 12) == one, "{threads} threads");
    }
}
