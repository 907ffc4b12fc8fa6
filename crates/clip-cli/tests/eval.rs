//! `clip-rs eval` as typed: cells, resumed and shared runs, missing data, comparison.

mod common;

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use common::cifar10::cifar10;
use common::{clip_rs, json_lines, run};

/// `eval` with folders of its own.
fn eval(verb: &[&str], data: &Path, folder: &Path, out: &str) -> common::Run {
    let (data, out) = (data.display().to_string(), folder.join(out).display().to_string());
    let features =
        folder.join(format!("features of {}", out.rsplit('/').next().unwrap_or_default()));
    let features = features.display().to_string();
    let arguments =
        [&["eval"], verb, &["--root", &data, "--out", &out, "--features", &features]].concat();
    run(&arguments)
}

#[test]
fn zero_shot_writes_a_cell_with_its_interval_and_one_line_per_image() {
    let folder = tempfile::tempdir().expect("a folder");
    cifar10(folder.path(), 60);
    let found =
        eval(&["zeroshot", "--dataset", "cifar10", "--json"], folder.path(), folder.path(), "out");
    assert_eq!(found.code, 3, "60 of the 10,000 images that were published: {}", found.stderr);
    let cell = &json_lines(&found.stdout)[0];
    assert_eq!(cell["dataset"], "cifar10");
    assert_eq!(cell["task"], "zeroshot_classification");
    assert_eq!(
        (&cell["counts"]["expected"], &cell["counts"]["scored"]),
        (&10_000.into(), &60.into())
    );
    let (value, low, high) =
        (&cell["score"]["value"], &cell["score"]["low"], &cell["score"]["high"]);
    let [value, low, high] = [value, low, high].map(|number| number.as_f64().expect("a number"));
    assert!(low < value && value < high, "{low} {value} {high}");
    assert_eq!(cell["metrics"]["acc1"], cell["score"]["value"]);
    let lines = fs::read_to_string(
        folder.path().join("out/starter/cifar10.zeroshot_classification.predictions.jsonl"),
    )
    .expect("predictions");
    let lines = json_lines(&lines);
    assert_eq!(lines.len(), 60);
    let right = lines.iter().filter(|line| line["best"][0] == line["truth"][0]).count();
    assert!((value - right as f64 / 60.0).abs() < 1e-12);
    let table =
        fs::read_to_string(folder.path().join("out/results.csv")).expect("the joined table");
    assert!(
        table
            .lines()
            .nth(1)
            .expect("a row")
            .starts_with("cifar10,test,zeroshot_classification,starter,")
    );
    assert!(found.stderr.contains("A research tool"), "{}", found.stderr);
}

#[test]
fn cell_that_is_there_is_kept_until_something_it_was_made_of_changes() {
    let folder = tempfile::tempdir().expect("a folder");
    cifar10(folder.path(), 30);
    let verb = ["zeroshot", "--dataset", "cifar10", "--json"];
    let cell = |verb: &[&str]| {
        json_lines(&eval(verb, folder.path(), folder.path(), "out").stdout)[0].clone()
    };
    let first = cell(&verb);
    assert_eq!(cell(&verb), first, "kept, its wall time included");
    let other = cell(&[&verb[..], &["--level", "0.995"]].concat());
    assert_eq!(other["score"]["level"], 0.995);
    assert_eq!(other["score"]["value"], first["score"]["value"]);
    cifar10(folder.path(), 31);
    assert_eq!(cell(&verb)["counts"]["found"], 31);
}

/// The labels and the number of images stay as they were; only pixels change, of the scored and of
/// the training split.
#[test]
fn cell_that_is_there_is_made_again_when_an_image_changes() {
    let folder = tempfile::tempdir().expect("a folder");
    cifar10(folder.path(), 20);
    let paint = |file: &str| {
        let path = folder.path().join("cifar-10-batches-bin").join(file);
        let mut bytes = fs::read(&path).expect("records");
        bytes[1..3073].fill(255);
        fs::write(&path, &bytes).expect("records");
    };
    let verbs: [(&[&str], _); 2] =
        [(&["zeroshot"], "test_batch.bin"), (&["probe", "--c", "0.316"], "data_batch_3.bin")];
    for (verb, file) in verbs {
        let verb = [verb, &["--dataset", "cifar10", "--json"]].concat();
        let cell =
            || json_lines(&eval(&verb, folder.path(), folder.path(), "out").stdout)[0].clone();
        let first = cell();
        assert_eq!(cell(), first, "kept");
        paint(file);
        let again = cell();
        assert_ne!(again["provenance"]["read"], first["provenance"]["read"], "{verb:?}");
        assert_eq!(
            again["provenance"]["split_blake3"], first["provenance"]["split_blake3"],
            "{verb:?}"
        );
        assert_eq!(cell(), again, "kept again");
    }
}

