//! Broken and malicious files, as a person would meet them: the outcome the golden data expect, the
//! file named, no panic, no abort, and each within a few seconds.

mod common;

use std::path::Path;
use std::time::Duration;

use clip_testing::golden;
use common::clip_rs;

/// The requirement is 5 s on a quiet machine.
const TIME_LIMIT: Duration = Duration::from_secs(30);

fn cases(folder: &str) -> Option<Vec<serde_json::Value>> {
    let text = std::fs::read(golden(folder)?.join("bad.json")).expect("the list");
    let list: serde_json::Value = serde_json::from_slice(&text).expect("JSON");
    Some(list["cases"].as_array().expect("cases").clone())
}

/// Exit code 0 or 1 as `expect` says; an error names the file and leaves stdout empty.
fn check(arguments: &[&str], file: &str, expect: &str) -> Result<(), String> {
    let output = clip_rs(arguments)
        .timeout(TIME_LIMIT)
        .output()
        .map_err(|error| format!("{file}: {error}"))?;
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
    if code == Some(1)
        && !(error.is_some_and(|error| error.contains(file)) && output.stdout.is_empty())
    {
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

/// A pipe that nobody writes to, a device without end, a file of 20 GB that takes no room.
#[cfg(target_os = "linux")]
fn traps(folder: &Path, ending: &str) -> [std::path::PathBuf; 3] {
    let [pipe, device, sparse] =
        ["pipe", "device", "sparse"].map(|name| folder.join(format!("{name}.{ending}")));
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().expect("mkfifo").success());
    std::os::unix::fs::symlink("/dev/zero", &device).expect("linked");
    std::fs::File::create(&sparse).and_then(|file| file.set_len(20 << 30)).expect("sparse");
    [pipe, device, sparse]
}

#[test]
#[cfg(target_os = "linux")]
fn no_verb_waits_for_a_pipe_or_reads_a_device() {
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("out.npy");
    let (out, cell) = (utf8(&out), ["eval", "zeroshot", "--dataset"]);
    for trap in traps(folder.path(), "csv").iter().map(|path| utf8(path)) {
        let own = format!("csv:{trap}");
        let verbs: [Vec<&str>; 12] = [
            vec!["classify", trap, "--labels", "a,b"],
            vec!["classify", "photos/cat.jpg", "--labels-file", trap],
            vec!["similarity", "photos/cat.jpg", "--texts-file", trap],
            vec!["embed", "images", trap, "--out", out],
            vec!["embed", "texts", trap, "--column", "a", "--out", out],
            vec!["preprocess", trap, "--out", "out.png"],
            vec!["models", "info", trap],
            vec!["models", "info", "starter", "--model-config", trap],
            [&cell[..], &[&own]].concat(),
            [&cell[..], &["cifar10", "--root", "photos", "--classnames", trap]].concat(),
            vec!["eval", "suite", trap],
            vec!["eval", "compare", trap, trap],
        ];
        for arguments in verbs {
            let output = clip_rs(&arguments).timeout(TIME_LIMIT).output();
            let output = output.unwrap_or_else(|error| panic!("{arguments:?}: {error}"));
            let stderr = String::from_utf8_lossy(&output.stderr);
            assert_eq!(output.status.code(), Some(1), "{arguments:?}: {stderr}");
        }
    }
}

#[test]
#[cfg(target_os = "linux")]
fn data_set_and_results_with_pipes_and_devices_among_them_are_scored_and_reported() {
    let folder = tempfile::tempdir().expect("a folder");
    let (set, results) = (folder.path().join("set"), folder.path().join("results"));
    for class in ["cat", "dog"] {
        std::fs::create_dir_all(set.join(class)).expect("made");
        let photo = common::root().join("photos").join(class).with_extension("jpg");
        std::fs::copy(photo, set.join(class).join("a.jpg")).expect("copied");
    }
    traps(&set.join("cat"), "jpg");
    let features = folder.path().join("features");
    let own = format!("folder:{}", utf8(&set));
    let arguments = [
        "eval",
        "zeroshot",
        "--dataset",
        &own,
        "--out",
        utf8(&results),
        "--features",
        utf8(&features),
    ];
    let output = clip_rs(&arguments).timeout(TIME_LIMIT).output().expect("it ends");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(3), "{stderr}");
    assert!(stderr.contains("pipe.jpg") && stderr.contains("sparse.jpg"), "{stderr}");
    let pipe = results.join("a.zeroshot.json");
    assert!(std::process::Command::new("mkfifo").arg(pipe).status().expect("mkfifo").success());
    let page = folder.path().join("page.html");
    let report =
        clip_rs(&["report", utf8(&results), "--out", utf8(&page)]).timeout(TIME_LIMIT).output();
    report.expect("it ends");
}

#[test]
#[cfg(target_os = "linux")]
fn work_is_done_where_nobody_reads_what_is_said() {
    let folder = tempfile::tempdir().expect("a folder");
    let ledger = folder.path().join("skipped.jsonl");
    let program = assert_cmd::cargo::cargo_bin!("clip-rs").display().to_string();
    let classify =
        "classify photos/cat.jpg gone.jpg photos/dog.jpg --labels 'a cat,a dog' --json --errors";
    for end in ["2>/dev/full", "2>&-", "| head -c 1", "| true"] {
        let line = format!("set -o pipefail; {program} {classify} {} {end}", ledger.display());
        let mut shell = std::process::Command::new("bash");
        let output = shell
            .args(["-c", &line])
            .current_dir(common::root())
            .env("HOME", "/dev/null/home")
            .output();
        let output = output.expect("bash");
        assert_eq!(
            output.status.code(),
            Some(3),
            "{end}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        let text = std::fs::read_to_string(&ledger).expect("the ledger");
        assert_eq!(common::json_lines(&text)[0]["input"], "gone.jpg", "{end}");
        std::fs::remove_file(&ledger).expect("there");
    }
}

fn text<'a>(case: &'a serde_json::Value, key: &str) -> &'a str {
    case[key].as_str().expect("a string")
}

fn utf8(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}
