//! Every number that a person can choose has a range, and what is outside is refused by its name.

mod common;

use common::run;

#[test]
fn flags_out_of_their_range_are_wrong_usage() {
    let wrong: [(&str, &[&str]); 22] = [
        ("probe", &["--c", "0"]),
        ("probe", &["--c", "-1"]),
        ("probe", &["--c", "nan"]),
        ("probe", &["--c", "inf"]),
        ("fewshot", &["--shots", "0"]),
        ("fewshot", &["--shots", "1,0"]),
        ("fewshot", &["--shots", "-1"]),
        ("fewshot", &["--draws", "0"]),
        ("fewshot", &["--draws", "100000000000"]),
        ("retrieval", &["--captions", "0"]),
        ("retrieval", &["--caption-template", "a photo of"]),
        ("zeroshot", &["--level", "95"]),
        ("zeroshot", &["--level", "0"]),
        ("zeroshot", &["--level", "nan"]),
        ("zeroshot", &["--resamples", "0"]),
        ("zeroshot", &["--resamples", "100000000000"]),
        ("zeroshot", &["--seed", "-1"]),
        ("zeroshot", &["--frames", "all", "--fps", "0"]),
        ("zeroshot", &["--frames", "all", "--fps", "inf"]),
        ("zeroshot", &["--threads", "0"]),
        ("zeroshot", &["--max-pixels", "-1"]),
        ("zeroshot", &["--shard", "2/2"]),
    ];
    for (verb, flags) in wrong {
        let found =
            run(&[&["eval", verb, "--dataset", "cifar10", "--root", "/nowhere"], flags].concat());
        let flag = flags[flags.len() - 2];
        assert_eq!(found.code, 2, "{verb} {flags:?}: {}", found.stderr);
        assert!(found.stderr.contains(flag), "{verb} {flags:?}: {}", found.stderr);
    }
}

#[test]
fn settings_out_of_their_range_are_refused_by_their_name() {
    let photo = "photos/cat.jpg";
    let wrong = [
        (
            vec!["--threads", "2147483648"],
            1,
            "--threads: threads: 2147483648 is no whole number from 1 to",
        ),
        (vec!["--max-pixels", "0"], 1, "--max-pixels: max_pixels: 0 is not 1 or more"),
        (vec!["--top", "0"], 2, "--top"),
    ];
    for (flags, code, reason) in wrong {
        let found = run(&[&["classify", photo, "--labels", "a cat,a dog"], &flags[..]].concat());
        assert_eq!(found.code, code, "{flags:?}: {}", found.stderr);
        assert!(found.stderr.contains(reason), "{flags:?}: {}", found.stderr);
    }
    let folder = tempfile::tempdir().expect("a folder");
    let lines = [
        ("threads = 2147483648", "threads: 2147483648 is no whole number"),
        ("threads = 0", "`threads = 0`"),
        ("max_pixels = 0", "max_pixels: 0 is not 1 or more"),
        ("max_pixels = -1", "`max_pixels = -1`"),
    ];
    for (line, reason) in lines {
        std::fs::write(folder.path().join("clip-rs.toml"), format!("{line}\n")).expect("a file");
        let mut command = common::clip_rs(&["config"]);
        let output = command.current_dir(folder.path()).output().expect("it runs");
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{line}: {stderr}");
        assert!(stderr.contains(reason), "{line}: {stderr}");
    }
}

#[test]
fn suite_file_out_of_range_is_refused_as_the_flags_are() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("suite.toml");
    let wrong = [
        ("[\"zeroshot\"]", "level = 95", "level: 95 is no share"),
        (
            "[\"zeroshot\"]",
            "resamples = 100000000000",
            "resamples: 100000000000 is no whole number",
        ),
        ("[\"probe\"]", "c = nan", "c: NaN is no strength"),
        ("[\"probe\"]", "c = 0.0", "c: 0 is no strength"),
        ("[\"fewshot\"]", "shots = [0]", "shots: 0 is no whole number"),
        ("[\"fewshot\"]", "shots = []", "shots: there is none"),
        ("[\"fewshot\"]", "draws = 0", "draws: 0 is no whole number"),
        ("[\"retrieval\"]", "captions = 0", "captions: 0 is not 1 or more"),
        ("[\"zeroshot\"]", "fps = 2.0", "fps: has a meaning with frames = all only"),
        ("[\"zeroshot\"]", "draws = 5", "draws is not read by zeroshot"),
        ("[]", "level = 0.9", "tasks: there is none"),
    ];
    for (tasks, option, reason) in wrong {
        let text = format!(
            "models = [\"starter\"]\ntasks = {tasks}\ndatasets = [\"cifar10\"]\n[options]\n{option}\n"
        );
        std::fs::write(&path, text).expect("a suite");
        let found = run(&["eval", "suite", &path.display().to_string()]);
        assert_eq!(found.code, 1, "{option}: {}", found.stderr);
        assert!(found.stderr.contains(reason), "{option}: {}", found.stderr);
    }
}