#[test]
fn option_of_another_task_is_refused() {
    for (task, option) in
        [("zeroshot", "--shots"), ("probe", "--caption-template"), ("retrieval", "--c")]
    {
        let run = common::run(&["eval", task, "--dataset", "cifar10", "--root", ".", option, "1"]);
        assert_eq!(run.code, 2, "{task} {option}");
        assert!(run.stderr.contains("unexpected argument"), "{}", run.stderr);
    }
}

#[test]
fn changed_image_is_never_taken_from_the_cache() {
    let folder = tempfile::tempdir().expect("a folder");
    cifar10(folder.path(), 20);
    let verb = ["zeroshot", "--dataset", "cifar10", "--json"];
    let path = folder.path().join("cifar-10-batches-bin/test_batch.bin");
    eval(&verb, folder.path(), folder.path(), "out");
    let mut bytes = fs::read(&path).expect("records");
    bytes[1..3073].fill(255); // same name, same size
    fs::write(&path, &bytes).expect("records");
    fs::remove_dir_all(folder.path().join("out")).expect("results forgotten, features kept");
    eval(&verb, folder.path(), folder.path(), "out");
    let predictions = |out: &str| {
        fs::read(
            folder
                .path()
                .join(out)
                .join("starter/cifar10.zeroshot_classification.predictions.jsonl"),
        )
        .expect("it")
    };
    eval(&verb, folder.path(), folder.path(), "fresh");
    assert_eq!(predictions("out"), predictions("fresh"));
}

fn suite(folder: &Path) -> String {
    let text = "models = [\"starter\"]\ntasks = [\"zeroshot\", \"probe\"]\nroot = \".\"\n\
                datasets = [\"cifar10\", \"mnist\"]\n[options]\nc = 0.316\n";
    let path = folder.join("suite.toml");
    fs::write(&path, text).expect("a suite");
    path.display().to_string()
}

fn suite_arguments<'a>(suite: &'a str, out: &'a str, features: &'a str) -> Vec<&'a str> {
    vec!["eval", "suite", suite, "--out", out, "--features", features]
}

#[test]
fn killed_suite_and_two_shards_give_the_table_of_one_run() {
    let folder = tempfile::tempdir().expect("a folder");
    cifar10(folder.path(), 400);
    let suite = suite(folder.path());
    let path = |name: &str| folder.path().join(name).display().to_string();
    let whole = run(&suite_arguments(&suite, &path("whole"), &path("whole-features")));
    // mnist is not there: listed, and nothing stops.
    assert_eq!(whole.code, 3, "{}", whole.stderr);
    assert!(whole.stderr.contains("mnist"), "{}", whole.stderr);
    let table = |out: &str| {
        fs::read_to_string(folder.path().join(out).join("results.csv")).expect("a table")
    };
    assert!(table("whole").matches("cifar10,").count() >= 2, "{}", table("whole"));

    let (out, features) = (path("killed"), path("killed-features"));
    let mut program = Command::new(assert_cmd::cargo::cargo_bin!("clip-rs"));
    program.args(suite_arguments(&suite, &out, &features)).current_dir(common::root());
    program.env_clear().env("HOME", "/dev/null/home").stdout(Stdio::null()).stderr(Stdio::null());
    let mut running = program.spawn().expect("it starts");
    let has_rows = || {
        let rows = |entry: fs::DirEntry| {
            fs::metadata(entry.path().join("rows-0-of-1.bin")).map_or(0, |file| file.len())
        };
        fs::read_dir(&features).is_ok_and(|entries| entries.flatten().any(|entry| rows(entry) > 0))
    };
    while !has_rows() {
        assert!(
            running.try_wait().expect("a state").is_none(),
            "it was over before it could be killed"
        );
        std::thread::sleep(Duration::from_millis(2));
    }
    running.kill().expect("it runs");
    running.wait().expect("it has ended");
    assert!(!Path::new(&out).join("results.csv").exists(), "it was over before it could be killed");
    assert_eq!(run(&suite_arguments(&suite, &out, &features)).code, 3);
    assert_eq!(table("killed"), table("whole"));

    let (out, features) = (path("shared"), path("shared-features"));
    for shard in ["0/2", "1/2"] {
        clip_rs(&[&suite_arguments(&suite, &out, &features)[..], &["--shard", shard]].concat())
            .output()
            .expect("it runs");
    }
    assert_eq!(table("shared"), table("whole"));
}

