//! Running the program as a person would: in the project's root, with a home folder that cannot be.
#![allow(dead_code, reason = "each test file uses a part")]

pub(crate) mod cifar10;
pub(crate) mod training;

use std::path::{Path, PathBuf};

use assert_cmd::Command;

pub(crate) fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..")
}

pub(crate) fn clip_rs(arguments: &[&str]) -> Command {
    let mut command = Command::cargo_bin("clip-rs").expect("the program is built");
    command.args(arguments).current_dir(root()).env_clear();
    command.env("HOME", "/dev/null/home").env("COLUMNS", "80"); // a width that every terminal has
    command
}

#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

pub(crate) fn run(arguments: &[&str]) -> Run {
    run_with_stdin(arguments, b"")
}

pub(crate) fn run_with_stdin(arguments: &[&str], stdin: &[u8]) -> Run {
    let output = clip_rs(arguments).write_stdin(stdin).output().expect("it runs");
    Run {
        code: output.status.code().expect("no signal"),
        stdout: String::from_utf8(output.stdout).expect("UTF-8"),
        stderr: String::from_utf8(output.stderr).expect("UTF-8"),
    }
}

/// Every line of `text` as JSON.
pub(crate) fn json_lines(text: &str) -> Vec<serde_json::Value> {
    text.lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect()
}

/// Unpacks a golden file into `folder`.
pub(crate) fn unpack(path: &str, folder: &Path) -> PathBuf {
    let packed = clip_testing::golden(path).expect("beside the others");
    let unpacked = folder.join(packed.file_stem().expect("a name"));
    clip_testing::unpack(&packed, &unpacked);
    unpacked
}
