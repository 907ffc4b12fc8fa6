//! Results of different things stand side by side: files, table and report have each; what was
//! changed is made again.

mod common;

use std::fs;
use std::path::{Path, PathBuf};

use common::cifar10::{cifar10, folders};
use common::{clip_rs, json_lines, run};

/// A folder with data, and runs into one folder of results in it.
struct Desk {
    folder: tempfile::TempDir,
}

impl Desk {
    fn new(records: usize) -> Desk {
        let folder = tempfile::tempdir().expect("a folder");
        cifar10(folder.path(), records);
        Desk { folder }
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    /// Runs with the folder's data and returns the cells; of a miniature, which is not all that was
    /// published, too.
    fn eval(&self, arguments: &[&str]) -> Vec<serde_json::Value> {
        let found = self.start(arguments);
        assert!(matches!(found.code, 0 | 3), "{arguments:?}\n{}", found.stderr);
        json_lines(&found.stdout)
    }

    fn run(&self, arguments: &[&str], code: i32) -> common::Run {
        let found = self.start(arguments);
        assert_eq!(found.code, code, "{arguments:?}\n{}", found.stderr);
        found
    }

    fn start(&self, arguments: &[&str]) -> common::Run {
        let (root, out, features) = (self.path(""), self.path("out"), self.path("features"));
        let root = if arguments[0] == "suite" { vec![] } else { vec!["--root", &root] };
        let further = ["--out", &out, "--features", &features, "--json"];
        run(&[&["eval"], arguments, &root, &further].concat())
    }

    fn results(&self) -> Vec<PathBuf> {
        let models =
            fs::read_dir(self.path("out")).expect("results").flatten().map(|entry| entry.path());
        let files = models
            .filter(|path| path.is_dir())
            .flat_map(|model| fs::read_dir(model).expect("a folder"));
        let mut results: Vec<PathBuf> = files.flatten().map(|entry| entry.path()).collect();
        results.retain(|path| path.extension().is_some_and(|ending| ending == "json"));
        results.sort();
        results
    }

    fn names(&self) -> Vec<String> {
        let name = |path: PathBuf| path.file_name().map(|name| name.to_string_lossy().into_owned());
        self.results().into_iter().filter_map(name).collect()
    }
}

fn written(path: &Path) -> std::time::SystemTime {
    fs::metadata(path).and_then(|file| file.modified()).expect("a file")
}

#[test]
fn every_choice_that_a_task_reads_has_a_file_of_its_own() {
    let desk = Desk::new(30);
    let templates = desk.path("templates.json");
    fs::write(&templates, "[\"a picture of a {}\", \"{}\"]").expect("a file");
    let runs: [&[&str]; 6] = [
        &[],
        &["--split", "train"],
        &["--templates", &templates],
        &["--level", "0.995"],
        &["--precision", "bf16"],
        &["--max-pixels", "100000"],
    ];
    let cells =
        runs.map(|choices| desk.eval(&[&["zeroshot", "--dataset", "cifar10"], choices].concat()));
    let probe = ["probe", "--dataset", "cifar10", "--c", "0.5"];
    desk.eval(&probe);
    desk.eval(&[&probe[..], &["--probe-features", "projected"]].concat());
    desk.eval(&[&probe[..], &["--probe-features", "normalized"]].concat());
    let hash = cells[2][0]["identity"]["choices"]["templates"].as_str().expect("a hash");
    let hash = &hash["blake3:".len()..][..8];
    let expected = [
        "cifar10.linear_probe.c-0.5,probe-features-normalized.json".to_owned(),
        "cifar10.linear_probe.c-0.5,probe-features-projected.json".to_owned(),
        "cifar10.linear_probe.c-0.5.json".to_owned(),
        "cifar10.zeroshot_classification.json".to_owned(),
        "cifar10.zeroshot_classification.level-0.995.json".to_owned(),
        "cifar10.zeroshot_classification.max-pixels-100000.json".to_owned(),
        "cifar10.zeroshot_classification.precision-bf16.json".to_owned(),
        "cifar10.zeroshot_classification.split-train.json".to_owned(),
        format!("cifar10.zeroshot_classification.templates-{hash}.json"),
    ];
    assert_eq!(desk.names(), expected);
    let table = fs::read_to_string(desk.path("out/results.csv")).expect("a table");
    for variant in ["split-train", "level-0.995", "precision-bf16", &format!("templates-{hash}")] {
        assert!(
            table.lines().any(|line| line.ends_with(&format!(",catalogue,{variant}"))),
            "{variant}\n{table}"
        );
    }
    let report = run(&["report", &desk.path("out"), "--json"]);
    assert_eq!(json_lines(&report.stdout)[0]["cells"], 9, "{}", report.stdout);
    let page = fs::read_to_string(desk.path("out/report.html")).expect("a page");
    assert!(page.contains("split-train") && page.contains("probe-features-normalized"));
    for path in desk.results() {
        let predictions = path.with_extension("predictions.jsonl");
        assert!(predictions.is_file(), "{}", predictions.display());
    }
}

/// The options of other tasks are no reason to make a result again.
#[test]
fn result_is_kept_when_an_option_changes_that_its_task_does_not_read() {
    let desk = Desk::new(30);
    let suite = desk.path("suite.toml");
    for c in ["0.5", "2.0"] {
        let text = format!(
            "models = [\"starter\"]\ntasks = [\"zeroshot\", \"probe\"]\nroot = \".\"\ndatasets = [\"cifar10\"]\n[options]\nc = {c}\n"
        );
        fs::write(&suite, text).expect("a suite");
        let before = desk.folder.path().join("out/starter/cifar10.zeroshot_classification.json");
        let before = before.exists().then(|| written(&before));
        desk.eval(&["suite", &suite]);
        if let Some(before) = before {
            let after = desk.folder.path().join("out/starter/cifar10.zeroshot_classification.json");
            assert_eq!(written(&after), before);
        }
    }
    assert_eq!(
        desk.names(),
        [
            "cifar10.linear_probe.c-0.5.json",
            "cifar10.linear_probe.c-2.0.json",
            "cifar10.zeroshot_classification.json"
        ]
    );
}

#[test]
fn folder_that_is_called_like_a_data_set_and_folders_of_one_name_are_kept_apart() {
    let desk = Desk::new(20);
    for (folder, first) in [("cifar10", 0), ("a/cifar10", 90), ("b/cifar10", 170)] {
        folders(&desk.folder.path().join(folder), 3, first);
    }
    let asked = ["cifar10", "folder:cifar10", "folder:a/cifar10", "folder:b/cifar10"];
    let found: Vec<_> =
        asked.iter().flat_map(|name| desk.eval(&["zeroshot", "--dataset", name])).collect();
    assert_eq!(desk.names().len(), 4, "{:?}", desk.names());
    let times: Vec<_> = desk.results().iter().map(|path| written(path)).collect();
    let again: Vec<_> =
        asked.iter().flat_map(|name| desk.eval(&["zeroshot", "--dataset", name])).collect();
    assert_eq!(found, again, "each finds its own");
    assert_eq!(desk.results().iter().map(|path| written(path)).collect::<Vec<_>>(), times);
    let table = fs::read_to_string(desk.path("out/results.csv")).expect("a table");
    let accuracies = table.lines().filter(|line| line.contains(",accuracy,"));
    assert_eq!(accuracies.count(), 4, "{table}");
}

#[test]
fn models_whose_names_collapse_have_a_result_each() {
    let desk = Desk::new(20);
    let starter = common::root().join("crates/clip/assets/starter");
    fs::create_dir(desk.path("a")).expect("a folder");
    for (folder, name) in [("a", "a/x.safetensors"), ("", "a-x.safetensors")] {
        fs::copy(starter.join("starter.safetensors"), desk.path(name)).expect("copied");
        let config = desk.folder.path().join(folder).join("open_clip_config.json");
        fs::copy(starter.join("open_clip_config.json"), config).expect("copied");
    }
    let models = format!("{},{}", desk.path("a/x.safetensors"), desk.path("a-x.safetensors"));
    assert_eq!(desk.eval(&["zeroshot", "--dataset", "cifar10", "--model", &models]).len(), 2);
    assert_eq!(desk.results().len(), 2, "{:?}", desk.results());
}

#[test]
fn figure_that_was_edited_and_predictions_that_are_gone_are_made_again() {
    let desk = Desk::new(30);
    let verb = ["zeroshot", "--dataset", "cifar10"];
    let first = &desk.eval(&verb)[0];
    let path = desk.results().remove(0);
    let predictions = path.with_extension("predictions.jsonl");
    let (text, lines) =
        (fs::read_to_string(&path).expect("it"), fs::read(&predictions).expect("them"));
    let value = format!("\"value\": {}", first["score"]["value"]);
    let edits: [&dyn Fn(); 5] = [
        &|| fs::write(&path, text.replacen(&value, "\"value\": 0.99", 1)).expect("edited"),
        &|| {
            let mut cell: serde_json::Value = serde_json::from_str(&text).expect("JSON");
            cell["score"]["value"] = 0.99.into();
            fs::write(&path, cell.to_string()).expect("edited by another program");
        },
        &|| fs::write(&path, "{").expect("damaged"),
        &|| fs::remove_file(&predictions).expect("removed"),
        &|| fs::write(&predictions, &lines[..lines.len() / 2]).expect("cut"),
    ];
    for edit in edits {
        edit();
        let again = &desk.eval(&verb)[0];
        assert_eq!(again["score"], first["score"]);
        assert_eq!(fs::read(&predictions).expect("them"), lines);
    }
}

#[test]
fn bad_result_of_another_stops_no_run_and_is_named() {
    let desk = Desk::new(20);
    fs::create_dir_all(desk.path("out/starter")).expect("made");
    fs::write(desk.path("out/starter/mnist.linear_probe.json"), "{\"score\": null}")
        .expect("written");
    let found = desk.run(&["zeroshot", "--dataset", "cifar10"], 3);
    assert!(found.stderr.contains("mnist.linear_probe.json"), "{}", found.stderr);
    assert!(
        fs::read_to_string(desk.path("out/results.csv"))
            .expect("a table")
            .contains("\ncifar10,test,")
    );
}

#[test]
fn data_set_that_does_not_fit_the_task_is_named() {
    let desk = Desk::new(20);
    let found = desk.run(&["zeroshot", "--dataset", "cifar10,fairface"], 3);
    assert!(
        found.stderr.contains("fairface: left out: it is no data set for zeroshot"),
        "{}",
        found.stderr
    );
    assert_eq!(json_lines(&found.stdout).len(), 1);
}

#[test]
fn all_that_was_left_out_is_in_the_ledger() {
    let desk = Desk::new(20);
    let set = desk.folder.path().join("set");
    folders(&set, 3, 0);
    for number in 0..120 {
        fs::write(set.join(format!("cat/broken-{number:03}.png")), "no picture").expect("written");
    }
    let found = desk.run(&["zeroshot", "--dataset", "folder:set"], 3);
    let cell = &json_lines(&found.stdout)[0];
    assert_eq!((&cell["counts"]["scored"], &cell["counts"]["skipped"]), (&6.into(), &120.into()));
    assert!(found.stderr.contains("117 more"), "{}", found.stderr);
    let ledger = desk.results()[0].with_extension("skipped.jsonl");
    let lines = json_lines(&fs::read_to_string(ledger).expect("a ledger"));
    assert_eq!((lines.len(), &lines[119]["input"]), (120, &"cat/broken-119.png".into()));
}

/// Nobody reads standard output: the results are there all the same.
#[test]
fn closed_pipe_ends_the_printing_and_not_the_work() {
    let desk = Desk::new(30);
    let (root, out, features) = (desk.path(""), desk.path("out"), desk.path("features"));
    let mut command = std::process::Command::new(assert_cmd::cargo::cargo_bin!("clip-rs"));
    command.args(["eval", "zeroshot", "--dataset", "cifar10", "--root", &root, "--out", &out]);
    command
        .args(["--features", &features])
        .current_dir(common::root())
        .env_clear()
        .env("HOME", "/dev/null/home");
    command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::null());
    let mut running = command.spawn().expect("it starts");
    drop(running.stdout.take());
    assert_eq!(running.wait().expect("it ends").code(), Some(3)); // the set is a miniature
    let table = fs::read_to_string(desk.path("out/results.csv")).expect("the joined table");
    assert!(table.contains("\ncifar10,test,zeroshot_classification,starter,"), "{table}");
}

/// Programs that write to one folder of results at a time: the table has the rows of all.
#[test]
fn programs_that_share_a_folder_of_results_give_the_table_of_one_after_another() {
    let desk = Desk::new(20);
    let levels = ["0.8", "0.9", "0.95", "0.99"];
    let arguments = |level: &str, out: &str| {
        let (root, features) = (desk.path(""), desk.path("features"));
        let fixed = ["eval", "zeroshot", "--dataset", "cifar10", "--level", level, "--root", &root];
        clip_rs(&[&fixed[..], &["--out", &desk.path(out), "--features", &features]].concat())
    };
    for level in levels {
        arguments(level, "alone").assert().code(3);
    }
    std::thread::scope(|scope| {
        for level in levels {
            scope.spawn(move || arguments(level, "together").assert().code(3));
        }
    });
    let table = |out: &str| fs::read_to_string(desk.path(out) + "/results.csv").expect("a table");
    assert_eq!(table("together"), table("alone"));
    assert_eq!(table("alone").matches(",accuracy,").count(), levels.len());
}