/// One anchor of YouTube-BB and a frame beside it: a bootstrap over one anchor would say
/// `100 to 100`, or `0 to 0`.
#[test]
fn one_anchor_has_a_score_and_no_interval() {
    let folder = tempfile::tempdir().expect("a folder");
    let frames = folder.path().join("vF7yMilclwc_459733");
    fs::create_dir_all(folder.path().join("metadata")).expect("a folder");
    fs::create_dir_all(&frames).expect("a folder");
    fs::write(folder.path().join("metadata/anchor_labels.json"), "{}").expect("a file");
    for number in [13792, 13793] {
        let picture = [&b"P6\n32 32\n255\n"[..], &[120; 3072]].concat();
        fs::write(frames.join(format!("frame-{number}.jpg")), picture).expect("a frame");
    }
    let found =
        eval(&["zeroshot", "--dataset", "ytbb", "--json"], folder.path(), folder.path(), "out");
    assert_eq!(found.code, 3, "{}", found.stderr);
    let cell = &json_lines(&found.stdout)[0];
    assert_eq!(cell["score"]["name"], "mean_pm0_pm10");
    assert!(
        cell["score"]["low"].is_null() && cell["score"]["method"].is_null(),
        "{}",
        cell["score"]
    );
    assert!(cell["notes"].to_string().contains("mean_pm0_pm10: no interval: every draw"));
    // pm-0 is a share, whose exact interval holds for one anchor too.
    let pm0 = &cell["figures"][0];
    assert_eq!(pm0["name"], "pm0");
    let width = pm0["high"].as_f64().expect("an end") - pm0["low"].as_f64().expect("an end");
    assert!(width > 0.9, "{pm0}");
}

#[test]
fn comparison_counts_discordant_images() {
    let folder = tempfile::tempdir().expect("a folder");
    let line = |item: usize, right: bool| {
        format!(
            "{{\"item\":\"{item}\",\"truth\":[1],\"best\":[{}],\"probabilities\":[1.0],\"truth_probability\":null}}\n",
            u8::from(right)
        )
    };
    let write = |name: &str, right: &dyn Fn(usize) -> bool| {
        let path = folder.path().join(name);
        fs::write(&path, (0..40).map(|item| line(item, right(item))).collect::<String>())
            .expect("a file");
        path.display().to_string()
    };
    let (first, second) =
        (write("a.jsonl", &|item| item < 20), write("b.jsonl", &|item| (5..32).contains(&item)));
    let found = run(&["eval", "compare", &first, &second, "--json"]);
    assert_eq!(found.code, 0, "{}", found.stderr);
    let comparison = &json_lines(&found.stdout)[0];
    assert_eq!((&comparison["only_first"], &comparison["only_second"]), (&5.into(), &12.into()));
}

#[test]
fn comparison_leaves_out_images_whose_truth_differs_and_says_how_many() {
    let folder = tempfile::tempdir().expect("a folder");
    // Both models say class 0 for even images and class 1 for odd ones; the second file has four
    // other truths.
    let line = |item: u32, truth: u32| {
        format!(
            "{{\"item\":\"i{item:02}.jpg\",\"truth\":[{truth}],\"best\":[{}],\"probabilities\":[0.9],\
             \"truth_probability\":0.9}}\n",
            item % 2
        )
    };
    let write = |name: &str, relabelled: u32| {
        let path = folder.path().join(name);
        let truth = |item: u32| if item < relabelled { 1 - item % 2 } else { item % 2 };
        fs::write(&path, (0..12).map(|item| line(item, truth(item))).collect::<String>())
            .expect("a file");
        path.display().to_string()
    };
    let (first, second) = (write("a.predictions.jsonl", 0), write("b.predictions.jsonl", 4));
    let found = run(&["eval", "compare", &first, &second, "--json"]);
    assert_eq!(found.code, 3, "{}", found.stderr);
    let comparison = &json_lines(&found.stdout)[0];
    assert_eq!((&comparison["items"], &comparison["both"]), (&8.into(), &8.into()), "{comparison}");
    assert_eq!((&comparison["difference"], &comparison["other_truth"]), (&0.0.into(), &4.into()));
    assert!(found.stderr.contains("4 images whose truth is not the same"), "{}", found.stderr);
    assert!(found.stderr.contains("compared by accuracy"), "{}", found.stderr);
    let all = write("c.predictions.jsonl", 12);
    let refused = run(&["eval", "compare", &first, &all]);
    assert_eq!(refused.code, 1);
    assert!(refused.stderr.contains("all 12 common images"), "{}", refused.stderr);
}

