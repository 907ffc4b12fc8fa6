//! Broken and malicious files, as a person would meet them: the outcome the golden data expect, the file named, no
//! panic, no abort, and each within a few seconds.

mod common;

use std::path::Path;
use std::time::Duration;

use common::{clip_rs, golden};

/// The requirement is 5 s on a quiet machine.
const TIME_LIMIT: Duration = Duration::from_secs(30);

fn cases(folder: &str) -> Option<Vec<serde_json::Value>> {
    let text = std::fs::read(golden(folder)?.join("bad.json")).expect("the list");
    let list: serde_json::Value = serde_json::from_slice(&text).expect("JSON");
    Some(list["cases"].as_array().expect("cases").clone())
}

/// Exit code 0 or 1 as `expect` says; an error names the file and leaves stdout empty.
fn check(arguments: &[&str], file: &str, expect: &str) -> Result<(), String> {
    let output =
        clip_rs(arguments).timeout(TIME_LIMIT).output().map_err(|error| format!("{file}: {error}"))?;
    let stderr = String::from_utf8_lossy(&output.stderr);
    let allowed: &[i32] = match expect {
        "ok" | "load" => &[0],
        "error" | "refuse" => &[1],
        "ok_or_error" | "load_or_refuse" => &[0, 1],
        other => panic!("unknown expectation {other}"),
    };
    let code = output.status.code();
    if !code.is_some_and(|code| allowed.contains(&code)) {
        return Err(format!("{file}: {expect}, exit {code:?}: {stderr}"));
    }
    let error = stderr.lines().find(|line| line.starts_with("error: "));
    if code == Some(1) && !(error.is_some_and(|error| error.contains(file)) && output.stdout.is_empty()) {
        return Err(format!("{file}: the error does not name it: {stderr}"));
    }
    Ok(())
}

fn report(failures: Vec<String>, of: usize) {
    assert!(failures.is_empty(), "{} of {of}:\n{}", failures.len(), failures.join("\n"));
}

#[test]
fn every_bad_image_has_its_expected_outcome() {
    let Some(cases) = cases("preprocess/bad") else { return };
    let folder = golden("preprocess/bad").expect("there");
    let out = tempfile::tempdir().expect("a folder");
    let png = out.path().join("out.png");
    let run = |case: &serde_json::Value| {
        let (file, expect) = (text(case, "file"), text(case, "expect"));
        let path = folder.join(file);
        check(&["preprocess", utf8(&path), "--out", utf8(&png)], file, expect).err()
    };
    report(cases.iter().filter_map(run).collect(), cases.len());
}

#[test]
fn every_bad_checkpoint_has_its_expected_outcome_and_nothing_is_executed() {
    let Some(cases) = cases("checkpoints_bad") else { return };
    let folder = golden("checkpoints_bad").expect("there");
    let run = |case: &serde_json::Value| {
        let (file, expect) = (text(case, "file"), text(case, "expect"));
        let path = folder.join(file);
        check(&["models", "info", utf8(&path), "--check", "--json"], file, expect).err()
    };
    report(cases.iter().filter_map(run).collect(), cases.len());
    assert!(!common::root().join("CLIP_PWNED").exists(), "a payload was executed");
}

#[test]
fn things_that_are_no_image_files_are_named() {
    for (path, reason) in
        [("photos", "no label"), ("/dev/zero", "not a regular file"), ("gone.jpg", "cannot read")]
    {
        let labels: &[&str] = if path == "photos" { &[] } else { &["--labels", "a,b"] };
        let run = common::run(&[&["classify", path], labels].concat());
        assert_eq!(run.code, 1, "{}", run.stderr);
        assert!(run.stderr.contains(reason), "{path}: {}", run.stderr);
    }
}

fn text<'a>(case: &'a serde_json::Value, key: &str) -> &'a str {
    case[key].as_str().expect("a string")
}

fn utf8(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}