#[test]
fn overlap_is_split_by_the_detectors_file_joined_by_id() {
    let folder = tempfile::tempdir().expect("a folder");
    let line = |item: usize, right: bool| {
        format!(
            "{{\"item\":\"{item}.jpg\",\"truth\":[1],\"best\":[{}],\"probabilities\":[1.0],\"truth_probability\":null}}\n",
            u8::from(right)
        )
    };
    // 30 clean images of which 15 are right, 10 overlapping ones of which 9 are; the detector has
    // them in another order.
    let predictions: String = (0..40)
        .map(|item| line(item, if item < 30 { item % 2 == 0 } else { item != 39 }))
        .collect();
    let row = |item: usize| format!("{item}.jpg,{},x\n", if item < 30 { 0.2 } else { 0.97 });
    let mut rows: String = (0..40).rev().map(row).collect();
    let path = |name: &str| folder.path().join(name).display().to_string();
    fs::write(path("a.predictions.jsonl"), predictions).expect("a file");
    fs::write(path("similar.csv"), format!("id,similarity,nearest id\n{rows}")).expect("a file");
    let set = format!("{},{},0.9", path("a.predictions.jsonl"), path("similar.csv"));
    let found = run(&["eval", "overlap", "--set", &set, "--json"]);
    assert_eq!(found.code, 0, "{}", found.stderr);
    let overlap = &json_lines(&found.stdout)[0];
    assert_eq!((&overlap["all"], &overlap["overlap"]), (&40.into(), &10.into()));
    assert_eq!(
        (&overlap["accuracy_clean"], &overlap["accuracy_overlap"]),
        (&0.5.into(), &0.9.into())
    );
    assert!((overlap["added"].as_f64().expect("a number") - 0.1).abs() < 1e-12);
    let p = overlap["p"].as_f64().expect("a test");
    assert!((p - 11.0 / 1024.0).abs() < 1e-12, "{p}"); // 9 or 10 of 10 at 1/2
    rows += "99.jpg,0.1,x\n";
    fs::write(path("similar.csv"), format!("id,similarity,nearest id\n{rows}")).expect("a file");
    let more = run(&["eval", "overlap", "--set", &set]);
    assert_eq!(more.code, 3, "{}", more.stderr);
    assert!(more.stderr.contains("1 rows of the detector"), "{}", more.stderr);
    fs::write(path("similar.csv"), "id,similarity\n0.jpg,0.1\n").expect("a file");
    assert_eq!(run(&["eval", "overlap", "--set", &set]).code, 1);
    assert_eq!(run(&["eval", "overlap", "--set", "a,b"]).code, 2);
}

#[test]
fn wrong_requests_say_what_there_is() {
    let folder = tempfile::tempdir().expect("a folder");
    let missing = eval(&["zeroshot", "--dataset", "cifar10"], folder.path(), folder.path(), "out");
    assert_eq!(missing.code, 1);
    assert!(missing.stderr.contains("cifar-10-binary.tar.gz"), "{}", missing.stderr);
    let unknown = eval(&["zeroshot", "--dataset", "cifar"], folder.path(), folder.path(), "out");
    assert_eq!(unknown.code, 1);
    assert!(unknown.stderr.contains("clip-rs datasets list"), "{}", unknown.stderr);
    let unfit = eval(&["retrieval", "--dataset", "cifar10"], folder.path(), folder.path(), "out");
    assert_eq!(unfit.code, 1);
    assert!(unfit.stderr.contains("no data set fits the task: cifar10"), "{}", unfit.stderr);
}
